"""The ActionBudget's arithmetic: reserve, settle, take over. Pure; the shell's one writer stores the result.

Every counted limit is asked here again, on the very object that is written with its resourceVersion, so that two
reservations can never both take the last place. A leader whose epoch is no longer on the budget loses here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from platelet import guards
from platelet.model import reasons, windows
from platelet.model.budget import MAX_ENTRIES, ROOM_FOR_ACTS, Budget, BudgetSpec, BudgetStatus, Entry
from platelet.model.durations import format_duration
from platelet.model.effects import Settle
from platelet.model.policy import DAY
from platelet.model.rules import Moment
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

_HAND_OVER = timedelta(minutes=2)  # what a change of leaders takes at most, and clocks of two API servers may differ
_AHEAD = timedelta(minutes=1)


def reserve(budget: Budget, entry: Entry, situation: Situation, now: datetime) -> BudgetStatus | Deny:
    """Take a place, or say which limit denies it. The same id twice is one reservation."""
    if entry.epoch <= 0 or entry.epoch != budget.status.epoch:
        message = f"another leader has taken over: our epoch is {entry.epoch}, the budget's {budget.status.epoch}"
        return Deny(reason=reasons.NOT_LEADER, message=message)
    if any(known.id == entry.id for known in budget.status.entries):
        return budget.status
    seen = replace(situation, budget=budget)
    moment = Moment.RESERVE_REVERT if entry.kind == "Revert" else Moment.RESERVE
    denial = guards.first_denial(seen, now, moment)
    if denial is not None:
        return denial[1]
    kept = _make_room(forget(budget.status.entries, now))
    return replace(budget.status, entries=(*kept, replace(entry, reserved_at=now)))


def _make_room(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Where the budget is about to be full, forget the reverts that are over: they count for nothing."""
    if len(entries) < ROOM_FOR_ACTS:
        return entries
    return tuple(entry for entry in entries if entry.kind == "Act" or entry.settled_at is None)


def settle(status: BudgetStatus, outcome: Settle) -> BudgetStatus:
    """Record what became of an attempt. What is already recorded stays."""
    entries = (_settled(entry, outcome) if entry.id == outcome.attempt else entry for entry in status.entries)
    return replace(status, entries=tuple(entries))


def end(entry: Entry, now: datetime) -> Entry:
    """End a reservation whose Remediation is gone: what is already known of it stays, and nothing is refunded.

    Where something was to be lent, it may have been: Unknown keeps the revert, which looks whether it is still ours.
    """
    return replace(
        entry,
        outcome=entry.outcome or ("Unknown" if entry.revert is not None else "Abandoned"),
        outcome_at=entry.outcome_at or now,
        settled_at=entry.settled_at or now,
    )


def forget(entries: Iterable[Entry], now: datetime) -> tuple[Entry, ...]:
    """Drop what can no longer count: older than the longest window, ended, and with nothing left to revert."""
    return tuple(
        entry
        for entry in entries
        if entry.outcome_at is None
        or now - entry.outcome_at < DAY
        or (entry.revert is not None and not entry.revert.done and entry.outcome in ("Done", "Unknown"))
    )


def take_over(  # noqa: PLR0913 - a take-over has these parts
    budget: Budget,
    *,
    holder: str,
    known_uid: str | None,
    longest: timedelta,
    live: Collection[str],
    now: datetime,
    owed: Iterable[Entry] = (),
    left_at: datetime | None = None,
) -> BudgetStatus:
    """A new leader's first write: its epoch; abandoned reservations; and a budget whose history was lost is full.

    `known_uid` is the budget's uid that the Lease carries (None: a cluster that has never had a leader); `live` are the
    attempt ids whose intent is on an existing Remediation. A reservation with a revert is left to `end` and to its
    Remediation: whether the change was made, is not known here. `owed` is what Remediations say was lent and not given
    back: a budget that has lost its history remembers it again. `left_at` is when the leader before us was last there,
    by its own clock: how long that really was nobody has counted, so limits go on from where they were then.
    """
    status = budget.status
    if left_at is not None and abs(now - left_at) > _HAND_OVER:
        status = rebase(status, now - left_at)
    entries = tuple(
        replace(entry, outcome="Abandoned", outcome_at=now, settled_at=now)
        if entry.outcome is None and entry.id not in live and entry.kind == "Act" and entry.revert is None
        else entry
        for entry in status.entries
    )
    if has_lost_history(budget, known_uid):
        entries = (*entries, *_missing(owed, entries))
    status = replace(status, epoch=status.epoch + 1, holder=holder, entries=entries)
    return mark_lost_history(budget, status, known_uid=known_uid, longest=longest, now=now)


def has_lost_history(budget: Budget, known_uid: str | None) -> bool:
    """Whether it is another one than the Lease remembers, or has lost its status, or begins its life."""
    return budget.status.epoch == 0 or (known_uid is not None and known_uid != budget.uid)


def _missing(owed: Iterable[Entry], entries: Sequence[Entry]) -> list[Entry]:
    known = {entry.id for entry in entries}
    return [entry for entry in owed if entry.id not in known][: MAX_ENTRIES - len(entries)]


def mark_lost_history(
    budget: Budget, status: BudgetStatus, *, known_uid: str | None, longest: timedelta, now: datetime
) -> BudgetStatus:
    """A budget with another uid than the Lease remembers, or without its status, is full for the longest window."""
    if known_uid is None or not has_lost_history(budget, known_uid):
        return status
    until = now + longest
    return replace(status, full_until=max(until, status.full_until or until), full_reason=reasons.HISTORY_LOST)


def rebase(status: BudgetStatus, by: timedelta) -> BudgetStatus:
    """Set all that limits look back on to another clock: what was a minute ago is a minute ago by that one, too.

    What was lent is never kept longer for it.
    """
    if not by:
        return status
    until = status.full_until
    entries = tuple(_moved(entry, by) for entry in status.entries)
    return replace(status, entries=entries, full_until=until + by if until is not None else None)


def without_future(status: BudgetStatus, now: datetime) -> BudgetStatus:
    """Nothing on record is later than now, whoever wrote it, and nothing is full for more than a day from now."""
    latest, until = now + _AHEAD, status.full_until
    late = [entry for entry in status.entries if _newest(entry) > latest]
    if not late and (until is None or until <= latest + DAY):
        return status
    entries = tuple(_moved(entry, now - _newest(entry)) if entry in late else entry for entry in status.entries)
    return replace(status, entries=entries, full_until=None if until is None else min(until, now + DAY))


def newest_time(status: BudgetStatus) -> datetime | None:
    """When something was last recorded."""
    return max((_newest(entry) for entry in status.entries), default=None)


def longest_window(spec: BudgetSpec, windows_of_policies: Iterable[timedelta]) -> timedelta:
    """The longest window of any limit in force; never over a day, which the CRDs forbid."""
    return min(DAY, max([*(limit.per for limit in spec.limits), *windows_of_policies], default=DAY))


def describe_use(spec: BudgetSpec, entries: tuple[Entry, ...], now: datetime) -> str:
    """`3/10 per 1h`, for kubectl get; the limits in their order."""
    parts = (
        f"{len(windows.used(entries, limit.per, now))}/{limit.max_actions} per {format_duration(limit.per)}"
        for limit in spec.limits
    )
    return ", ".join(parts)


def use(spec: BudgetSpec, entries: tuple[Entry, ...], now: datetime) -> int:
    """How many reservations count now for the operator-wide limit that looks back the longest."""
    longest = max((limit.per for limit in spec.limits), default=DAY)
    return len(windows.used(entries, longest, now))


def free(budget: Budget, now: datetime) -> int:
    """How many actions the budget still has room for; 0 while it is full, for whatever reason."""
    status = budget.status
    if status.full_until is not None and status.full_until > now:
        return 0
    rooms = [limit.max_actions - len(windows.used(status.entries, limit.per, now)) for limit in budget.spec.limits]
    return max(0, min([*rooms, ROOM_FOR_ACTS - len(status.entries)])) if budget.has_room_for_acts else 0


def _newest(entry: Entry) -> datetime:
    return max(moment for moment in (entry.reserved_at, entry.outcome_at, entry.settled_at) if moment is not None)


def _moved(entry: Entry, by: timedelta) -> Entry:
    back = entry.revert
    if back is not None and back.due_at is not None:
        back = replace(back, due_at=back.due_at + min(by, timedelta()))
    return replace(
        entry,
        reserved_at=entry.reserved_at + by,
        outcome_at=entry.outcome_at + by if entry.outcome_at is not None else None,
        settled_at=entry.settled_at + by if entry.settled_at is not None else None,
        revert=back,
    )


def _settled(entry: Entry, outcome: Settle) -> Entry:
    if outcome.outcome is not None and (entry.outcome is None or _is_better_known(entry, outcome)):
        entry = replace(entry, outcome=outcome.outcome, outcome_at=outcome.at, refunded=outcome.refunded)
        if outcome.made and entry.revert is not None:
            entry = replace(entry, revert=replace(entry.revert, changes=outcome.made))
    if outcome.verified and entry.settled_at is None:
        entry = replace(entry, settled_at=outcome.at)
    if outcome.reverted and entry.revert is not None:
        entry = replace(entry, revert=replace(entry.revert, done=True))
    return entry


def _is_better_known(entry: Entry, outcome: Settle) -> bool:
    """Whether a reservation that was taken for abandoned turns out to have been used."""
    return entry.outcome == "Abandoned" and outcome.outcome in ("Done", "Unknown")
