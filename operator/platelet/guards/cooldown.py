"""The last remediation of this target has had time to show its effect. Not between steps of one (DESIGN 3.1)."""

from datetime import datetime

from platelet.guards import policy_live, suspended
from platelet.model import reasons, windows
from platelet.model.durations import format_duration, say_time
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny while an act of another remediation on the same target is younger than the cooldown, or still open."""
    if situation.policy is None:
        return policy_live.deny(situation, now)
    if situation.budget is None:
        return suspended.unreadable()
    cooldown = situation.policy.limits.cooldown
    if not cooldown:
        return None
    of_others = [
        entry
        for entry in situation.budget.status.entries
        if entry.target == situation.target and windows.remediation_of(entry) != situation.remediation.uid
    ]
    recent = windows.used(of_others, cooldown, now)
    if not recent:
        return None
    last = max(recent, key=lambda entry: entry.outcome_at or entry.reserved_at)
    until = windows.free_at(recent, cooldown, now, frees=len(recent))
    return Deny(
        reason=reasons.COOLDOWN,
        message=(
            f"the last action on {situation.target} was at {say_time(last.outcome_at or last.reserved_at)}; "
            f"the cooldown is {format_duration(cooldown)}" + (f", until {say_time(until)}" if until else "")
        ),
        retry_at=until,
    )
