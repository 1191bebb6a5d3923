"""`platelet pause`: stop all actions of the operator."""

import argparse
import sys
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from platelet.cli import session, suspension, terminal
from platelet.explain import lines
from platelet.model.policy import OPERATOR_NAMESPACE

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_LONGEST_REASON = 1024  # as the CRD admits
_DESCRIPTION = """\
Stop all actions of the operator, by the kill switch on the ActionBudget. Incidents are still recorded and explained. An
attempt that has already begun is finished and verified; temporary changes are not reverted until you resume. A pause
that is in force is never shortened: end it with `platelet resume`."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("pause", help="stop all actions of the operator", description=_DESCRIPTION)
    parser.add_argument(
        "--for",
        dest="lasting",
        type=session.read_duration,
        metavar="DURATION",
        help="such as 90s or 1h30m; default: until resumed",
    )
    parser.add_argument("--reason", type=_reason, default="", metavar="TEXT", help="why, for other people to read")
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Set the switch, and say what is now true."""
    if options.namespace is not None:
        return session.fail(suspension.whole_operator("pause", options.namespace), code=2)
    return session.run(options, partial(_pause, options))


async def _pause(options: argparse.Namespace, client: "ClusterClient") -> int:
    outcome = await suspension.change(
        client,
        options.operator_namespace,
        lambda before, now: suspension.paused(before, options.reason, options.lasting, now),
    )
    terminal.write(describe(outcome, options.lasting, options.operator_namespace), sys.stdout)
    return 0


def describe(outcome: suspension.Outcome, lasting: timedelta | None, namespace: str) -> list[str]:
    """Say what is now true, and how to end it."""
    after, now = outcome.after, outcome.now
    if after is None:
        return ["not paused"]
    again = "" if outcome.changed and not suspension.in_force(outcome.before, now) else "still "
    until = f"until {lines.moment(after.until, now)}" if after.until else "until resumed"
    answer = [f"{again}paused {until}: no action is started" + (f"; reason: {after.reason}" if after.reason else "")]
    if lasting is not None and _outlasts(after.until, lasting, now):
        answer.append("note: it was paused for longer than you asked, and a pause is never shortened")
    answer.append("incidents are still recorded; an attempt that has already begun is finished and verified")
    flag = "" if namespace == OPERATOR_NAMESPACE else f" --operator-namespace {namespace}"
    answer.append(f"to end it: platelet resume{flag}")
    return answer


def _outlasts(until: datetime | None, lasting: timedelta, now: datetime) -> bool:
    return until is None or until > now + lasting


def _reason(text: str) -> str:
    if len(text) > _LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"{len(text)} characters are too many: at most {_LONGEST_REASON}")
    return text
