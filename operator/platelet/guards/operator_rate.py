"""At most so many actions by the whole operator, counted on the ActionBudget, whose history must be complete."""

from datetime import datetime

from platelet.guards import suspended
from platelet.model import reasons, windows
from platelet.model.budget import Budget, Entry
from platelet.model.durations import say_time
from platelet.model.policy import Rate
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny when history was lost, the budget's memory is full, or one of the operator-wide limits is used up."""
    budget = situation.budget
    if budget is None:
        return suspended.unreadable()
    entries = windows.others(budget.status.entries, situation)
    rows = (_deny_without_history(budget, now), _deny_without_room(budget, situation.remediation.uid))
    rates = (_deny_rate(entries, rate, now) for rate in budget.spec.limits)
    return next((row for row in (*rows, *rates) if row is not None), None)


def _deny_without_history(budget: Budget, now: datetime) -> Deny | None:
    until = budget.status.full_until
    if until is None or until <= now:
        return None
    why = budget.status.full_reason or "the ActionBudget was deleted or lost its status"
    return Deny(
        reason=reasons.HISTORY_LOST,
        message=f"what was done before is not known ({why}); nothing acts until {say_time(until)}",
        retry_at=until,
        in_turn=True,
        common_cause=True,
    )


def _deny_without_room(budget: Budget, uid: str) -> Deny | None:
    entries = budget.status.entries
    reserved_already = any(windows.remediation_of(entry) == uid and entry.outcome_at is None for entry in entries)
    if budget.has_room_for_acts or reserved_already:
        return None
    return Deny(
        reason=reasons.BUDGET_FULL,
        message=f"the ActionBudget remembers {len(entries)} attempts of the last 24h, and has no room for another one",
        in_turn=True,
        common_cause=True,
    )


def _deny_rate(entries: tuple[Entry, ...], rate: Rate, now: datetime) -> Deny | None:
    full = windows.full(entries, rate, now)
    if full is None:
        return None
    return Deny(
        reason=reasons.OPERATOR_RATE_LIMITED,
        message=f"the operator took {windows.say(full, rate, 'the limit of the ActionBudget')}",
        retry_at=full.until,
        in_turn=True,
        common_cause=True,
    )
