"""One workload explained, as values: its policies, its Remediations, its revisions, and why nothing is done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from platelet.actions import rollout_undo
from platelet.explain.eligibility import Candidate
from platelet.explain.incident import Incident
from platelet.model.policy import Settings
from platelet.model.remediation import PinnedRef, Remediation, RemediationSpec, TargetRef
from platelet.model.revision import RevisionRecord
from platelet.model.signal import Evidence
from platelet.model.situation import Ladder, Situation
from platelet.model.snapshot import Snapshot
from platelet.model.verdict import Plan
from platelet.model.workload import WorkloadRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that `explain` says of one workload. It holds no template."""

    target: WorkloadRef
    exists: bool
    replicas: str
    why: tuple[str, ...]  # the answer in a sentence or two
    pods: tuple[str, ...]  # what they show
    candidates: tuple[Candidate, ...]
    open: tuple[Incident, ...]
    would_open: tuple[Incident, ...]  # what the next look of the operator opens
    closed: tuple[Remediation, ...]  # newest first
    records: tuple[RevisionRecord, ...]  # newest first, without their templates
    live_template: str
    undo_goal: str  # the record that an undo to LastHealthy restores; empty: none
    undo: str  # the same in words
    now: datetime


def find_undo_goal(
    target: WorkloadRef, snapshot: Snapshot, open_incident: Remediation | None, settings: Settings, now: datetime
) -> tuple[str, str]:
    """Which record an undo to LastHealthy restores now, and its words; empty and the reason when there is none."""
    situation = Situation(
        settings=settings,
        remediation=open_incident or _no_remediation(target, now),
        ladder=Ladder(),
        policy=None,
        snapshot=snapshot,
    )
    plan = rollout_undo.find_goal(rollout_undo.RolloutUndo(), situation)
    if isinstance(plan, Plan):
        return next((change.record for change in plan.changes), ""), plan.summary
    return "", f"{plan.reason}: {plan.message}"


def without_templates(records: Sequence[RevisionRecord]) -> tuple[RevisionRecord, ...]:
    """Newest first; templates carry plaintext secrets (TRAPS 48)."""
    newest_first = sorted(records, key=lambda record: record.first_seen, reverse=True)
    return tuple(replace(record, template={}) for record in newest_first)


def conclude(
    snapshot: Snapshot, candidates: Sequence[Candidate], incidents: Sequence[Incident], would_open: Sequence[Incident]
) -> tuple[str, ...]:
    """Why something is done, or nothing."""
    if snapshot.workload is None:
        return ("the workload does not exist",)
    conclusions = [f"{incident.remediation.name}: {_summary(incident)}" for incident in incidents]
    conclusions += [f"{candidate.remediation.name} is to open at the operator's next look" for candidate in would_open]
    if conclusions:
        return tuple(conclusions)
    if not candidates:
        return ("nothing is done: there is no RemediationPolicy for its namespace",)
    if not any(candidate.matches for candidate in candidates):
        return ("nothing is done: no policy that is ready is for this workload",)
    return ("nothing is done: nothing is wrong that a policy looks for",)


def _summary(incident: Incident) -> str:
    status = incident.remediation.status
    why = ": ".join(text for text in (status.reason, status.message) if text) or "not looked at by an operator yet"
    observed = ", observed only" if incident.remediation.spec.mode == "Observe" else ""
    return f"{status.state}{observed} ({why})"


def _no_remediation(target: WorkloadRef, now: datetime) -> Remediation:
    nothing = PinnedRef(name="none")
    fact = Evidence(source="pod", reason="None", fingerprint="none", message="", first_seen=now, last_seen=now)
    spec = RemediationSpec(
        target_ref=TargetRef(kind=target.kind, name=target.name),
        policy_ref=nothing,
        runbook_ref=nothing,
        mode="Observe",
        signal=fact,
    )
    return Remediation(namespace=target.namespace, name="none", uid="", resource_version="", spec=spec)
