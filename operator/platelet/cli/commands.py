"""All commands, and what their exit codes mean."""

import argparse
import os
import sys
from collections.abc import Sequence

from platelet.cli import approve, explain, pause, reject, resume, run, timeline
from platelet.shell.client import VERSION

COMMANDS = (run, explain, timeline, approve, reject, pause, resume)
_EPILOG = """\
examples:
  platelet explain deployment/api -n shop      why is nothing done for it?
  platelet explain remediation/NAME -n shop    what was done, why, and what comes next
  platelet timeline deployment/api --since 24h what happened to it, in one list
  platelet approve remediation/NAME -n shop    say yes to the plan that it shows
  platelet pause --for 1h --reason freeze      stop all actions of the operator
  platelet resume                              let it act again

exit codes: 0 done, 1 it failed (the API server refused or did not answer), 2 the arguments or the settings are wrong
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 it failed, 2 the arguments or the settings are wrong."""
    options = make_parser().parse_args(arguments)
    try:
        code: int = options.call(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has seen enough; nothing may be flushed into the pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def make_parser() -> argparse.ArgumentParser:
    """All commands with their arguments."""
    parser = argparse.ArgumentParser(
        prog="platelet",
        description="Runs the team's own runbooks on Kubernetes, and says why it did and why it did not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"platelet {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        command.add_to(commands)
    return parser
