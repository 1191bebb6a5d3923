"""`platelet run`: the operator itself (`--config`), or a runbook by hand on one workload."""

import argparse
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.operator_config import load_config
from platelet.cli import by_hand, named_objects, output, session

_DESCRIPTION = """\
With --config: run the operator until SIGTERM. With RUNBOOK and KIND/NAME: ask the operator to run a Runbook by hand.
That creates a Remediation like any other: a policy for the workload sets mode and limits, every guard is asked,
recovery is verified, and the record says who asked."""
_OF_OPERATOR = {"log_format": "--log-format", "log_level": "--log-level"}
_BY_HAND = {
    "namespace": "--namespace",
    "policy": "--policy",
    "parameters": "--set",
    "observe": "--observe",
    "reason": "--reason",
    "wait": "--wait",
    "output": "--output",
}
_HOW = "platelet run --config FILE runs the operator, platelet run RUNBOOK KIND/NAME runs a Runbook by hand"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("run", help="run the operator, or a Runbook by hand", description=_DESCRIPTION)
    operator = parser.add_argument_group("the operator")
    operator.add_argument("--config", type=Path, metavar="FILE", help="the operator's settings (an OperatorConfig)")
    operator.add_argument("--log-format", choices=("json", "console"), help="default: json")
    operator.add_argument("--log-level", choices=("DEBUG", "INFO", "WARNING", "ERROR"), help="default: INFO")
    hand = parser.add_argument_group("by hand")
    hand.add_argument("runbook", nargs="?", metavar="RUNBOOK", help="a Runbook in the workload's namespace")
    hand.add_argument(
        "what", nargs="?", type=named_objects.workload, metavar="KIND/NAME", help="such as deployment/NAME"
    )
    hand.add_argument(
        "--set",
        dest="parameters",
        action="append",
        type=_parameter,
        default=[],
        metavar="NAME=VALUE",
        help="revision=NAME or NUMBER for an undo, replicas=NUMBER for a scale, within the Runbook's bounds",
    )
    hand.add_argument("--policy", metavar="NAME", help="the policy whose limits apply; default: the one that would act")
    hand.add_argument("--observe", action="store_true", help="wait for what would be done, and do nothing")
    hand.add_argument("--reason", default="", metavar="TEXT", help="why, for other people to read")
    hand.add_argument("--wait", action="store_true", help="wait until it has recovered (exit code 0) or has failed (1)")
    hand.add_argument(
        "--timeout", type=session.read_duration, default=timedelta(minutes=30), metavar="DURATION", help="default: 30m"
    )
    output.add_argument(hand)
    session.add_arguments(parser)
    parser.set_defaults(call=call)


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(f"{text!r}: write it like replicas=6")
    return name, value


def call(options: argparse.Namespace) -> int:
    """Run the operator or ask for a runbook; whoever mixes the two is told how each is written."""
    wrong = _mixed(options)
    if wrong:
        return session.fail(wrong, code=2)
    if options.config is None:
        return session.run(options, partial(by_hand.ask, options))
    return _run_operator(options)


def _mixed(options: argparse.Namespace) -> str:
    if (options.config is None) == (options.runbook is None):
        both = "--config and RUNBOOK are two different things" if options.config is not None else "run what?"
        return f"{both} {_HOW}"
    if options.runbook is not None and options.what is None:
        return f"run {options.runbook} on what? Write platelet run {options.runbook} deployment/NAME"
    foreign = _OF_OPERATOR if options.config is None else _BY_HAND
    given = [flag for name, flag in foreign.items() if getattr(options, name)]
    return f"{given[0]} does not belong here: {_HOW}" if given else ""


def _run_operator(options: argparse.Namespace) -> int:
    """Run until SIGTERM. A bad configuration stops the start with the field, the value and the fix."""
    try:
        config = load_config(options.config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.stderr.write(f"platelet: --config: there is no file {options.config}\n")
        return 2
    except (OSError, UnicodeDecodeError, InvalidSpec) as error:
        sys.stderr.write(f"platelet: {options.config}: {error}\n")
        return 2
    from platelet.shell.run import process  # noqa: PLC0415 - whoever asks by hand does not wait for its libraries
    from platelet.shell.telemetry.logs import configure_logs  # noqa: PLC0415

    configure_logs(options.log_format or "json", options.log_level or "INFO")
    fault = process.run(config, options.kubeconfig, options.context)
    if fault:
        sys.stderr.write(f"platelet: {fault}\n")
        return 2
    return 0
