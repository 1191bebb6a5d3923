"""Not too much is sick at once: then the cause is common, and healing one by one makes it worse (TRAPS 26)."""

from datetime import datetime

from platelet.guards import policy_live
from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny when more targets of the policy's scope are sick than `maxUnhealthy` allows, or the scope is unknown."""
    if situation.policy is None:
        return policy_live.deny(situation, now)
    scope = situation.scope
    if scope is None:
        return _unknown("the targets of the policy could not be read")
    sick = len(scope.sick | {situation.target})
    if scope.total < sick:
        return _unknown(f"{sick} sick targets were counted among {scope.total}")
    setting = situation.policy.limits.max_unhealthy
    allowed = at_most(setting, scope.total)
    if sick <= allowed:
        return None
    return Deny(
        reason=reasons.TOO_MANY_UNHEALTHY,
        message=f"{sick} of {scope.total} targets are sick; with maxUnhealthy {setting} at most {allowed} may be",
    )


def at_most(setting: str, total: int) -> int:
    """How many targets of `total` may be sick: `30%` rounds down but is at least 1; a plain number is itself."""
    if setting.endswith("%"):
        return max(1, int(setting.removesuffix("%")) * total // 100)
    return int(setting)


def _unknown(why: str) -> Deny:
    return Deny(reason=reasons.SCOPE_UNKNOWN, message=f"{why}, so maxUnhealthy cannot be judged")
