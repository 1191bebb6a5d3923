"""The arrows GUARD and INTEND: find the step that applies, ask brakes and people, reserve a place, pin the plan."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet import actions, changes, guards
from platelet.core import (
    approvals,
    conditions,
    early_notice,
    escalating,
    held_place,
    idle_steps,
    record,
    settlements,
    target_state,
)
from platelet.core.decision import Decision
from platelet.guards import occurrence
from platelet.model import durations, reasons
from platelet.model.budget import Entry, PendingRevert
from platelet.model.effects import Effect, ForgetRevision, RememberValues, Reserve
from platelet.model.kept_values import KeptValues
from platelet.model.policy import Step
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Deny, Plan, Refusal
from platelet.model.workload import Workload

_REFUSALS = (
    reasons.MISSING_REFERENCE,
    reasons.NOT_A_RECENT_RELEASE,
    reasons.NO_HEALTHY_REVISION,
    reasons.NEW_PODS_FAIL,
)
_TRIES_PER_STEP = 3  # attempts that were superseded or lost; one with a verdict moves on by itself
_UNKNOWN_ENDS = 2  # writes of one incident of which nobody knows what they came to; each may have had its effect


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderStep:
    """The step that applies now: its action, its plan, and the status that remembers why others were passed over."""

    status: RemediationStatus
    situation: Situation
    step: Step
    action: Action
    plan: Plan | Refusal | Deny
    denied_by: str = ""


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Move one arrow further: escalate, wait with a reason, reserve, or record the intent."""
    policy, workload = situation.policy, situation.snapshot.workload
    if policy is None or workload is None:
        return Decision(status=status)
    heard = approvals.hear(situation, status, now)
    if heard is not None:
        return heard
    awaited = status.state == "AwaitingApproval"  # people's time is the approval's, not giveUpAfter
    since = now if awaited else status.waiting_since or now
    status = replace(status, state="Waiting", waiting_since=since)
    give_up_at = since + policy.limits.give_up_after
    if give_up_at <= now:
        message = _why_not(status, policy.limits.give_up_after)
        return escalating.escalate(situation, status, reasons.GAVE_UP, message, now)
    unknown = _unknown(status)
    if len(unknown) >= _UNKNOWN_ENDS:
        message = f"what came of {len(unknown)} writes is not known; the last: {unknown[-1].message}"
        return escalating.escalate(situation, status, reasons.UNKNOWN_OUTCOME, message, now)
    rung = find_rung(situation, status, now)
    if rung is None and _begins_beyond_the_ladder(situation, status):
        return _come_back(situation, status, give_up_at, now)
    if rung is None:
        message = _last_word(status)
        return escalating.escalate(situation, status, reasons.NO_STEP_LEFT, message, now)
    if isinstance(rung.plan, Deny):
        return _denied(rung, rung.plan, give_up_at, now)
    return _take(rung, rung.plan, workload, now)


def find_rung(situation: Situation, status: RemediationStatus, now: datetime) -> LadderStep | None:
    """The first step from the current one whose condition holds, with what the guards and the action say to it."""
    while status.step < len(situation.ladder.steps):
        step = situation.ladder.steps[status.step]
        status = replace(status, step_name=step.name)
        action = actions.BY_KEY[step.action]
        young = occurrence.deny(situation, now) if step.when or not action.writes else None
        if young is not None:  # a condition is asked when it counts: a step is not passed over before its time
            return LadderStep(
                status=status, situation=situation, step=step, action=action, plan=young, denied_by="occurrence"
            )
        answer = conditions.holds(step, situation, status, now)
        if not answer.holds:
            status = _skip(status, step, "when", answer.reason, answer.message, now)
            continue
        seen = replace(situation, remediation=replace(situation.remediation, status=status))
        if not action.writes:
            idle = idle_steps.plan(action, step, seen, now)
            is_last = status.step + 1 == len(situation.ladder.steps)
            if isinstance(idle, Refusal) and idle.outcome == "PassedOver" and not is_last:
                status = _skip(status, step, action.key, idle.reason, idle.message, now)
                continue
            return LadderStep(status=status, situation=seen, step=step, action=action, plan=idle, denied_by=action.key)
        denial = guards.first_denial(seen, now, action=step.traits)
        if denial is not None and denial[1].undo_helps and _is_undone_later(situation, status, now):
            status = _skip(status, step, denial[0], denial[1].reason, denial[1].message, now)
            continue
        if denial is not None:
            return LadderStep(
                status=status, situation=seen, step=step, action=action, plan=denial[1], denied_by=denial[0]
            )
        plan = idle_steps.plan(action, step, seen, now)
        return LadderStep(status=status, situation=seen, step=step, action=action, plan=plan, denied_by=action.key)
    return None


def _is_undone_later(situation: Situation, status: RemediationStatus, now: datetime) -> bool:
    """Whether a later step goes back to another template, and it is time to act at all."""
    later = situation.ladder.steps[status.step + 1 :]
    return any(step.traits.heals_rollout for step in later) and (occurrence.deny(situation, now) is None)


def _take(rung: LadderStep, plan: Plan | Refusal, workload: Workload, now: datetime) -> Decision:
    """The guards allow: pass the step over, ask a person, take a place, or pin the plan under the place."""
    situation = rung.situation
    if isinstance(plan, Refusal):
        ended = idle_steps.end(situation, rung.status, rung.step, plan, now)
        if ended is not None:
            return ended
        skipped = _skip(rung.status, rung.step, rung.action.key, plan.reason, plan.message, now)
        return Decision(status=skipped)
    if rung.status.attempts and held_place.tries(situation, rung.status) >= _TRIES_PER_STEP:
        text = f"{_TRIES_PER_STEP} attempts of this step came to nothing"
        return Decision(status=_skip(rung.status, rung.step, rung.action.key, reasons.UNKNOWN_OUTCOME, text, now))
    if plan.keeps is not None:
        return Decision(status=rung.status, effects=_keep(situation, plan.keeps))
    reserved = held_place.open_reservation(situation, rung.status)
    attempt = reserved.id if reserved else held_place.next_id(situation, rung.status)
    question = approvals.ask(situation, rung.status, rung.step, plan, attempt, now)
    if question is not None:
        given_up = (settlements.abandon(reserved, now),) if reserved else ()
        return replace(question, effects=(*given_up, *question.effects))
    if reserved is None:
        return Decision(status=rung.status, effects=(_reserve(rung, plan, workload, attempt, now),))
    if not held_place.is_as_reserved(reserved, situation):
        return Decision(status=rung.status, effects=(settlements.abandon(reserved, now),))
    return Decision(status=_intend(rung, plan, workload, reserved, now))


def _keep(situation: Situation, values: KeptValues) -> tuple[Effect, ...]:
    """Put on record what the plan must not show; what is there under the name was kept for a plan that is no more."""
    namespace, remember = situation.target.namespace, RememberValues(target=situation.target, values=values)
    if not values.uid:
        return (remember,)
    return (ForgetRevision(namespace=namespace, record=values.name, uid=values.uid), remember)


def _denied(rung: LadderStep, denial: Deny, give_up_at: datetime, now: datetime) -> Decision:
    if denial.escalate:
        return escalating.escalate(rung.situation, rung.status, denial.reason, denial.message, now)
    waiting = record.wait(
        rung.status,
        now,
        step=rung.step.name,
        by=rung.denied_by,
        reason=denial.reason,
        message=denial.message,
        until=denial.retry_at,
    )
    held = held_place.open_reservation(rung.situation, rung.status)
    asked_again = None if denial.in_turn else denial.look_at or denial.retry_at
    decision = Decision(
        status=waiting,
        effects=(settlements.abandon(held, now),) if held else (),  # a place that is not used now blocks nobody
        again_at=min(filter(None, (asked_again, give_up_at, approvals.expires_at(rung.status)))),
    )
    return early_notice.hold(rung.situation, decision, denial, now)


def _begins_beyond_the_ladder(situation: Situation, status: RemediationStatus) -> bool:
    spec = situation.remediation.spec
    return bool(spec.continues) and spec.first_step >= len(situation.ladder.steps) and status.escalation is None


def _come_back(situation: Situation, status: RemediationStatus, give_up_at: datetime, now: datetime) -> Decision:
    """What people had, and nobody has changed since, is theirs again, once it holds."""
    young = occurrence.deny(situation, now)
    if young is not None:
        waiting = record.wait(
            status, now, step="", by="occurrence", reason=young.reason, message=young.message, until=young.retry_at
        )
        return Decision(status=waiting, again_at=min(filter(None, (young.retry_at, give_up_at))))
    message = f"it came back, and no step is left that {situation.remediation.spec.continues} has not tried"
    if situation.signals:
        message = f"{message}: {situation.signals[0].message}"
    return escalating.escalate(situation, status, reasons.RECURRED, message, now)


def _skip(  # noqa: PLR0913 - a skipped step has these parts
    status: RemediationStatus, step: Step, by: str, reason: str, message: str, now: datetime
) -> RemediationStatus:
    noted = record.note(status, now, step=step.name, by=by, reason=reason, message=message)
    return replace(noted, step=status.step + 1, waiting=None)


def _unknown(status: RemediationStatus) -> list[Attempt]:
    """The writes of which nobody knows what they came to, since people last handed the incident back."""
    return [attempt for attempt in record.attempts_anew(status) if attempt.kind == "Act" and attempt.phase == "Unknown"]


def _reserve(rung: LadderStep, plan: Plan, workload: Workload, attempt: str, now: datetime) -> Reserve:
    situation = rung.situation
    back, pinned = None, changes.pin(plan.changes, situation)
    if plan.revert is not None and pinned is not None:
        back = PendingRevert(
            action=rung.action.key,
            changes=pinned,
            uid=workload.uid,
            due_at=plan.revert.due_at,
            when_resolved=plan.revert.when_resolved,
        )
    entry = Entry(
        id=attempt,
        target=situation.target,
        policy=situation.policy.key if situation.policy else "",
        epoch=situation.knowledge.epoch,
        reserved_at=now,
        revert=back,
    )
    return Reserve(entry=entry, situation=situation)


def _intend(rung: LadderStep, plan: Plan, workload: Workload, entry: Entry, now: datetime) -> RemediationStatus:
    # What was reserved would be reverted.
    planned = entry.revert.changes if entry.revert is not None else plan.changes
    pinned = changes.pin(planned, rung.situation)
    if pinned is None:
        return rung.status
    given = approvals.approved(rung.status, entry.id)
    asked = record.withdraw_question(rung.status, "nobody has to approve it any more")
    attempt = Attempt(
        id=entry.id,
        step=rung.status.step,
        action=rung.action.key,
        summary=record.clip(plan.summary),
        intended_at=now,
        pre=target_state.pin(workload),
        changes=pinned,
        revert=plan.revert,
        approved_by=given.by if given else "",
        approved_at=given.answered_at if given else None,
    )
    status = record.enter(asked, "Acting", reasons.INTENDED, plan.summary)
    status = record.put_attempt(status, attempt)
    return record.note(
        status, now, step=rung.step.name, by=rung.action.key, reason=reasons.INTENDED, message=plan.summary
    )


def _why_not(status: RemediationStatus, patience: timedelta) -> str:
    """Name the last no: whoever is called must see at once what stood in the way."""
    text = f"nothing could be done for {durations.format_duration(patience)}"
    return f"{text}; {status.waiting.reason}: {status.waiting.message}" if status.waiting else text


def _last_word(status: RemediationStatus) -> str:
    """What was tried. What never left, since others changed the target first, was no attempt."""
    tried = [attempt for attempt in status.attempts if attempt.kind == "Act" and attempt.phase != "Superseded"]
    if not tried:
        last_no = next((f"; {decision.reason}: {decision.message}" for decision in status.decisions[-1:]), "")
        return f"no step of the runbook applies{last_no}"
    last = tried[-1]
    outcome = last.verdict_message or last.message
    count = "1 attempt" if len(tried) == 1 else f"{len(tried)} attempts"
    return f"no step is left after {count}; the last: {last.summary}: {outcome}{_passed_over(status)}"


def _passed_over(status: RemediationStatus) -> str:
    """The last step that its action refused: who is called may be able to do what it could not."""
    refused = (
        decision
        for decision in reversed(status.decisions)
        if decision.by in actions.BY_KEY and decision.reason in _REFUSALS
    )
    return next(
        (f"; before that {decision.step} was refused: {decision.reason}: {decision.message}" for decision in refused),
        "",
    )
