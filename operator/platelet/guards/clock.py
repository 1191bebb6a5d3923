"""The API server's time is known (DESIGN 3.3): without a recent sample no limit can be judged."""

from datetime import datetime

from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

MAX_AGE_SECONDS = 60.0


def deny(situation: Situation, _now: datetime) -> Deny | None:
    """Deny while the last sample of the API server's time is older than a minute, or its age is not a number.

    An answer that contradicts what the machine has counted since the last one is no sample.
    """
    if situation.knowledge.clock_age_seconds <= MAX_AGE_SECONDS:
        return None
    return Deny(
        reason=reasons.CLOCK_UNKNOWN,
        message=(
            f"for {MAX_AGE_SECONDS:.0f} s no API server has told a time that fits what has passed since it last did, "
            "so no limit can be judged; is the clock of one of them wrong?"
        ),
    )
