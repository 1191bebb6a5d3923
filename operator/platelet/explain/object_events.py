"""Kubernetes Events (events.k8s.io) as entries of a timeline, as others wrote them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from platelet.api.readers import lenient
from platelet.explain.entry import Entry
from platelet.sinks.event import REPORTING_CONTROLLER


def tell_events(
    events: Iterable[Mapping[str, Any]], about: Collection[tuple[object, object]], own_notes: tuple[str, ...]
) -> Iterator[Entry]:
    """Those about these objects, each a kind and a name. Ours that begin like `own_notes` repeat what is on record."""
    for event in events:
        regarding, note = lenient.mapping(event.get("regarding")), lenient.text(event.get("note"))
        by = lenient.text(event.get("reportingController"))
        at = _event_time(event)
        repeated = by == REPORTING_CONTROLLER and note.startswith(own_notes)
        if at is None or repeated or (regarding.get("kind"), regarding.get("name")) not in about:
            continue
        series = lenient.mapping(event.get("series"))
        last = lenient.moment(series.get("lastObservedTime")) or lenient.moment(event.get("deprecatedLastTimestamp"))
        yield Entry(
            at=at,
            kind="event",
            reason=lenient.text(event.get("reason")),
            message=note,
            by=by,
            count=lenient.number(series.get("count") or event.get("deprecatedCount"), absent=1),
            last_at=last if last is not None and last > at else None,
        )


def _event_time(event: Mapping[str, Any]) -> datetime | None:
    metadata = lenient.mapping(event.get("metadata"))
    times = (event.get("eventTime"), event.get("deprecatedFirstTimestamp"), metadata.get("creationTimestamp"))
    return next((moment for moment in map(lenient.moment, times) if moment is not None), None)
