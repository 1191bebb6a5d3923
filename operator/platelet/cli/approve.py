"""`platelet approve`: say yes to the plan that a Remediation shows."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from platelet.cli import answers, named_objects, session, terminal
from platelet.model import approval

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
Say yes to the plan that a Remediation shows, and to no other: if the situation changes before it is carried out, the
plan is void and people are asked again. The guards are asked once more, then the operator acts. You need the RBAC
verbs `approve`, `get` and `patch` on remediations; your name goes on record."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("approve", help="say yes to the plan that is shown", description=_DESCRIPTION)
    parser.add_argument("name", type=named_objects.remediation, metavar="remediation/NAME")
    parser.add_argument(
        "--token", default="", help="answer only to the plan with this token, from a notice or the Remediation"
    )
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Approve. Exit code 1 when there is nothing to approve, or we may not."""
    return session.run(options, partial(_approve, options))


async def _approve(options: argparse.Namespace, client: "ClusterClient") -> int:
    question = await answers.read_question(client, session.namespace_of(options), options.name, options.token)
    user = await session.read_user(client)
    answer = {approval.APPROVE: question.asked.token, approval.APPROVED_BY: user}
    await answers.write_answer(client, question.remediation, answer)
    confirmation = [
        *answers.describe(question, client.clock.now()),
        f"approved as {user}: the operator asks the guards again, and then acts",
        f"to follow it: platelet explain {question.where}",
    ]
    terminal.write(confirmation, sys.stdout)
    return 0
