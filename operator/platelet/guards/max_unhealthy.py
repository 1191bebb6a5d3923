"""Not too much is sick at once: then the cause is common, and healing one by one makes it worse (TRAPS 26)."""

from datetime import datetime, timedelta

from platelet.guards import policy_live, suspended
from platelet.model import reasons, windows
from platelet.model.policy import ActionTraits, Scope
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

_NEXT = timedelta(minutes=1)  # when it is asked again whether the one before is verified


def deny(situation: Situation, action: ActionTraits, now: datetime) -> Deny | None:
    """Deny when more targets of the policy's scope are sick than `maxUnhealthy` allows, or the scope is unknown."""
    if situation.policy is None:
        return policy_live.deny(situation, now)
    scope = situation.surroundings.scope
    if scope is None:
        return _unknown("the targets of the policy could not be read")
    sick = len(scope.sick) + (situation.target not in scope.sick)
    if scope.total < sick:
        return _unknown(f"{sick} sick targets were counted among {scope.total}")
    setting = situation.policy.limits.max_unhealthy
    allowed = at_most(setting, scope.total)
    if sick <= allowed:
        return None
    if _is_undone_one_by_one(situation, action, scope):
        return deny_beside_another(situation, action, now)
    return Deny(
        reason=reasons.TOO_MANY_UNHEALTHY,
        message=f"{sick} of {scope.total} targets are sick; with maxUnhealthy {setting} at most {allowed} may be",
        common_cause=True,
    )


def deny_beside_another(situation: Situation, action: ActionTraits, now: datetime) -> Deny | None:
    """Where more are sick than may be, deny an undo of one that is at fault itself while another's is not verified.

    Asked again on the newest ActionBudget: two that look at the same moment must not both go ahead.
    """
    policy, scope = situation.policy, situation.surroundings.scope
    if policy is None or scope is None or not _is_undone_one_by_one(situation, action, scope):
        return None
    if not is_too_much(policy.limits.max_unhealthy, scope):
        return None
    if situation.budget is None:
        return suspended.unreadable()
    running = {
        str(entry.target)
        for entry in situation.budget.status.entries
        if windows.is_running(entry)
        and windows.remediation_of(entry) != situation.remediation.uid
        and (entry.policy == policy.key or entry.target in scope.sick)
    }
    if not running:
        return None
    return Deny(
        reason=reasons.TOO_MANY_UNHEALTHY,
        message=(
            f"{len(scope.sick)} of {scope.total} targets are sick, each by a new template of its own: they are undone "
            f"one by one, and {min(running)} is verified first"
        ),
        retry_at=now + _NEXT,
        in_turn=True,
    )


def is_too_much(setting: str, scope: Scope) -> bool:
    """Tell whether more targets are sick than may be."""
    return len(scope.sick) > at_most(setting, scope.total)


def _is_undone_one_by_one(situation: Situation, action: ActionTraits, scope: Scope) -> bool:
    """Whether every sick target is at fault itself, so that nothing common is, and this action is the cure."""
    return action.heals_rollout and scope.sick | {situation.target} <= scope.at_fault


def at_most(setting: str, total: int) -> int:
    """How many targets of `total` may be sick: `30%` rounds down but is at least 1; a plain number is itself."""
    if setting.endswith("%"):
        return max(1, int(setting.removesuffix("%")) * total // 100)
    return int(setting)


def _unknown(why: str) -> Deny:
    return Deny(reason=reasons.SCOPE_UNKNOWN, message=f"{why}, so maxUnhealthy cannot be judged")
