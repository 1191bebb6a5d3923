"""Whose turn it is: what waits for a place on the ActionBudget is looked at when one may be free, the oldest first.

As many have their turn as there are places, not all at once. Who waits, and since when, is told by the statuses alone,
so a restart changes nothing.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from platelet.core import reservation
from platelet.model import reasons, windows
from platelet.model.budget import Budget, Entry
from platelet.model.policy import ACTING, Limits, Rate
from platelet.model.remediation import Remediation

_OF_ALL = frozenset({reasons.OPERATOR_RATE_LIMITED, reasons.HISTORY_LOST, reasons.BUDGET_FULL})
_OF_POLICY = frozenset({reasons.POLICY_RATE_LIMITED, reasons.TOO_MANY_CONCURRENT, reasons.TOO_MANY_UNHEALTHY})
_OF_TARGET = frozenset({reasons.TARGET_RATE_LIMITED, reasons.COOLDOWN})
_OF_TIME = frozenset({reasons.MAINTENANCE_WINDOW, reasons.OUTSIDE_MAINTENANCE_WINDOW})


@dataclass(frozen=True, slots=True)
class Line:
    """A queue for the same places on the ActionBudget: of one limit of a policy, or of the whole operator."""

    reason: str
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """How many are free in a line, and when time alone may free another one; None: something must happen first."""

    free: int
    until: datetime | None = None


def seniority(remediation: Remediation) -> tuple[bool, str, str]:
    """Order by age, the oldest first; one that was not opened yet comes last."""
    opened_at = remediation.status.opened_at
    return opened_at is None, opened_at.isoformat() if opened_at else "", remediation.uid


def line_of(remediation: Remediation) -> Line | None:
    """The line in which it waits; None: it waits for nothing, or for something that it shares with nobody."""
    status = remediation.status
    if status.state != "Waiting" or status.waiting is None or remediation.spec.mode not in ACTING:
        return None
    reason = status.waiting.reason
    if reason in _OF_ALL:
        return Line(reasons.OPERATOR_RATE_LIMITED)
    return Line(reason, remediation.policy_key) if reason in _OF_POLICY else None


def is_patient(remediation: Remediation) -> bool:
    """Whether it waits for a limit or a time, so that further failures of its pods change nothing."""
    status = remediation.status
    if status.state != "Waiting" or status.waiting is None:
        return False
    return status.waiting.reason in _OF_ALL | _OF_POLICY | _OF_TARGET | _OF_TIME


def count(line: Line, budget: Budget, limits: Mapping[str, Limits], now: datetime) -> Places:
    """Count the places of a line. `limits` are those of the policies, by key; where one is gone, none is free."""
    entries = budget.status.entries
    if not line.policy:
        return Places(reservation.free(budget, now), _operator_until(budget, now))
    mine = [entry for entry in entries if entry.policy == line.policy]
    running = {windows.remediation_of(entry) for entry in mine if windows.is_running(entry)}
    if line.reason == reasons.TOO_MANY_UNHEALTHY:
        return Places(0 if running else 1)
    asked = limits.get(line.policy)
    if asked is None:
        return Places(0)
    if line.reason == reasons.TOO_MANY_CONCURRENT:
        return Places(asked.max_concurrent - len(running))
    return _count_rate(mine, asked.per_policy, now)


def _count_rate(entries: Iterable[Entry], rate: Rate | None, now: datetime) -> Places:
    if rate is None:  # people have lifted it
        return Places(sys.maxsize)
    taken = windows.used(entries, rate.per, now)
    full = windows.full(taken, rate, now)
    return Places(rate.max_actions - len(taken), full.until if full is not None else None)


def _operator_until(budget: Budget, now: datetime) -> datetime | None:
    """When the last of the limits that are reached frees a place, at the earliest."""
    lost = budget.status.full_until
    reached = [windows.full(budget.status.entries, rate, now) for rate in budget.spec.limits]
    moments = [full.until for full in reached if full is not None] + ([lost] if lost and lost > now else [])
    return max((moment for moment in moments if moment is not None), default=None)
