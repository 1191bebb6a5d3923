"""Everything that happened to one workload, as one list by time: a pure view of what is on record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from platelet.explain import rollouts
from platelet.explain.entry import Entry, Kind, in_order, not_over_before
from platelet.explain.object_events import tell_events
from platelet.model import recent_change
from platelet.model.durations import format_time
from platelet.model.remediation import Attempt, DecisionRecord, Remediation, RemediationStatus
from platelet.model.revision import RevisionRecord
from platelet.model.signal import Source
from platelet.model.snapshot import Snapshot
from platelet.model.workload import WorkloadRef

_CHANGES_TOLD = 5  # differences of a template on one line

KINDS: Mapping[Source, Kind] = {
    "alert": "alert",
    "query": "query",
    "pod": "pods",
    "workload": "pods",
    "check": "check",
    "revert": "revert",
    "request": "request",
}
"""Of the entries that a fact from each source makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The timeline of one workload, CronJob or Job, oldest first."""

    target: tuple[str, str, str]  # kind, namespace and name
    exists: bool
    since: datetime | None
    entries: tuple[Entry, ...]
    now: datetime


def compile_timeline(  # noqa: PLR0913 - its sources
    target: WorkloadRef,
    snapshot: Snapshot,
    remediations: Sequence[Remediation],
    events: Iterable[Mapping[str, Any]],
    since: datetime | None,
    now: datetime,
) -> Timeline:
    """Make one list of the records, the workload's Remediations and the namespace's Events (events.k8s.io)."""
    unordered = [
        *rollouts.tell_rollouts(snapshot.revisions, remediations),
        *_revisions(snapshot.records, {revision.template_hash for revision in snapshot.revisions}),
        *(entry for remediation in remediations for entry in _incident(remediation)),
        *tell_events(
            events,
            {(target.kind, target.name), *(("ReplicaSet", revision.name) for revision in snapshot.revisions)},
            tuple(f"Remediation {remediation.namespace}/{remediation.name}:" for remediation in remediations),
        ),
    ]
    folded = rollouts.fold_pods_made(in_order(unordered))
    return Timeline(
        target=(target.kind, target.namespace, target.name),
        exists=snapshot.workload is not None,
        since=since,
        entries=not_over_before(since, folded),
        now=now,
    )


def _revisions(records: Iterable[RevisionRecord], rolled_out: set[str]) -> Iterator[Entry]:
    """What is remembered of templates; that one was first seen only where its revision is gone."""
    for record in records:
        if record.template_hash not in rolled_out:
            images = rollouts.name_images(record.template)
            yield Entry(at=record.first_seen, kind="rollout", message=f"template {record.template_hash}: {images}")
        if record.health != "Unknown" and record.health_since is not None:
            message = f"template {record.template_hash} is on record as {record.health}"
            yield Entry(at=record.health_since, kind="revision", reason=record.health, message=message)


def _incident(remediation: Remediation) -> Iterator[Entry]:
    """All that one Remediation tells."""
    spec, status, name = remediation.spec, remediation.status, remediation.name
    for fact in status.evidence or (spec.signal,):
        yield Entry(
            at=fact.first_seen,
            kind=KINDS[fact.source],
            reason=fact.reason,
            message=fact.message,
            remediation=name,
            count=fact.count,
            last_at=fact.last_seen if fact.last_seen > fact.first_seen else None,
        )
        if fact.resolved_at is not None:
            yield Entry(at=fact.resolved_at, kind="resolved", reason=fact.reason, remediation=name)
    changed = recent_change.say(status.recent_change)
    if status.opened_at is not None and changed:
        yield Entry(at=status.opened_at, kind="change", message=_join(changed), remediation=name)
    if status.opened_at is not None:
        message = f"{name} by policy {remediation.policy_key} with runbook {spec.runbook_ref.name}, mode {spec.mode}"
        yield Entry(at=status.opened_at, kind="opened", message=message, remediation=name)
    for decision in status.decisions:
        if _is_told_elsewhere(decision, status):
            continue
        yield Entry(
            at=decision.first_at,
            kind="decision",
            reason=decision.reason,
            message=decision.message,
            by=decision.by,
            remediation=name,
            count=decision.count,
            last_at=decision.last_at if decision.last_at > decision.first_at else None,
        )
    for attempt in status.attempts:
        yield from _attempt(attempt, name)
    yield from _escalation(status, name)
    if status.closed_at is not None:
        yield Entry(at=status.closed_at, kind="closed", reason=status.reason, message=status.message, remediation=name)


def _join(changed: Sequence[str]) -> str:
    """What was changed before, on one line: `explain` has all of it."""
    first, more = changed[1 : 1 + _CHANGES_TOLD], len(changed) - 1 - _CHANGES_TOLD
    message = f"{changed[0]} {', '.join(first)}".rstrip()
    return message + (f" and {more} more" if more > 0 else "")


def _escalation(status: RemediationStatus, remediation: str) -> Iterator[Entry]:
    """That people got it, and who of them was told when."""
    escalation = status.escalation
    if escalation is not None:
        reason, message = escalation.reason, escalation.message
        yield Entry(at=escalation.at, kind="escalation", reason=reason, message=message, remediation=remediation)
    for call in status.notifications:
        if call.kind in ("ApprovalNeeded", "Escalated", "Announced") and call.told_at is not None:
            message = f"level {call.level}: {call.sink}"
            yield Entry(at=call.told_at, kind="told", reason=call.reason, message=message, remediation=remediation)


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
        kind="attempt" if attempt.kind == "Act" else "revert",
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


def document(timeline: Timeline) -> dict[str, Any]:
    """The same for machines: what does not apply is absent."""
    kind, namespace, name = timeline.target
    return {
        "target": {"kind": kind, "namespace": namespace, "name": name},
        "exists": timeline.exists,
        "entries": [_document_entry(entry) for entry in timeline.entries],
        "now": format_time(timeline.now),
    } | ({"since": format_time(timeline.since)} if timeline.since else {})


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
