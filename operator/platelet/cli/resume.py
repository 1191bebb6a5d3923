"""`platelet resume`: end a pause."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from platelet.cli import session, suspension, terminal
from platelet.explain import lines
from platelet.model.policy import OPERATOR_NAMESPACE

if TYPE_CHECKING:
    from platelet.shell.kube.client import ClusterClient

_DESCRIPTION = """\
End a pause of the operator. What happened meanwhile is not made up for: only what is wrong now counts. Namespaces,
workloads and policies that are suspended individually stay suspended."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("resume", help="let the operator act again", description=_DESCRIPTION)
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Remove the switch, and say what is now true."""
    if options.namespace is not None:
        return session.fail(suspension.whole_operator("resume", options.namespace), code=2)
    return session.run(options, partial(_resume, options))


async def _resume(options: argparse.Namespace, client: "ClusterClient") -> int:
    outcome = await suspension.change(client, options.operator_namespace, lambda _before, _now: None)
    terminal.write(describe(outcome, options.operator_namespace), sys.stdout)
    return 0


def describe(outcome: suspension.Outcome, namespace: str) -> list[str]:
    """Say what is now true, and how to go back."""
    before, now = outcome.before, outcome.now
    if before is None:
        return ["not paused: nothing to resume; policies act within their limits"]
    flag = "" if namespace == OPERATOR_NAMESPACE else f" --operator-namespace {namespace}"
    reason = f"; its reason was: {before.reason}" if before.reason else ""
    if before.until is not None and not suspension.in_force(before, now):
        return [f"the pause had ended at {lines.moment(before.until, now)} by itself; it is removed now"]
    return [f"resumed: policies act again within their limits{reason}", f"to pause again: platelet pause{flag}"]
