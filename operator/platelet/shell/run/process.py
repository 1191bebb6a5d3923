"""The operator as a process: from its settings to its end."""

import asyncio
import gc

from platelet.api.operator_config import OperatorConfig
from platelet.shell.kube.client import connect
from platelet.shell.kube.connection import ConnectionNotConfiguredError
from platelet.shell.run.certificate_files import BadCertificateError
from platelet.shell.run.ports import CannotListenError
from platelet.shell.run.wiring import Operator
from platelet.shell.telemetry.metrics import Metrics

_COLLECTED_EVERY = 20_000  # objects made and not freed; Python's own 700 is a hundred collections for one list


def run(config: OperatorConfig, kubeconfig: str | None, context: str | None) -> str:
    """Run until SIGTERM. Returns what of the settings cannot be used; empty when it was stopped."""
    try:
        asyncio.run(_operate(config, kubeconfig, context))
    except (ConnectionNotConfiguredError, BadCertificateError, CannotListenError) as error:
        return str(error)
    return ""


async def _operate(config: OperatorConfig, kubeconfig: str | None, context: str | None) -> None:
    metrics = Metrics()
    client = await connect(kubeconfig, context, on_response=metrics.on_response)
    operator = Operator(config, client, metrics)
    _collect_less()
    await operator.run()


def _collect_less() -> None:
    """What the imports have made stays for good: no collection looks at it, and they are rarer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_EVERY)
