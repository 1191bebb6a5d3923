"""Counting reservations in sliding windows: the same arithmetic for the guards that foretell and the one that reserves.

An attempt takes effect somewhere between `reserved_at` and `outcome_at`. Its slot is therefore taken until one window
after `outcome_at`, and for as long as there is none: so no window of that length ever holds more effects than slots.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet.model.budget import Entry
from platelet.model.durations import format_duration, say_time
from platelet.model.policy import Rate
from platelet.model.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A limit that is reached: how many slots are taken, and when one is free again (None: not known yet)."""

    used: int
    until: datetime | None

    @property
    def taken(self) -> str:
        """How many actions took the slots, for people: `1 action`."""
        return f"{self.used} action" + ("" if self.used == 1 else "s")


def others(entries: Iterable[Entry], situation: Situation) -> tuple[Entry, ...]:
    """All entries but the one of the attempt that is being decided.

    That one is reserved by this leader for the remediation's present step, has no outcome yet, and the remediation does
    not know it as ended. An attempt that is looked at again must not be stopped by its own reservation.
    """
    return tuple(entry for entry in entries if not _is_being_decided(entry, situation))


def used(entries: Iterable[Entry], window: timedelta, now: datetime) -> tuple[Entry, ...]:
    """Those of the entries that take a slot of a window of this length: acts, not refunded, not over for so long."""
    return tuple(
        entry
        for entry in entries
        if entry.kind == "Act"
        and not entry.refunded
        and (entry.outcome_at is None or now < max(entry.outcome_at, entry.reserved_at) + window)
    )


def full(entries: Iterable[Entry], rate: Rate, now: datetime) -> Full | None:
    """Say that the rate allows no further attempt now, and until when; None when there is a slot."""
    taken = used(entries, rate.per, now)
    surplus = len(taken) - rate.max_actions
    if surplus < 0:
        return None
    return Full(used=len(taken), until=free_at(taken, rate.per, now, frees=surplus + 1))


def free_at(taken: Iterable[Entry], window: timedelta, now: datetime, *, frees: int = 1) -> datetime | None:
    """When `frees` of the taken slots will be free, at the earliest.

    An attempt without an outcome frees its slot one window after its reservation or later; None when that is past.
    """
    moments = sorted(max(entry.outcome_at or entry.reserved_at, entry.reserved_at) + window for entry in taken)
    until = moments[frees - 1]
    return until if until > now else None


def say(full: Full, rate: Rate, limit: str = "its limit") -> str:
    """Say that a limit is used up, as people do: `5 actions; its limit is 5 per 1h`, and until when, if known."""
    until = f", until {say_time(full.until)}" if full.until else ""
    return f"{full.taken}; {limit} is {rate.max_actions} per {format_duration(rate.per)}{until}"


def origin_of(attempt: str) -> str:
    """The id of the attempt that this one reverts, or its own."""
    return attempt.partition("/back")[0]


def remediation_of(entry: Entry) -> str:
    """Read the uid of the Remediation whose attempt this is."""
    return entry.id.partition("/")[0]


def is_running(entry: Entry) -> bool:
    """Tell whether the attempt changed, or may yet change, something whose verification is not over."""
    return entry.kind == "Act" and not entry.refunded and entry.settled_at is None and entry.outcome in (None, "Done")


def _is_being_decided(entry: Entry, situation: Situation) -> bool:
    remediation = situation.remediation
    present_step = f"{remediation.uid}/{remediation.status.step}/"
    if (
        entry.outcome_at is not None
        or entry.epoch != situation.knowledge.epoch
        or not entry.id.startswith(present_step)
    ):
        return False
    ended = {attempt.id for attempt in remediation.status.attempts if attempt.phase != "Intended"}
    return entry.id not in ended
