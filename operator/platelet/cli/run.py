"""`platelet run`: the operator itself."""

import argparse
import asyncio
import sys
from pathlib import Path

from platelet.api.invalid import InvalidSpec
from platelet.api.operator_config import OperatorConfig, load_config
from platelet.shell.certificate_files import BadCertificateError
from platelet.shell.client import connect
from platelet.shell.connection import ConnectionNotConfiguredError
from platelet.shell.logs import configure_logs
from platelet.shell.metrics import Metrics
from platelet.shell.wiring import Operator


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("run", help="run the operator")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the OperatorConfig")
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: the pod's own account, else KUBECONFIG")
    parser.add_argument("--context", help="of the kubeconfig")
    parser.add_argument("--log-format", choices=("json", "console"), default="json")
    parser.add_argument("--log-level", choices=("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Run until SIGTERM. A bad configuration stops the start with the field, the value and the fix."""
    try:
        config = load_config(options.config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InvalidSpec) as error:
        sys.stderr.write(f"platelet: {options.config}: {error}\n")
        return 2
    configure_logs(options.log_format, options.log_level)
    try:
        asyncio.run(_operate(options, config))
    except (ConnectionNotConfiguredError, BadCertificateError) as error:
        sys.stderr.write(f"platelet: {error}\n")
        return 2
    return 0


async def _operate(options: argparse.Namespace, config: OperatorConfig) -> None:
    metrics = Metrics()
    client = await connect(options.kubeconfig, options.context, on_response=metrics.on_response)
    await Operator(config, client, metrics).run()
