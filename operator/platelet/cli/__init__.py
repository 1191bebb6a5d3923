"""The commands that people type: `platelet run`, `explain`, `pause`, `resume`.

Belongs here: reading arguments, and telling in words what core decides. Does not belong here: a decision.
"""

import argparse
import sys
from collections.abc import Sequence

from platelet.cli import run

COMMANDS = (run,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 it failed, 2 the arguments or the settings are wrong."""
    parser = argparse.ArgumentParser(prog="platelet", description="Runs the team's runbooks on Kubernetes.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = options.call(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code
