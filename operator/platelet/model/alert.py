"""An alert as Alertmanager tells it: data of others, never a name or a query without validation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from platelet.model.durations import format_time, parse_time

SAME_START = timedelta(seconds=1)
"""Starts that differ by less are one: a webhook tells nanoseconds, Alertmanager's API milliseconds, others seconds; and
no rule is evaluated so often that an alert could end and begin again within it."""
_MILLISECOND = 1000  # microseconds
HOLDS_PAGE = "PlateletHealing"
"""The alert by which platelet holds back pages while it heals."""


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
    sender: str = ""  # who tells it, where that is no Alertmanager: nobody else can say that it is absent

    @property
    def name(self) -> str:
        """The label `alertname`, empty without it."""
        return self.labels.get("alertname", "")

    @property
    def episode(self) -> str:
        """What two deliveries of the same trouble share: the fingerprint and the start, to the millisecond (TRAPS 17).

        Alertmanager's API cuts off what is finer, so both ways that an alert comes to us must.
        """
        start = self.starts_at.replace(microsecond=self.starts_at.microsecond // _MILLISECOND * _MILLISECOND)
        return f"{self.fingerprint}/{format_time(start)}"


def fingerprint_of(episode: str) -> str:
    """Give the fingerprint in an episode."""
    return episode.partition("/")[0]


def lead_of(episode: str, other: str) -> timedelta | None:
    """How much later an episode began than another one of the same labels; zero: they are one and the same.

    None when they are of different labels, or when that cannot be told.
    """
    if episode == other:
        return timedelta()
    if fingerprint_of(episode) != fingerprint_of(other):
        return None
    try:
        lead = parse_time(episode.partition("/")[2]) - parse_time(other.partition("/")[2])
    except ValueError:
        return None
    return timedelta() if abs(lead) < SAME_START else lead
