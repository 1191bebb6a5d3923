"""`platelet retry`: hand an escalated incident back, so that its steps are tried again."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from platelet.cli import answers, named_objects, session, terminal
from platelet.model import approval

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Hand an escalated incident back: its steps are tried again from the first one, as they were when it was opened, under
the same limits, guards and approvals. If the workload is well by then, the incident is closed instead. This counts
once: the next escalation has to be handed back again. You need the RBAC verbs `approve`, `get` and `patch` on
remediations; your name goes on record."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "retry", help="hand an escalated incident back, to be tried again", description=_DESCRIPTION
    )
    parser.add_argument("name", type=named_objects.remediation, metavar="remediation/NAME")
    parser.add_argument(
        "--token", default="", help="only for the escalation with this token, from a notice or the Remediation"
    )
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Hand it back. Exit code 1 when there is nothing to hand back, or we may not."""
    return session.run(options, partial(_retry, options))


async def _retry(options: argparse.Namespace, client: "ClusterClient") -> int:
    remediation = await answers.read_remediation(client, session.namespace_of(options), options.name)
    escalation = answers.find_escalation(remediation, options.token)
    user = await session.read_user(client)
    await answers.write_answer(client, remediation, {approval.RETRY: escalation.token, approval.RETRIED_BY: user})
    where = f"remediation/{remediation.name} -n {remediation.namespace}"
    confirmation = [
        f"Remediation {remediation.namespace}/{remediation.name}, escalated: {escalation.reason}: {escalation.message}",
        f"handed back as {user}: the operator asks the guards again, and then tries the first step",
        f"to follow it: platelet explain {where}",
    ]
    terminal.write(confirmation, sys.stdout)
    return 0
