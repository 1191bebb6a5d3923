"""What two deliveries of one alert say about each other: senders repeat, reorder, and leave ends out (DESIGN 3.4).

Alerts of the same labels are one alert: it fires under one start at a time. So its end ends every start before it, also
one whose own end was never sent (a start within Alertmanager's group_interval has none); and a start that is later than
the one that is known says that the former is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from platelet.model import alert
from platelet.model.signal import Evidence

CLEARLY_LATER = timedelta(minutes=10)
"""After the end of an alert was heard: no sender is so late with a firing of before. What a sender tells then is a new
episode, also under the same start: after Prometheus was cut off from Alertmanager, its alerts end there, and come back
so.
"""


def is_same_fact(fact: Evidence, known: Evidence) -> bool:
    """Whether both are one fact: of alerts, those of the same labels, whatever their starts."""
    return _lead(fact, known) is not None


def ends(fact: Evidence, known: Evidence) -> bool:
    """Whether a fact says that a known one, which still holds, is over."""
    if fact.resolved_at is None or known.resolved_at is not None:
        return False
    return known.source != "alert" or known.first_seen <= fact.resolved_at


def is_late(fact: Evidence, known: Evidence) -> bool:
    """Whether what an alert says is overtaken by what is known of it: that an episode is over stands.

    A firing that began after that end is another episode.
    """
    lead = _lead(fact, known)
    if known.source != "alert" or lead is None:
        return False
    if known.resolved_at is None:
        return fact.resolved_at is not None and fact.resolved_at < known.first_seen
    if fact.resolved_at is not None:
        return lead <= timedelta()
    return fact.first_seen < known.resolved_at or (not lead and fact.first_seen == known.resolved_at)


def is_newer(fact: Evidence, known: Evidence) -> bool:
    """Whether an alert began anew after the start that is known."""
    return (_lead(fact, known) or timedelta()) > timedelta()


def as_new_episode(fact: Evidence, past: Iterable[Evidence], now: datetime, patience: timedelta) -> Evidence:
    """A firing of what has ended longer ago than a late report takes: it began after that, and we do not know when."""
    if fact.resolved_at is not None:
        return fact
    heard = [
        max(earlier.resolved_at, earlier.last_seen)
        for earlier in past
        if earlier.resolved_at and is_late(fact, earlier)
    ]
    return replace(fact, first_seen=now, holds_at=now) if heard and now - max(heard) > patience else fact


def latest(facts: Sequence[Evidence]) -> Evidence:
    """Give the one that began last, of facts of the same alert."""
    newest = facts[0]
    for fact in facts[1:]:
        newest = fact if is_newer(fact, newest) else newest
    return newest


def is_among(known: Evidence, episodes: Mapping[str, Sequence[str]]) -> bool:
    """Whether a fact is one of these (`by_labels`), or an earlier start of an alert that is."""
    named = episodes.get(alert.fingerprint_of(known.fingerprint), ())
    if known.source != "alert":
        return known.fingerprint in named
    leads = (alert.lead_of(labels, known.fingerprint) for labels in named)
    return any(lead is not None and lead >= timedelta() for lead in leads)


def by_labels(episodes: Iterable[str]) -> dict[str, list[str]]:
    """Sort fingerprints by what they begin with: of alerts, the fingerprint of the labels."""
    groups: dict[str, list[str]] = {}
    for labels in episodes:
        groups.setdefault(alert.fingerprint_of(labels), []).append(labels)
    return groups


def _lead(fact: Evidence, known: Evidence) -> timedelta | None:
    """How much later it began; None: they are different facts."""
    if fact.source == known.source == "alert":
        return alert.lead_of(fact.fingerprint, known.fingerprint)
    return timedelta() if fact.fingerprint == known.fingerprint else None
