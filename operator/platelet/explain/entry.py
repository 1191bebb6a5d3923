"""One entry of a timeline, and the kinds that there are."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Kind = Literal[
    "rollout",
    "revision",
    "event",
    "alert",
    "query",
    "pods",
    "job",
    "check",
    "request",
    "change",
    "opened",
    "decision",
    "attempt",
    "revert",
    "verdict",
    "escalation",
    "told",
    "resolved",
    "closed",
]
"""Kinds of entries, in the order in which those of one moment are told: a cause before its effect."""

ORDER: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. `reason` is CamelCase where there is a word for it."""

    at: datetime
    kind: Kind
    reason: str = ""
    message: str = ""
    by: str = ""  # decisions: the guard, the condition or the check; events: the controller
    remediation: str = ""
    attempt: str = ""
    count: int = 1
    last_at: datetime | None = None  # of a repeated fact, or when an attempt's outcome was known


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """By time, the oldest first."""
    return sorted(entries, key=lambda entry: (entry.at, ORDER.index(entry.kind)))


def not_over_before(since: datetime | None, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries that began, or still went on, at that moment or later; None: all."""
    return tuple(entry for entry in entries if since is None or (entry.last_at or entry.at) >= since)
