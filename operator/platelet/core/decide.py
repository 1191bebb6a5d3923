"""The seam: what follows from a situation. One function serves the operator, `explain` and the tests."""

from dataclasses import replace
from datetime import datetime

from platelet.core import (
    acting,
    condemning,
    escalating,
    monitoring,
    observing,
    record,
    settling,
    taking_back,
    telling,
    undoing,
    verifying,
    waiting,
    withdrawing,
)
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.policy import ACTING
from platelet.model.remediation import BEFORE_ACTING, RemediationStatus
from platelet.model.signal import SHOWN
from platelet.model.situation import Situation


def decide(situation: Situation, now: datetime) -> Decision:
    """SIGNAL -> MATCH -> GUARD -> INTEND -> ACT -> VERIFY -> ESCALATE / RECORD, one arrow at a time."""
    situation = telling.hear(situation, now)
    stored = situation.remediation.status
    settlements = settling.unsettled(situation, stored, now)
    if stored.state == "Closed":
        wound_up = Decision(status=stored, effects=(*settlements, *escalating.unmark(situation, stored, now)))
        return telling.deliver(situation, wound_up, now)
    decision = _decide_open(situation, _open(situation, now), now)
    lessons = condemning.condemned(situation, decision.status, now)
    decision = replace(decision, effects=(*settlements, *lessons, *decision.effects))
    return telling.tell(situation, decision, now)


def _decide_open(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    acts = situation.remediation.spec.mode in ACTING
    attempt = acting.unfinished(status)
    if attempt is not None and acts:
        return acting.decide(situation, status, attempt, now)
    ended = _ended(situation, status, now)
    if ended is not None:
        return ended
    if situation.invalid_steps and status.state != "Escalated":
        return _without_steps(situation, status, now)
    if not acts:
        return observing.decide(situation, status, now)
    status = taking_back.say_what_holds_it_up(situation, status, now)
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
            return _without_signal(situation, status, now) or waiting.decide(situation, status, now)


def _going_back(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """What comes before everything new: the step that failed, or a temporary change that is due."""
    leaving = situation.budget is not None and situation.budget.leaving(now) is not None
    if status.undoing and status.state == "Waiting" and not leaving:
        return undoing.decide(situation, status, now)
    return taking_back.decide(situation, status, now)


def _open(situation: Situation, now: datetime) -> RemediationStatus:
    """The status to start from: a new Remediation gets its opening evidence, its step and its clock."""
    status, spec = situation.remediation.status, situation.remediation.spec
    if status.opened_at is not None:
        uid = situation.workload.uid if situation.workload else status.target_uid
        return replace(status, target_uid=uid)
    uid = situation.workload.uid if situation.workload else ""
    opened = replace(
        status,
        opened_at=now,
        observed_generation=situation.remediation.generation,
        target_uid=uid,
        steps=situation.to_pin,
        step=spec.first_step,
        step_name=situation.steps[spec.first_step].name if spec.first_step < len(situation.steps) else "",
        message=spec.signal.message,
        reason=spec.signal.reason,
    )
    if spec.signal.source == "takeBack":
        return replace(opened, state="Monitoring", recovered_at=now)
    for fact in (spec.signal, *situation.inherited):
        opened = record.merge_evidence(opened, fact)
    return opened


def _ended(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """What ends an incident whatever its state: the target is gone, or the policy no longer wants it."""
    if situation.workload is None:
        gone = record.close(status, reasons.TARGET_GONE, "the target was deleted", now)
        lent = [each.id for each in status.attempts if each.take_back is not None]
        owed = [entry.id for entry in taking_back.pending(situation)]
        return Decision(status=record.let_go(gone, *lent, *owed), effects=taking_back.let_go(situation, now))
    owes = not taking_back.is_known(situation) or taking_back.pending(situation)
    if status.state == "Escalated" or (owes and status.state not in BEFORE_ACTING):
        return None
    why = withdrawing.why_over(situation)
    return Decision(status=record.close(status, reasons.CANCELLED, why, now)) if why else None


def _without_steps(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """The pinned steps cannot be read: people hear of it if anything was done, else the incident may open anew."""
    message = f"its steps cannot be read: {situation.invalid_steps}"
    if status.attempts:
        return escalating.escalate(situation, status, reasons.INVALID_SPEC, message, now)
    return Decision(status=record.close(status, reasons.INVALID_SPEC, message, now))


def _without_signal(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Nothing is wrong any more: closed if nothing was done, watched if something was."""
    if situation.signals:
        return None
    message = "every signal is gone"
    failed = next((each for each in status.evidence if each.source == "check" and each.resolved_at is None), None)
    if failed is not None:
        text = f"whether it still fails is not known: {failed.message}"
        return escalating.escalate(situation, status, reasons.INCONCLUSIVE, text, now)
    if not any(each.kind == "Act" and each.phase == "Done" for each in status.attempts):
        return Decision(status=record.close(status, reasons.RESOLVED_BY_ITSELF, message, now))
    status = record.set_condition(status, "Recovered", reasons.RECOVERED, message, now)
    watched = record.resolve(record.enter(status, "Monitoring", reasons.RECOVERED, message), now, *SHOWN, "check")
    return telling.recovered(situation, replace(watched, recovered_at=now), now)
