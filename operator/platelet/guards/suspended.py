"""People have not stopped it: the kill switch on the ActionBudget, the namespace, the workload, the policy."""

from dataclasses import replace
from datetime import datetime

from platelet.model import reasons
from platelet.model.budget import Budget
from platelet.model.durations import say_time
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

ANNOTATION = "platelet.dev/suspend"
"""On a workload or namespace: any value but `false` suspends, and is the reason unless it is `true`."""


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny while anything suspends this target, or while the kill switch cannot be read."""
    if situation.budget is None:
        return unreadable()
    by_budget = _by_budget(situation.budget, now)
    if by_budget is not None:
        return by_budget
    if situation.surroundings.namespace_suspended:
        denial = _denied(f"namespace {situation.target.namespace}", situation.surroundings.namespace_suspended)
        return replace(denial, message=f"{denial.message}; its end is seen at the next resync")  # no stream tells of it
    annotations = situation.snapshot.workload.annotations if situation.snapshot.workload is not None else {}
    if annotations.get(ANNOTATION, "false") != "false":
        return _denied(f"{situation.target}", annotations[ANNOTATION])
    if situation.policy is not None and situation.policy.suspended:
        return _denied(f"policy {situation.policy.key}", situation.policy.suspended)
    return None


def deny_revert(situation: Situation, now: datetime) -> Deny | None:
    """The same for reverting, but for the people who remove platelet: before that, what it lent must be returned."""
    if situation.budget is not None and situation.budget.leaving(now) == "Revert":
        return None
    return deny(situation, now)


def unreadable() -> Deny:
    """Say that the ActionBudget is missing or unreadable, which means full and stopped."""
    return Deny(
        reason=reasons.BUDGET_UNREADABLE,
        message="the ActionBudget is missing or unreadable, so no limit and no kill switch can be judged",
    )


def _by_budget(budget: Budget, now: datetime) -> Deny | None:
    suspension = budget.spec.suspended
    if suspension is None or not suspension.in_force(now):
        return None
    until = "" if suspension.until is None else f" until {say_time(suspension.until)}"
    return _denied("everything", suspension.reason, until, suspension.until)


def _denied(what: str, reason: str, until: str = "", retry_at: datetime | None = None) -> Deny:
    why = "" if reason in ("", "true") else f": {reason}"
    return Deny(reason=reasons.SUSPENDED, message=f"{what} is suspended by people{until}{why}", retry_at=retry_at)
