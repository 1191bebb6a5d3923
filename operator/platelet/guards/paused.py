"""People have not paused the workload's rollouts (TRAPS 7): they are working on it."""

from datetime import datetime

from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, _now: datetime) -> Deny | None:
    """Deny on a paused workload, whatever the action."""
    if situation.snapshot.workload is None or not situation.snapshot.workload.paused:
        return None
    return Deny(
        reason=reasons.PAUSED,
        message=f"{situation.target} is paused (spec.paused); people resume it with kubectl rollout resume",
    )
