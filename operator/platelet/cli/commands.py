"""All commands, and what their exit codes mean."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from platelet import VERSION

COMMANDS = (
    "run",
    "get",
    "explain",
    "timeline",
    "approve",
    "reject",
    "acknowledge",
    "retry",
    "pause",
    "resume",
    "revert",
    "doctor",
    "lint",
    "completion",
)
"""The modules beside this one, each with `add_to`."""
_FLAGS_OF_ALL = ("-n", "--namespace", "--kubeconfig", "--context", "--operator-namespace")
_EPILOG = """\
examples:
  platelet get -A -w                           policies, Runbooks, Remediations and the budget, as they change
  platelet explain deployment/api -n shop      why is nothing done for it?
  platelet explain remediation/NAME -n shop    what was done, why, and what comes next
  platelet timeline deployment/api --since 24h what happened to it, in one list
  platelet approve remediation/NAME -n shop    say yes to the plan that it shows
  platelet acknowledge remediation/NAME        let others know that you have heard of it
  platelet retry remediation/NAME -n shop      hand an escalated incident back, to be tried again
  platelet run RUNBOOK deployment/api --wait   run a Runbook by hand, within a policy's limits
  platelet pause --for 1h --reason freeze      stop all actions of the operator
  platelet resume                              let it act again
  platelet doctor -A                           what keeps it from healing, and how to fix it
  platelet lint deploy/                        check manifests before they reach a cluster

exit codes: 0 done; 1 failed: the API server refused or did not answer, the object does not exist, what was waited for
did not happen, a check of the doctor failed; 2 wrong arguments or settings; 130 interrupted by Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 it failed, 2 the arguments or the settings are wrong."""
    given = _with_flags_behind(sys.argv[1:] if arguments is None else list(arguments))
    options = make_parser(_name(), _typed(given)).parse_args(given)
    try:
        code: int = options.call(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has seen enough; nothing may be flushed into the pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _with_flags_behind(given: Sequence[str]) -> Sequence[str]:
    """Let the flags of every command stand before it, too, as kubectl does."""
    rest = list(given)
    leading: list[str] = []
    while rest and rest[0].startswith(_FLAGS_OF_ALL):
        alone = rest[0] in _FLAGS_OF_ALL  # else its value is in the same word, as in --context=test or -nshop
        leading += rest[: 2 if alone else 1]
        rest = rest[2 if alone else 1 :]
    return [rest[0], *leading, *rest[1:]] if rest else given


def _name() -> str:
    """How we were called: kubectl finds `kubectl-platelet` in the PATH as its plugin."""
    return "kubectl platelet" if Path(sys.argv[0]).stem == "kubectl-platelet" else "platelet"


def _typed(given: Sequence[str]) -> Sequence[str]:
    """The command that is wanted, which alone is imported: each brings libraries of its own. Else all of them."""
    first = given[0] if given else ""
    if first == "--version":
        return ()
    return [first] if first in COMMANDS and first != "completion" else COMMANDS  # that one tells of all others


def make_parser(name: str = "platelet", names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The commands of these names with their arguments."""
    parser = argparse.ArgumentParser(
        prog=name,
        description="Heals Kubernetes workloads by your team's own Runbooks, and says why it did or did not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"platelet {VERSION}")
    parser.set_defaults(parser=parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for command in names:
        importlib.import_module(f"platelet.cli.{command}").add_to(commands)
    return parser
