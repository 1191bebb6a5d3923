"""`python -m tests.cluster up`: a cluster to play with; `down` ends it, `build` only builds."""

# ruff: noqa: T201 - a command line prints

import argparse
import sys

from tests.cluster import binaries, daemon


def main() -> None:
    """Carry out one command; only what a shell shall evaluate goes to standard output."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster")
    parser.add_argument("command", choices=["up", "down", "build", "serve"])
    command = parser.parse_args().command
    if command == "up":
        print(daemon.up().exports())
    elif command == "down":
        print("ended" if daemon.down() else "there was none", file=sys.stderr)
    elif command == "build":
        print(binaries.ensure().bin_dir, file=sys.stderr)
    else:
        daemon.serve()


if __name__ == "__main__":
    main()
