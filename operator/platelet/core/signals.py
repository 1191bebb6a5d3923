"""The arrow SIGNAL, asked again on fresh reads: which facts of ill health hold for one target."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from platelet import triggers
from platelet.api.readers import lenient
from platelet.core import record
from platelet.model.signal import TOLD, Evidence, Signal
from platelet.model.trigger import FromAlerts, FromTarget, Sighting
from platelet.model.workload import Pod, Revision, Workload, newest_revision_hash

_CHECKED_FOR = timedelta(minutes=5)  # so long after it failed, whether a check still fails is not known any more


def current(  # noqa: PLR0913 - the facts of one target
    chosen: Sequence[Any] | None,
    evidence: Sequence[Evidence],
    workload: Workload,
    revisions: Sequence[Revision],
    pods: Sequence[Pod],
    now: datetime,
) -> tuple[Signal, ...]:
    """What pods and workload show by their own status; the others from the evidence that nobody has resolved.

    `chosen` are the settings of the policy's triggers; None: they are not known, and so not which alerts they name.
    """
    sighting = Sighting(
        pods=pods,
        workload=workload,
        newest_revision_hash=newest_revision_hash(workload, revisions),
        failing_since=_failing_since(evidence, pods),
        facts=evidence,
    )
    known = [(triggers.of(settings), settings) for settings in chosen or ()]
    shown = (trigger.observe(settings, sighting, now) for trigger, settings in known if isinstance(trigger, FromTarget))
    naming = [(trigger, settings) for trigger, settings in known if isinstance(trigger, FromAlerts)]
    holding = (fact for fact in evidence if _holds(fact, now))
    return (
        *(signal for signal in shown if signal is not None),
        *(
            _from_outside(fact, pods, sighting.newest_revision_hash, naming if chosen is not None else None)
            for fact in holding
        ),
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


def _failing_since(evidence: Sequence[Evidence], pods: Sequence[Pod]) -> dict[str, datetime]:
    """Since when each pod is known to fail: a status shows the last end of a container only, the record remembers."""
    seen = [fact.first_seen for fact in evidence if fact.source == "pod"]
    return {pod.uid: max(min(seen), pod.created_at) for pod in pods} if seen else {}


def _holds(fact: Evidence, now: datetime) -> bool:
    is_kept = fact.source in (*TOLD, "request") or (fact.source == "check" and now - fact.last_seen <= _CHECKED_FOR)
    return is_kept and fact.resolved_at is None


def _from_outside(
    fact: Evidence, pods: Sequence[Pod], newest: str, naming: Sequence[tuple[FromAlerts, Any]] | None = None
) -> Signal:
    sick = [pod for pod in pods if pod.is_active and not pod.ready and not pod.is_starting]
    is_named = naming is None or any(trigger.names(settings, fact.reason) for trigger, settings in naming)
    return Signal(
        source=fact.source,
        reason=fact.reason,
        fingerprint=fact.fingerprint,
        message=fact.message,
        since=fact.first_seen,
        holds_at=fact.holds_at or fact.first_seen,
        severity=fact.severity,
        suppressed=fact.suppressed_at is not None,
        unnamed=fact.source == "alert" and not is_named,
        pods=tuple(pod.name for pod in sick[:10]),
        newest_only=bool(sick) and bool(newest) and all(pod.revision_hash == newest for pod in sick),
    )
