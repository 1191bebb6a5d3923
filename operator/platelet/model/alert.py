"""An alert as Alertmanager tells it: data of others, never a name or a query without validation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from platelet.model.durations import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert of one sender at one moment."""

    fingerprint: str  # of its labels: 16 hexadecimal digits
    status: Literal["firing", "resolved"]
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)  # bounded in number and length
    starts_at: datetime
    ends_at: datetime | None = None  # None while firing, or when a resolved one does not say
    generator_url: str = ""

    @property
    def name(self) -> str:
        """The label `alertname`, empty without it."""
        return self.labels.get("alertname", "")

    @property
    def episode(self) -> str:
        """What two deliveries of the same trouble share: the fingerprint and the start (TRAPS 17)."""
        return f"{self.fingerprint}/{format_time(self.starts_at)}"


def fingerprint_of(episode: str) -> str:
    """Give the fingerprint in an episode."""
    return episode.partition("/")[0]
