"""The workload is there to stay."""

from datetime import datetime

from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, _now: datetime) -> Deny | None:
    """Deny when the workload is gone or has a deletion timestamp."""
    if situation.snapshot.workload is None:
        return Deny(reason=reasons.TARGET_GONE, message=f"{situation.target} is gone")
    if situation.snapshot.workload.deleting:
        return Deny(reason=reasons.BEING_DELETED, message=f"{situation.target} is being deleted")
    return None
