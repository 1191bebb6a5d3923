"""`platelet acknowledge`: let others know that somebody has heard of an escalation, or looks at a question."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from platelet.cli import answers, named_objects, session, terminal
from platelet.model import approval

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Say that you have heard of an escalation: nobody is called again for what was told so far, and your name goes on record
beside each place where it was told. What gets worse after that is told anew. It ends nothing, and automation stays
stopped for the incident. Of a plan that awaits approval, say that you look at it: nobody else is asked meanwhile, and
it is no answer. You need the RBAC verbs `approve`, `get` and `patch` on remediations."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "acknowledge", help="say that you have heard of an escalation, or look at a question", description=_DESCRIPTION
    )
    parser.add_argument("name", type=named_objects.remediation, metavar="remediation/NAME")
    parser.add_argument("--token", default="", help="only for what was told with this token, from a notice")
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Acknowledge it. Exit code 1 when there is nothing to acknowledge, or we may not."""
    return session.run(options, partial(_acknowledge, options))


async def _acknowledge(options: argparse.Namespace, client: "ClusterClient") -> int:
    remediation = await answers.read_remediation(client, session.namespace_of(options), options.name)
    heard = answers.find_told(remediation, options.token)
    user = await session.read_user(client)
    answer = {approval.ACKNOWLEDGE: heard.token, approval.ACKNOWLEDGED_BY: user}
    await answers.write_answer(client, remediation, answer)
    title = f"Remediation {remediation.namespace}/{remediation.name}"
    written = [f"{title}, {heard.text}", f"acknowledged as {user}: {heard.follows}"]
    terminal.write(written, sys.stdout)
    return 0
