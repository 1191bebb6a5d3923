"""What holds still is said again to sinks that forget what they do not hear of: how often, and which time it is.

Counted from when people were called, which is on record, so that a restart leaves no gap and repeats nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet import sinks
from platelet.core import levels
from platelet.model.policy import Policy
from platelet.model.remediation import RemediationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The newest that is due, if one is, and when the next one will be."""

    occasion: str  # tells it from the others; empty: none is due so far
    next_at: datetime


def find(policy: Policy | None, status: RemediationStatus, now: datetime) -> Renewal | None:
    """Whether people are called at present by a sink that forgets."""
    period, call = _period(policy), levels.calling(status)
    if period is None or call is None:
        return None
    begun_at = call.since
    number = max((now - begun_at) // period, 0)
    occasion = f"{int(begun_at.timestamp())}/{number}" if number else ""
    return Renewal(occasion=occasion, next_at=begun_at + (number + 1) * period)


def _period(policy: Policy | None) -> timedelta | None:
    written = {type(settings) for settings in policy.sinks.values()} if policy is not None else set()
    periods = (sink.renewed_every for sink in sinks.SINKS if sink.settings in written)
    return min((period for period in periods if period is not None), default=None)
