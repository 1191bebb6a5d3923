"""The seam: what follows from a situation. One function serves the operator, `explain` and the tests."""

from dataclasses import replace
from datetime import datetime

from platelet.core import (
    abandoned_templates,
    acting,
    due_reverts,
    escalating,
    job_logs,
    log_tails,
    monitoring,
    notices,
    observing,
    recent_changes,
    record,
    settlements,
    signals_gone,
    step_reverts,
    verifying,
    waiting,
    withdrawals,
)
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.policy import ACTING
from platelet.model.remediation import BEFORE_ACTING, RemediationStatus
from platelet.model.situation import Situation


def decide(situation: Situation, now: datetime) -> Decision:
    """SIGNAL -> MATCH -> GUARD -> INTEND -> ACT -> VERIFY -> ESCALATE / RECORD, one arrow at a time."""
    situation = notices.hear(situation, now)
    stored = situation.remediation.status
    unsettled = settlements.unsettled(situation, stored, now)
    if stored.state == "Closed":
        return notices.send(situation, Decision(status=stored, effects=unsettled), now)
    decision = _decide_open(situation, _with_evidence(situation, opened(situation, now)), now)
    marks = abandoned_templates.marks(situation, decision.status, now)
    decision = replace(decision, effects=(*unsettled, *marks, *decision.effects))
    return notices.tell(situation, decision, now)


def _decide_open(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    acts = situation.remediation.spec.mode in ACTING
    attempt = acting.unfinished(status)
    if attempt is not None and acts:
        return acting.decide(situation, status, attempt, now)
    ended = _ended(situation, status, now)
    if ended is not None:
        return ended
    if situation.ladder.invalid and status.state != "Escalated":
        return _without_steps(situation, status, now)
    if not acts:
        return observing.decide(situation, status, now)
    status = due_reverts.say_what_holds_it_up(situation, status, now)
    back = _going_back(situation, status, now)
    if back is not None:
        return back
    match status.state:
        case "Verifying":
            return verifying.decide(situation, status, now)
        case "Monitoring":
            return monitoring.decide(situation, status, now)
        case "Escalated":
            return escalating.decide(situation, status, now)
        case _:
            quiet = signals_gone.decide(situation, status, now)
            return quiet or waiting.decide(situation, replace(status, quiet_since=None), now)


def _going_back(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Reverts come before anything new: of the step that failed, or of a temporary change that is due."""
    leaving = situation.budget is not None and situation.budget.leaving(now) is not None
    if status.reverting and status.state == "Waiting" and not leaving:
        return step_reverts.decide(situation, status, now)
    return due_reverts.decide(situation, status, now)


def opened(situation: Situation, now: datetime) -> RemediationStatus:
    """The status to start from: a new Remediation gets its opening evidence, its step and its clock."""
    status, spec = situation.remediation.status, situation.remediation.spec
    if status.opened_at is not None:
        uid = situation.snapshot.workload.uid if situation.snapshot.workload else status.target_uid
        return replace(status, target_uid=uid)
    uid = situation.snapshot.workload.uid if situation.snapshot.workload else ""
    opened = replace(
        status,
        opened_at=now,
        observed_generation=situation.remediation.generation,
        target_uid=uid,
        steps=situation.ladder.to_pin,
        step=spec.first_step,
        step_name=situation.ladder.steps[spec.first_step].name if spec.first_step < len(situation.ladder.steps) else "",
        message=spec.signal.message,
        reason=spec.signal.reason,
    )
    if spec.signal.source == "revert":
        return replace(opened, state="Monitoring", recovered_at=now)
    for fact in (spec.signal, *situation.others.inherited):
        opened = record.merge_evidence(opened, fact)
    return opened


def _with_evidence(situation: Situation, status: RemediationStatus) -> RemediationStatus:
    """Keep what people will want to know: the state before anything is done, and what a Job has logged."""
    return job_logs.note(situation, log_tails.note(situation, recent_changes.note(situation, status)))


def _ended(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """What ends an incident whatever its state: the target is gone, or the policy no longer wants it."""
    if situation.snapshot.workload is None:
        gone = record.close(status, reasons.TARGET_GONE, "the target was deleted", now)
        lent = [attempt.id for attempt in status.attempts if attempt.revert is not None]
        owed = [entry.id for entry in due_reverts.pending(situation)]
        return Decision(status=record.let_go(gone, *lent, *owed), effects=due_reverts.let_go(situation, now))
    owes = not due_reverts.is_known(situation) or due_reverts.pending(situation)
    if status.state == "Escalated" or (owes and status.state not in BEFORE_ACTING):
        return None
    why = withdrawals.why_over(situation)
    return Decision(status=record.close(status, reasons.CANCELLED, why, now)) if why else None


def _without_steps(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """The pinned steps cannot be read: people hear of it if anything was done, else the incident may open anew."""
    message = f"its steps cannot be read: {situation.ladder.invalid}"
    if status.attempts:
        return escalating.escalate(situation, status, reasons.INVALID_SPEC, message, now)
    return Decision(status=record.close(status, reasons.INVALID_SPEC, message, now))
