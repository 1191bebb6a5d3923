"""At most so many actions by this policy, over all its targets, when it asks for such a limit."""

from datetime import datetime

from platelet.guards import policy_live, suspended
from platelet.model import reasons, windows
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny when `limits.perPolicy` is set and used up."""
    policy = situation.policy
    if policy is None:
        return policy_live.deny(situation, now)
    if situation.budget is None:
        return suspended.unreadable()
    rate = policy.limits.per_policy
    if rate is None:
        return None
    entries = windows.others(situation.budget.status.entries, situation)
    full = windows.full((entry for entry in entries if entry.policy == policy.key), rate, now)
    if full is None:
        return None
    return Deny(
        reason=reasons.POLICY_RATE_LIMITED,
        message=f"policy {policy.key} took {windows.say(full, rate)}",
        retry_at=full.until,
        in_turn=True,
    )
