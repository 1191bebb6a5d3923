"""Not too many remediations of one policy act or are being verified at once."""

from datetime import datetime

from platelet.guards import policy_live, suspended
from platelet.model import reasons, windows
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny while `maxConcurrent` other remediations of the policy have an attempt whose verification is not over."""
    policy = situation.policy
    if policy is None:
        return policy_live.deny(situation, now)
    if situation.budget is None:
        return suspended.unreadable()
    running = {
        windows.remediation_of(entry): entry
        for entry in situation.budget.status.entries
        if entry.policy == policy.key and windows.is_running(entry)
    }
    running.pop(situation.remediation.uid, None)
    limit = policy.limits.max_concurrent
    if len(running) < limit:
        return None
    targets = ", ".join(sorted(str(entry.target) for entry in running.values())[:3])
    return Deny(
        reason=reasons.TOO_MANY_CONCURRENT,
        message=f"{len(running)} of at most {limit} remediations of policy {policy.key} are being verified: {targets}",
        in_turn=True,
    )
