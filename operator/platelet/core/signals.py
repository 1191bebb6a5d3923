"""The arrow SIGNAL, asked again on fresh reads: which facts of ill health hold for one target."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from platelet.api import lenient
from platelet.core import record
from platelet.model.signal import TOLD, Evidence, Signal
from platelet.model.workload import Pod, Revision, Workload, newest_revision_hash
from platelet.triggers import alert as alert_trigger
from platelet.triggers import pod as pod_trigger
from platelet.triggers import workload as workload_trigger

_CHECKED_FOR = timedelta(minutes=5)  # so long after it failed, whether a check still fails is not known any more


def current(  # noqa: PLR0913 - the facts of one target
    triggers: Sequence[pod_trigger.PodTrigger | workload_trigger.WorkloadTrigger],
    evidence: Sequence[Evidence],
    workload: Workload,
    revisions: Sequence[Revision],
    pods: Sequence[Pod],
    now: datetime,
    alert_triggers: Sequence[alert_trigger.AlertTrigger] | None = None,
) -> tuple[Signal, ...]:
    """What pods and workload show by their own status; the others from the evidence that nobody has resolved.

    `alert_triggers` are the policy's; None: it is not known which alerts these name.
    """
    newest = newest_revision_hash(workload, revisions)
    first_failing, short_since = _first_failing(evidence, pods), _short_since(evidence)
    shown = [
        workload_trigger.observe(each, workload, pods, newest, now, short_since)
        if isinstance(each, workload_trigger.WorkloadTrigger)
        else pod_trigger.observe(each, pods, newest, now, first_failing)
        for each in triggers
    ]
    return (
        *(each for each in shown if each is not None),
        *(_from_outside(each, pods, newest, alert_triggers) for each in evidence if _holds(each, now)),
    )


def as_evidence(signal: Signal, now: datetime) -> Evidence:
    """A signal as it is kept on a Remediation."""
    return Evidence(
        source=signal.source,
        reason=lenient.shorten(signal.reason),
        fingerprint=lenient.shorten(signal.fingerprint),
        message=record.clip(signal.message),
        first_seen=signal.since,
        last_seen=now,
        holds_at=signal.holds_at,
        severity=signal.severity,
    )


def _first_failing(evidence: Sequence[Evidence], pods: Sequence[Pod]) -> dict[str, datetime]:
    """Since when each pod is known to fail: a status shows the last end of a container only, the record remembers."""
    seen = [each.first_seen for each in evidence if each.source == "pod"]
    return {each.uid: max(min(seen), each.created_at) for each in pods} if seen else {}


def _short_since(evidence: Sequence[Evidence]) -> datetime | None:
    """Since when the record knows that replicas are unavailable: pods that are missing carry no time."""
    seen = [each for each in evidence if each.source == "workload" and each.reason == "ReplicasUnavailable"]
    return min((each.first_seen for each in seen if each.resolved_at is None), default=None)


def _holds(fact: Evidence, now: datetime) -> bool:
    told = fact.source in (*TOLD, "request") or (fact.source == "check" and now - fact.last_seen <= _CHECKED_FOR)
    return told and fact.resolved_at is None


def _from_outside(
    fact: Evidence, pods: Sequence[Pod], newest: str, triggers: Sequence[alert_trigger.AlertTrigger] | None = None
) -> Signal:
    sick = [each for each in pods if each.is_active and not each.ready and not each.is_starting]
    return Signal(
        source=fact.source,
        reason=fact.reason,
        fingerprint=fact.fingerprint,
        message=fact.message,
        since=fact.first_seen,
        holds_at=fact.holds_at or fact.first_seen,
        severity=fact.severity,
        suppressed=fact.suppressed_at is not None,
        unnamed=fact.source == "alert" and triggers is not None and not alert_trigger.name(triggers, fact.reason),
        pods=tuple(each.name for each in sick[:10]),
        newest_only=bool(sick) and bool(newest) and all(each.revision_hash == newest for each in sick),
    )
