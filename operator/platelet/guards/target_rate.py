"""At most so many actions on this target, whichever policies and remediations they come from (DESIGN 3.1)."""

from datetime import datetime

from platelet.guards import policy_live, suspended
from platelet.model import reasons, windows
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny when the target's rate is used up; the key is the name, so a re-created target has no fresh budget."""
    if situation.policy is None:
        return policy_live.deny(situation, now)
    if situation.budget is None:
        return suspended.unreadable()
    rate = situation.policy.limits.rate
    entries = windows.others(situation.budget.status.entries, situation)
    full = windows.full((entry for entry in entries if entry.target == situation.target), rate, now)
    if full is None:
        return None
    return Deny(
        reason=reasons.TARGET_RATE_LIMITED,
        message=f"{situation.target} had {windows.say(full, rate)}",
        retry_at=full.until,
    )
