"""Everything that happened to one workload, as one list by time: a pure view of what is on record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from platelet.api import lenient
from platelet.cli import rollouts
from platelet.cli.entry import ORDER, Entry, Kind
from platelet.model.durations import format_time
from platelet.model.remediation import Attempt, DecisionRecord, Remediation, RemediationStatus
from platelet.model.revision import RevisionRecord
from platelet.model.signal import Source
from platelet.model.workload import WorkloadRef
from platelet.shell.event_recorder import CONTROLLER
from platelet.shell.sight import Sight

_SOURCES: Mapping[Source, Kind] = {
    "alert": "alert",
    "query": "query",
    "pod": "pods",
    "workload": "pods",
    "check": "check",
    "takeBack": "takeBack",
    "request": "request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """The timeline of one workload, oldest first."""

    target: WorkloadRef
    exists: bool
    since: datetime | None
    entries: tuple[Entry, ...]
    now: datetime


def compile_chronicle(  # noqa: PLR0913 - its sources
    target: WorkloadRef,
    sight: Sight,
    remediations: Sequence[Remediation],
    events: Iterable[Mapping[str, Any]],
    since: datetime | None,
    now: datetime,
) -> Chronicle:
    """Make one list of the records, the workload's Remediations and the namespace's Events (events.k8s.io)."""
    found = [
        *rollouts.tell_rollouts(sight.revisions, remediations),
        *_revisions(sight.records, {each.template_hash for each in sight.revisions}),
        *(entry for each in remediations for entry in _incident(each)),
        *_events(target, sight, remediations, events),
    ]
    ordered = sorted(found, key=lambda entry: (entry.at, ORDER.index(entry.kind)))
    told = rollouts.fold_pods_made(ordered)
    return Chronicle(
        target=target,
        exists=sight.workload is not None,
        since=since,
        entries=tuple(entry for entry in told if since is None or (entry.last_at or entry.at) >= since),
        now=now,
    )


def _revisions(records: Iterable[RevisionRecord], rolled_out: set[str]) -> Iterator[Entry]:
    """What is remembered of templates; that one was first seen only where its revision is gone."""
    for each in records:
        if each.template_hash not in rolled_out:
            images = rollouts.name_images(each.template)
            yield Entry(at=each.first_seen, kind="rollout", message=f"template {each.template_hash}: {images}")
        if each.health != "Unknown" and each.health_since is not None:
            message = f"template {each.template_hash} is on record as {each.health}"
            yield Entry(at=each.health_since, kind="revision", reason=each.health, message=message)


def _incident(remediation: Remediation) -> Iterator[Entry]:
    """All that one Remediation tells."""
    spec, status, name = remediation.spec, remediation.status, remediation.name
    for fact in status.evidence or (spec.signal,):
        yield Entry(
            at=fact.first_seen,
            kind=_SOURCES[fact.source],
            reason=fact.reason,
            message=fact.message,
            remediation=name,
            count=fact.count,
            last_at=fact.last_seen if fact.last_seen > fact.first_seen else None,
        )
        if fact.resolved_at is not None:
            yield Entry(at=fact.resolved_at, kind="resolved", reason=fact.reason, remediation=name)
    if status.opened_at is not None:
        message = f"{name} by policy {remediation.policy_key} with runbook {spec.runbook_ref.name}, mode {spec.mode}"
        yield Entry(at=status.opened_at, kind="opened", message=message, remediation=name)
    for each in status.decisions:
        if _is_told_elsewhere(each, status):
            continue
        yield Entry(
            at=each.first_at,
            kind="decision",
            reason=each.reason,
            message=each.message,
            by=each.by,
            remediation=name,
            count=each.count,
            last_at=each.last_at if each.last_at > each.first_at else None,
        )
    for attempt in status.attempts:
        yield from _attempt(attempt, name)
    if status.escalation is not None:
        told = status.escalation
        yield Entry(at=told.at, kind="escalation", reason=told.reason, message=told.message, remediation=name)
    if status.closed_at is not None:
        yield Entry(at=status.closed_at, kind="closed", reason=status.reason, message=status.message, remediation=name)


def _is_told_elsewhere(decision: DecisionRecord, status: RemediationStatus) -> bool:
    """Whether an attempt, its verdict or the escalation is the very same word."""
    escalated = status.escalation is not None and decision.first_at == status.escalation.at
    if decision.by == "escalation":
        return escalated
    if decision.by == "verification":
        return any(decision.first_at == attempt.verdict_at for attempt in status.attempts)
    own = [attempt for attempt in status.attempts if attempt.action == decision.by]
    return any(decision.first_at in (attempt.intended_at, attempt.outcome_at) for attempt in own)


def _attempt(attempt: Attempt, remediation: str) -> Iterator[Entry]:
    yield Entry(
        at=attempt.intended_at,
        kind="attempt" if attempt.kind == "Act" else "takeBack",
        reason=attempt.phase,
        message=": ".join(part for part in (attempt.summary, attempt.message) if part),
        by=attempt.action,
        remediation=remediation,
        attempt=attempt.id,
        last_at=attempt.outcome_at,
    )
    if attempt.verdict is not None and attempt.verdict_at is not None:
        yield Entry(
            at=attempt.verdict_at,
            kind="verdict",
            reason=attempt.verdict,
            message=attempt.verdict_message,
            remediation=remediation,
            attempt=attempt.id,
        )


def _events(
    target: WorkloadRef, sight: Sight, remediations: Sequence[Remediation], events: Iterable[Mapping[str, Any]]
) -> Iterator[Entry]:
    """Events on the workload and its ReplicaSets. Our own say what a Remediation says, unless that is gone."""
    about = {(target.kind, target.name), *(("ReplicaSet", each.name) for each in sight.revisions)}
    told = tuple(f"Remediation {each.namespace}/{each.name}:" for each in remediations)
    for each in events:
        regarding, note = lenient.mapping(each.get("regarding")), lenient.text(each.get("note"))
        by = lenient.text(each.get("reportingController"))
        at = _event_time(each)
        repeated = by == CONTROLLER and note.startswith(told)
        if at is None or repeated or (regarding.get("kind"), regarding.get("name")) not in about:
            continue
        series = lenient.mapping(each.get("series"))
        last = lenient.moment(series.get("lastObservedTime")) or lenient.moment(each.get("deprecatedLastTimestamp"))
        yield Entry(
            at=at,
            kind="event",
            reason=lenient.text(each.get("reason")),
            message=note,
            by=by,
            count=lenient.number(series.get("count") or each.get("deprecatedCount"), absent=1),
            last_at=last if last is not None and last > at else None,
        )


def _event_time(event: Mapping[str, Any]) -> datetime | None:
    metadata = lenient.mapping(event.get("metadata"))
    times = (event.get("eventTime"), event.get("deprecatedFirstTimestamp"), metadata.get("creationTimestamp"))
    return next((found for found in map(lenient.moment, times) if found is not None), None)


def document(chronicle: Chronicle) -> dict[str, Any]:
    """The same for machines: what does not apply is absent."""
    target = chronicle.target
    return {
        "target": {"kind": target.kind, "namespace": target.namespace, "name": target.name},
        "exists": chronicle.exists,
        "entries": [_document_entry(each) for each in chronicle.entries],
        "now": format_time(chronicle.now),
    } | ({"since": format_time(chronicle.since)} if chronicle.since else {})


def _document_entry(entry: Entry) -> dict[str, Any]:
    values: dict[str, Any] = {
        "at": format_time(entry.at),
        "kind": entry.kind,
        "reason": entry.reason,
        "message": entry.message,
        "by": entry.by,
        "remediation": entry.remediation,
        "attempt": entry.attempt,
        "count": entry.count,
        "lastAt": format_time(entry.last_at) if entry.last_at else "",
    }
    return {name: value for name, value in values.items() if value or name in ("reason", "message")}


def past(now: datetime, length: timedelta | None) -> datetime | None:
    """The moment from which on entries are told; None: from the beginning."""
    return None if length is None else now - length
