"""The page is held while an attempt runs: since when, how often that is said again, and until when at the latest.

All of it is on record, so that a restart leaves no gap. It is never said of an attempt whose time is over, nor once
people have the incident: they must be called then, and not held back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet.core import acting
from platelet.model.policy import Policy
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.situation import Situation
from platelet.sinks import SINKS

EVERY = timedelta(minutes=1)
_ENDS = ("Escalated", "Closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An attempt runs: `occasion` tells this saying of it from the others."""

    occasion: str
    until: datetime  # its time is over
    next_at: datetime  # it is said again, unless it has ended by then


def find(situation: Situation, status: RemediationStatus, now: datetime) -> Hold | None:
    """The newest that is due, where a sink of the policy is to hold back a page and an attempt runs."""
    if not _is_asked_for(situation.policy):
        return None
    attempt = _running(status)
    until = _until(situation, status, attempt) if attempt is not None else None
    if attempt is None or until is None or now >= until:
        return None
    number = max((now - attempt.intended_at) // EVERY, 0)
    return Hold(
        occasion=f"{_short(attempt.id)}/{number}",
        until=until,
        next_at=attempt.intended_at + (number + 1) * EVERY,
    )


def next_at(situation: Situation, status: RemediationStatus, now: datetime) -> datetime | None:
    """When it is said again, if it is."""
    hold = find(situation, status, now)
    return hold.next_at if hold is not None and hold.next_at < hold.until else None


def over(status: RemediationStatus) -> str:
    """The last attempt of which a sink may have heard that it runs, once people have the incident or it is closed."""
    if status.state not in _ENDS:
        return ""
    held = [known.occasion for known in status.notifications if known.kind == "Healing"]
    return held[-1].rpartition("/")[0] if held else ""


def _is_asked_for(policy: Policy | None) -> bool:
    written = policy.sinks.values() if policy is not None else ()
    return any(
        sink.holds_page(settings)
        for settings in written
        for sink in SINKS
        if sink.settings is not None and isinstance(settings, sink.settings)
    )


def _running(status: RemediationStatus) -> Attempt | None:
    """The attempt that is being made or verified; what reverts one heals nothing."""
    if status.state == "Verifying":
        return next((attempt for attempt in reversed(status.attempts) if attempt.kind == "Act"), None)
    attempt = acting.unfinished(status) if status.state not in _ENDS else None
    return attempt if attempt is not None and attempt.kind == "Act" else None


def _until(situation: Situation, status: RemediationStatus, attempt: Attempt) -> datetime | None:
    """When its time is over: it runs from the intent, from the write, and from the complete rollout."""
    steps, verifying = situation.ladder.steps, status.verifying
    if attempt.step >= len(steps):
        return None
    begun = attempt.intended_at
    if status.state == "Verifying" and verifying is not None:
        begun = verifying.complete_at or verifying.started_at
    return begun + steps[attempt.step].verify.timeout


def _short(attempt: str) -> str:
    """The id of an attempt without the Remediation's uid."""
    return attempt.partition("/")[2]
