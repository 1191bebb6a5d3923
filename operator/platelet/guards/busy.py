"""One acting remediation per target (DESIGN 3.1): of two, the older acts. One that people have acts no more.

While they have it, a younger one may begin to act; when they hand it back, that act comes to its end first.
"""

from datetime import datetime

from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, _now: datetime) -> Deny | None:
    """Deny while an older open remediation of the same target may act, or a younger one does."""
    younger = situation.others.younger_acting
    if younger and not situation.others.older_open:
        message = f"remediation {younger} of {situation.target} has acted, and is not verified yet; only one may act"
        return Deny(reason=reasons.TARGET_BUSY, message=message)
    return _deny(situation, situation.others.older_open)


def deny_revert(situation: Situation, _now: datetime) -> Deny | None:
    """Deny while an older open one will do it: the id of a revert is the same in both."""
    return _deny(situation, situation.others.older_open or situation.others.older_escalated)


def _deny(situation: Situation, older: str) -> Deny | None:
    if not older:
        return None
    return Deny(
        reason=reasons.TARGET_BUSY,
        message=f"remediation {older} of {situation.target} is older and still open; only one may act",
    )
