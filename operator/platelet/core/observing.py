"""Mode Observe: say what would be done, and do nothing; closed when the signal is gone.

What other observing Remediations would have done counts as if it were reserved: their records are the virtual budget.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from platelet.api.kinds import runbook
from platelet.api.kinds.invalid import InvalidSpec
from platelet.core import approvals, record, waiting
from platelet.core.decision import Decision
from platelet.model import reasons, windows
from platelet.model.budget import Entry
from platelet.model.policy import DAY, Verification
from platelet.model.remediation import DecisionRecord, Remediation, RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Deny, Refusal

_LIMITS = (
    reasons.COOLDOWN,
    reasons.TOO_MANY_CONCURRENT,
    reasons.TARGET_RATE_LIMITED,
    reasons.POLICY_RATE_LIMITED,
    reasons.OPERATOR_RATE_LIMITED,
)


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Plan the first step that applies and ask every guard, without a reservation."""
    claimed = _claimed(status)
    if not situation.signals:
        reason = reasons.WOULD_HAVE_ACTED if claimed else reasons.RESOLVED_BY_ITSELF
        return Decision(status=record.close(status, reason, status.message, now))
    by_hand = situation.remediation.spec.by_hand  # a question: it claims no place, and has its answer at once
    rung = waiting.find_rung(situation if by_hand else _as_if_reserved(situation, claimed), status, now)
    if rung is None:
        message = "would escalate: no step of the runbook applies"
        if by_hand:
            return Decision(status=record.close(status, reasons.NO_STEP_LEFT, message, now))
        noted = record.wait(
            status, now, step="", by="runbook", reason=reasons.NO_STEP_LEFT, message=message, until=None
        )
        return Decision(status=noted)
    status = rung.status
    if isinstance(rung.plan, Deny | Refusal):
        until = rung.plan.retry_at if isinstance(rung.plan, Deny) else None
        by, reason = rung.denied_by or rung.action.key, rung.plan.reason
        message = f"would not act: {rung.plan.message}"
        if reason in _LIMITS:
            status = _without_claim(status)
    else:
        until, by, reason = None, rung.action.key, reasons.WOULD_HAVE_ACTED
        asks = approvals.why_needed(situation, rung.step)
        message = f"would {rung.plan.summary}" + (f", once a person approves: {asks}" if asks else "")
    if by_hand:
        return Decision(status=record.close(status, reason, message, now))
    noted = record.wait(status, now, step=rung.step.name, by=by, reason=reason, message=message, until=until)
    return Decision(status=noted, again_at=until)


def claims(remediations: Iterable[Remediation], now: datetime) -> tuple[Entry, ...]:
    """What observing Remediations would have reserved, at the moment when they first said so."""
    entries = (_claim(remediation, now) for remediation in remediations if remediation.spec.mode == "Observe")
    return tuple(entry for entry in entries if entry is not None)


def _claim(remediation: Remediation, now: datetime) -> Entry | None:
    """A place that is taken as by an attempt that was done at once and verified within its timeout."""
    status = remediation.status
    claim = _claimed(status)
    if claim is None or claim.first_at + DAY <= now:
        return None
    verified_at = min(claim.first_at + _verification(remediation, claim.step).timeout, status.closed_at or now + DAY)
    return Entry(
        id=f"{remediation.uid}/{status.step}/1",
        target=remediation.target,
        policy=remediation.policy_key,
        epoch=0,
        reserved_at=claim.first_at,
        outcome="Done",
        outcome_at=claim.first_at,
        settled_at=verified_at if verified_at <= now else None,
    )


def _verification(remediation: Remediation, step: str) -> Verification:
    try:
        steps = runbook.read_steps(remediation.spec.steps)
    except InvalidSpec:
        return Verification()
    return next((pinned.verify for pinned in steps if pinned.name == step), Verification())


def _claimed(status: RemediationStatus) -> DecisionRecord | None:
    return next((decision for decision in status.decisions if decision.reason == reasons.WOULD_HAVE_ACTED), None)


def _without_claim(status: RemediationStatus) -> RemediationStatus:
    """Two that looked at the same moment both found the last place free: the later one had none."""
    kept = tuple(decision for decision in status.decisions if decision.reason != reasons.WOULD_HAVE_ACTED)
    return replace(status, decisions=kept)


def _as_if_reserved(situation: Situation, claimed: DecisionRecord | None) -> Situation:
    """The situation with the claims on its budget; who has one itself is judged by those that came before.

    Another policy's claim on the same target is an alternative to this one, not an action before it.
    """
    budget, remediation = situation.budget, situation.remediation
    if budget is None:
        return situation
    mine = situation.policy.key if situation.policy else ""
    rivals = (
        claim
        for claim in situation.others.claims
        if windows.remediation_of(claim) != remediation.uid
        and (claim.target != situation.target or claim.policy == mine)
    )
    entries = tuple(
        entry
        for entry in (*budget.status.entries, *rivals)
        if claimed is None or (entry.reserved_at, windows.remediation_of(entry)) < (claimed.first_at, remediation.uid)
    )
    return replace(situation, budget=replace(budget, status=replace(budget.status, entries=entries)))
