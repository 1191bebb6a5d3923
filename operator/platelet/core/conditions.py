"""A step's condition: what it may see of the situation, and what its answer means. Unknown is false, and says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platelet.api.kinds import expressions
from platelet.model import blame, reasons
from platelet.model.policy import Step
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether the step applies, and if not, why."""

    holds: bool
    reason: str = ""
    message: str = ""


def holds(step: Step, situation: Situation, status: RemediationStatus, now: datetime) -> Answer:
    """Evaluate `when`. A step without a condition always applies; an error never does."""
    if not step.when:
        return Answer(holds=True)
    try:
        condition = expressions.compile_condition(step.when)
        answer = condition.evaluate(values(situation, status, now))
    except expressions.ConditionError as error:
        return Answer(holds=False, reason=reasons.CONDITION_ERROR, message=f"when {step.when}: {error}")
    if answer.holds:
        return Answer(holds=True)
    reason = reasons.CONDITION_ERROR if answer.holds is None else reasons.CONDITION_FALSE
    return Answer(holds=False, reason=reason, message=f"when {step.when}: {answer.note or 'false'}")


def values(situation: Situation, status: RemediationStatus, now: datetime) -> dict[str, Any]:
    """What an expression may ask: target, signal, remediation."""
    workload = situation.snapshot.workload
    signal = situation.signals[0] if situation.signals else None
    seen = [fact for fact in status.evidence if signal and fact.fingerprint == signal.fingerprint]
    return {
        "target": {
            "kind": situation.target.kind,
            "namespace": situation.target.namespace,
            "name": situation.target.name,
            "replicas": workload.replicas if workload else 0,
            "availableReplicas": workload.available_replicas if workload else 0,
            "labels": dict(workload.labels) if workload else {},
            "annotations": dict(workload.annotations) if workload else {},
            "templateAgeSeconds": _template_age(situation, now),
        },
        "signal": {
            "source": signal.source if signal else "",
            "reason": signal.reason if signal else "",
            "message": signal.message if signal else "",
            "severity": signal.severity if signal else "",
            "count": max((fact.count for fact in seen), default=0),
        },
        "remediation": {
            "step": status.step,
            "attempts": sum(
                1 for attempt in status.attempts if attempt.kind == "Act" and attempt.phase != "Superseded"
            ),
            "ageSeconds": (now - status.opened_at).total_seconds() if status.opened_at else 0.0,
        },
    }


def _template_age(situation: Situation, now: datetime) -> float | None:
    """Seconds since people released the live template; own writes and restart stamps do not count (same hash)."""
    live = blame.live_record(situation)
    return (now - live.last_release).total_seconds() if live is not None else None
