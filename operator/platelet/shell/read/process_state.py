"""What the process itself knows besides the API: its settings, and what others have told it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platelet.model.blocking import KnownAlerts
from platelet.model.policy import Settings
from platelet.shell.read.asker import Asker, Nobody
from platelet.shell.read.log_reader import LogReader, NoLogs


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """All of it is asked anew at each look, but for the settings."""

    settings: Settings
    epoch: Callable[[], int]
    alerts_known_at: Callable[[], datetime | None]
    thorough: bool = False  # read also what cannot change the decision, for people who ask each guard
    queries_known_at: Callable[[str], datetime | None] = lambda _policy: None  # by the policy's key
    leading_for: Callable[[], timedelta | None] = lambda: None
    asker: Asker = field(default_factory=Nobody)
    present_alerts: Callable[[], KnownAlerts | None] = lambda: None  # what Alertmanager said last
    log_reader: LogReader = field(default_factory=NoLogs)  # people who look can read logs themselves
