"""One acting remediation per target (DESIGN 3.1): of two, the older acts. One that people have acts no more."""

from dataclasses import replace
from datetime import datetime

from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, _now: datetime) -> Deny | None:
    """Deny while an older open remediation of the same target may act."""
    if not situation.older_open:
        return None
    return Deny(
        reason=reasons.TARGET_BUSY,
        message=f"remediation {situation.older_open} of {situation.target} is older and still open; only one may act",
    )


def deny_take_back(situation: Situation, now: datetime) -> Deny | None:
    """Deny while an older open one will do it: the id of a take-back is the same in both."""
    return deny(replace(situation, older_open=situation.older_open or situation.older_escalated), now)
