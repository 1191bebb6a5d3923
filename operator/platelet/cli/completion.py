"""`platelet completion`: the script that lets a shell complete commands and flags."""

import argparse
import sys

import shtab

_DESCRIPTION = """\
Write the completion script of a shell to standard output. bash: source <(platelet completion bash);
zsh: platelet completion zsh > "${fpath[1]}/_platelet"."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("completion", help="completion for bash or zsh", description=_DESCRIPTION)
    parser.add_argument("shell", choices=("bash", "zsh"))
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Write the script."""
    sys.stdout.write(shtab.complete(options.parser, options.shell) + "\n")
    return 0
