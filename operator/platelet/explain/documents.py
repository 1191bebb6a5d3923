"""The same explanations for machines: plain JSON, times in RFC 3339, no templates."""

from typing import Any

from platelet import changes
from platelet.api.kinds import remediation as contract
from platelet.explain.eligibility import Candidate
from platelet.explain.incident import Incident, Judgement, LadderStep
from platelet.explain.outlook import Next
from platelet.explain.overview import Overview
from platelet.model.budget import Entry
from platelet.model.durations import format_time
from platelet.model.signal import Signal
from platelet.model.verdict import Deny, Refusal

Document = dict[str, Any]
_STORED = (
    "state",
    "reason",
    "message",
    "waiting",
    "approval",
    "evidence",
    "recentChange",
    "logTail",
    "attempts",
    "decisions",
    "escalation",
    "openedAt",
    "closedAt",
)


def of_incident(incident: Incident) -> Document:
    """One Remediation explained. What is on record has the names that it has in the Remediation's status."""
    remediation = incident.remediation
    status = contract.write_status(remediation.status)
    return {
        "remediation": {"namespace": remediation.namespace, "name": remediation.name, "mode": remediation.spec.mode},
        "target": {**_reference(incident), "exists": incident.target_exists},
        "policy": {
            "namespace": remediation.spec.policy_ref.namespace,
            "name": remediation.spec.policy_ref.name,
            "now": incident.policy,
        },
        "lookedAt": incident.looked_at,
        "status": {key: status[key] for key in _STORED if key in status},
        "signals": [_signal(signal) for signal in incident.signals],
        "steps": [_ladder_step(rung) for rung in incident.ladder],
        "reverts": [_revert(revert) for revert in incident.reverts],
        "next": [_next(step) for step in incident.following],
        "now": format_time(incident.now),
    }


def of_overview(overview: Overview) -> Document:
    """One workload explained."""
    return {
        "target": {"kind": overview.target.kind, "namespace": overview.target.namespace, "name": overview.target.name},
        "exists": overview.exists,
        "why": list(overview.why),
        "pods": list(overview.pods),
        "policies": [_candidate(candidate) for candidate in overview.candidates],
        "open": [of_incident(incident) for incident in overview.open],
        "wouldOpen": [of_incident(candidate) for candidate in overview.would_open],
        "closed": [
            {"name": remediation.name, "reason": remediation.status.reason, "message": remediation.status.message}
            for remediation in overview.closed
        ],
        "revisions": [
            {
                "name": record.name,
                "templateHash": record.template_hash,
                "health": record.health,
                "healthSince": format_time(record.health_since) if record.health_since else None,
                "firstSeen": format_time(record.first_seen),
                "releasedAt": format_time(record.last_release),
                "releasedBy": record.released_by or None,
                "live": record.template_hash == overview.live_template,
                "undoGoal": record.name == overview.undo_goal,
            }
            for record in overview.records
        ],
        "undo": overview.undo,
        "now": format_time(overview.now),
    }


def _reference(incident: Incident) -> Document:
    return {"kind": incident.target.kind, "namespace": incident.target.namespace, "name": incident.target.name}


def _signal(signal: Signal) -> Document:
    return {
        "source": signal.source,
        "reason": signal.reason,
        "message": signal.message,
        "since": format_time(signal.since),
        "holdsAt": format_time(signal.holds_at),
    }


def _ladder_step(rung: LadderStep) -> Document:
    document: Document = {"name": rung.step.name, "action": rung.step.action, "place": rung.place}
    if rung.step.when:
        document["when"] = rung.step.when
    return document | ({"now": _judgement(rung.judgement)} if rung.judgement is not None else {})


def _judgement(judgement: Judgement) -> Document:
    condition: Document = {"holds": judgement.condition.holds}
    if not judgement.condition.holds:
        condition |= {"reason": judgement.condition.reason, "message": judgement.condition.message}
    plan = judgement.plan
    guards = [{"name": name, **_verdict(denial)} for name, denial in judgement.verdicts]
    answer = (
        {"reason": plan.reason, "message": plan.message} if isinstance(plan, Refusal) else {"summary": plan.summary}
    )
    return {
        "condition": condition,
        "refusal" if isinstance(plan, Refusal) else "plan": answer,
    } | ({"guards": guards} if guards else {})


def _verdict(denial: Deny | None) -> Document:
    if denial is None:
        return {"allows": True}
    answer = {"allows": False, "reason": denial.reason, "message": denial.message, "escalates": denial.escalate}
    return answer | ({"until": format_time(denial.retry_at)} if denial.retry_at else {})


def _revert(entry: Entry) -> Document:
    back = entry.revert
    if back is None:
        return {"attempt": entry.id}
    document: Document = {"attempt": entry.id, **changes.figures(back.changes)}
    document["whenResolved"] = back.when_resolved
    return document | ({"dueAt": format_time(back.due_at)} if back.due_at else {})


def _next(step: Next) -> Document:
    return {"text": step.text} | ({"at": format_time(step.at)} if step.at else {})


def _candidate(candidate: Candidate) -> Document:
    return {
        "policy": candidate.key,
        "mode": candidate.mode,
        "matches": candidate.matches,
        "signals": [_signal(signal) for signal in candidate.signals],
        "because": list(candidate.because),
    }
