"""One explained workload in words for people."""

from collections.abc import Iterable
from datetime import datetime

from platelet.explain import incident_text, lines
from platelet.explain.eligibility import Candidate
from platelet.explain.incident import Incident
from platelet.explain.overview import Overview
from platelet.model.remediation import Remediation
from platelet.model.revision import RevisionRecord

_CLOSED_SHOWN = 5


def text(overview: Overview) -> list[str]:
    """The answer first, then what it rests on."""
    target, now = overview.target, overview.now
    closed = [_closed(remediation, now) for remediation in overview.closed[:_CLOSED_SHOWN]]
    if len(overview.closed) > _CLOSED_SHOWN:
        closed.append(f"and {len(overview.closed) - _CLOSED_SHOWN} older ones")
    return [
        f"{target.kind} {target.namespace}/{target.name}" + (f" ({overview.replicas})" if overview.exists else ""),
        *(lines.INDENT + reason for reason in overview.why),
        *lines.section("Pods", overview.pods),
        *lines.section("Policies", _policies(overview.candidates)),
        *lines.section("Open Remediations", _incidents(overview.open, now)),
        *lines.section("Would open now", _incidents(overview.would_open, now)),
        *lines.section("Closed Remediations", closed),
        *lines.section("Revisions", _revisions(overview)),
    ]


def _policies(candidates: Iterable[Candidate]) -> list[str]:
    answer = []
    for candidate in candidates:
        answer.append(f"{'ok' if candidate.matches else 'no':<4}{candidate.key} ({candidate.mode})")
        answer += [f"      {because}" for because in candidate.because]
    return answer or ["none in this namespace, and none of the operator's namespace reaches here"]


def _incidents(incidents: Iterable[Incident], now: datetime) -> list[str]:
    answer = []
    for incident in incidents:
        remediation = incident.remediation
        status, ref = remediation.status, remediation.spec.policy_ref
        why = ": ".join(part for part in (status.reason, status.message) if part)
        answer.append(f"{remediation.name}: {status.state}, by policy {ref.namespace}/{ref.name}")
        answer += [f"  why: {why}"] if why else []
        answer += [f"  next: {line}" for line in incident_text.following(incident.following, now)]
        answer += _obstacles(incident)
        if incident.looked_at:
            answer.append(f"  more: platelet explain remediation/{remediation.name} -n {remediation.namespace}")
    return answer


def _obstacles(incident: Incident) -> list[str]:
    """Every guard that denies the current step, not only the first."""
    current = next((rung for rung in incident.ladder if rung.place == "current"), None)
    if current is None or current.judgement is None:
        return []
    denials = [(name, denial) for name, denial in current.judgement.verdicts if denial is not None]
    return [f"  DENY {name}: {denial.reason}: {denial.message}" for name, denial in denials]


def _closed(remediation: Remediation, now: datetime) -> str:
    status = remediation.status
    at = f" {lines.moment(status.closed_at, now)}" if status.closed_at else ""
    return f"{remediation.name}: {status.reason}{at}: {status.message}"


def _revisions(overview: Overview) -> list[str]:
    if not overview.records:
        return ["none is on record: the operator keeps them for workloads that a ready policy is for"]
    return [*(_revision(record, overview) for record in overview.records), f"undo to LastHealthy: {overview.undo}"]


def _revision(record: RevisionRecord, overview: Overview) -> str:
    now = overview.now
    since = f" since {lines.moment(record.health_since, now)}" if record.health_since else ""
    marks = [
        "live" if record.template_hash == overview.live_template else "",
        "an undo goes here" if record.name == overview.undo_goal else "",
    ]
    remarks = ", ".join(mark for mark in marks if mark)
    by = f" by {record.released_by}" if record.released_by else ""
    released = f"released {lines.moment(record.last_release, now)}{by}"
    return f"{record.template_hash}: {record.health}{since}; {released}" + (f" <- {remarks}" if remarks else "")
