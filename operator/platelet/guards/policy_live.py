"""The policy exists and is Ready: its limits are read live, and without them nothing is allowed (DESIGN 3.1)."""

from datetime import datetime

from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, _now: datetime) -> Deny | None:
    """Deny when the policy was deleted or is not Ready."""
    if situation.policy is None:
        ref = situation.remediation.spec.policy_ref
        return Deny(
            reason=reasons.CANCELLED, message=f"policy {ref.namespace}/{ref.name} is gone, and with it its limits"
        )
    if not situation.policy.ready:
        why = situation.policy.not_ready_reason or "no reason given"
        return Deny(reason=reasons.CANCELLED, message=f"policy {situation.policy.key} is not Ready: {why}")
    return None
