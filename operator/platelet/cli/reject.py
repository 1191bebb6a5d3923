"""`platelet reject`: say no to the plan that a Remediation shows."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from platelet.cli import answers, named_objects, session, terminal
from platelet.model import approval

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_LONGEST_REASON = 512
_DESCRIPTION = """\
Say no to the plan that a Remediation shows. Automation ends for this incident, and people have it. You need the RBAC
verbs `approve`, `get` and `patch` on remediations; your name and your reason go on record."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("reject", help="say no to the plan that is shown", description=_DESCRIPTION)
    parser.add_argument("name", type=named_objects.remediation, metavar="remediation/NAME")
    parser.add_argument("--reason", type=_reason, required=True, metavar="TEXT", help="why, for other people to read")
    parser.add_argument(
        "--token", default="", help="answer only to the plan with this token, from a notice or the Remediation"
    )
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Reject. Exit code 1 when there is nothing to reject, or we may not."""
    return session.run(options, partial(_reject, options))


async def _reject(options: argparse.Namespace, client: "ClusterClient") -> int:
    question = await answers.read_question(client, session.namespace_of(options), options.name, options.token)
    user = await session.read_user(client)
    answer = {
        approval.REJECT: question.asked.token,
        approval.REJECTED_BY: user,
        approval.REJECT_REASON: options.reason,
    }
    await answers.write_answer(client, question.remediation, answer)
    confirmation = [
        *answers.describe(question, client.clock.now()),
        f"rejected as {user}: automation ends for this incident, people have it",
    ]
    terminal.write(confirmation, sys.stdout)
    return 0


def _reason(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"say why in 1 to {_LONGEST_REASON} characters")
    return text
