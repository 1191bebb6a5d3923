"""Makes the poller of Alertmanager, where the settings name one."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from platelet.api.operator_config import Alertmanager
from platelet.shell.intake.alertmanager import AlertmanagerPoller, HeldAlerts, PresentAlerts
from platelet.shell.outbound.http_client import make_client
from platelet.shell.telemetry.metrics import Metrics


def make_poller(
    config: Alertmanager | None,
    store: PresentAlerts,
    held: HeldAlerts,
    now: Callable[[], datetime],
    metrics: Metrics,
) -> AlertmanagerPoller | None:
    """Build it, with a client of its own. `now` is the API server's time."""
    if config is None:
        return None
    return AlertmanagerPoller(
        config.url,
        store,
        held,
        now,
        make_client(Path(config.token_file) if config.token_file is not None else None),
        receiver=config.receiver,
        on_poll=metrics.on_poll,
        on_error=metrics.unexpected_errors.labels(where="poller").inc,
    )
