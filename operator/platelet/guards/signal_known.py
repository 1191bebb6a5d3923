"""What only a query shows is acted on only while that query is answered: a failed one says nothing."""

from datetime import datetime, timedelta

from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

_SOON = timedelta(seconds=5)


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny while nothing but queries shows ill health, and not all of them were answered when they were asked last."""
    holding = [signal for signal in situation.signals if signal.counts(now)]
    if situation.knowledge.queries_known_at is not None or any(signal.source != "query" for signal in holding):
        return None
    if not holding:
        return None
    if situation.knowledge.is_settling_in:
        message = f"whether it still holds is asked: this replica leads since a moment ago: {holding[0].message}"
        return Deny(reason=reasons.QUERY_UNANSWERED, message=message, retry_at=now + _SOON)
    return Deny(
        reason=reasons.QUERY_UNANSWERED,
        message=f"whether it still holds is not known, since Prometheus does not answer: {holding[0].message}",
    )
