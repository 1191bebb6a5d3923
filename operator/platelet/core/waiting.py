"""The arrows GUARD and INTEND: find the step that applies, ask brakes and people, reserve a place, pin the plan."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet import actions, guards
from platelet.core import approving, conditions, escalating, holding, meaning, record, settling
from platelet.core.decision import Decision
from platelet.guards import occurrence
from platelet.model import durations, reasons
from platelet.model.budget import Entry, PendingTakeBack
from platelet.model.effects import Reserve
from platelet.model.policy import Step
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Deny, Plan, Refusal
from platelet.model.workload import Workload

_REFUSALS = (reasons.MISSING_REFERENCE, reasons.NOT_A_RECENT_RELEASE, reasons.NO_HEALTHY_REVISION)
_TRIES_PER_STEP = 3  # attempts that were superseded or lost; one with a verdict moves on by itself
_UNKNOWN_ENDS = 2  # writes of one incident of which nobody knows what they came to; each may have had its effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """The step that applies now: its action, its plan, and the status that remembers why others were passed over."""

    status: RemediationStatus
    situation: Situation
    step: Step
    action: Action
    plan: Plan | Refusal | Deny
    denied_by: str = ""


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Move one arrow further: escalate, wait with a reason, reserve, or record the intent."""
    policy, workload = situation.policy, situation.workload
    if policy is None or workload is None:
        return Decision(status=status)
    heard = approving.hear(situation, status, now)
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


def find_rung(situation: Situation, status: RemediationStatus, now: datetime) -> Rung | None:
    """The first step from the current one whose condition holds, with what the guards and the action say to it."""
    while status.step < len(situation.steps):
        step = situation.steps[status.step]
        status = replace(status, step_name=step.name)
        action = actions.BY_KEY[step.action]
        young = occurrence.deny(situation, now) if step.when else None
        if young is not None:  # a condition is asked when it counts: a step is not passed over before its time
            return Rung(
                status=status, situation=situation, step=step, action=action, plan=young, denied_by="occurrence"
            )
        answer = conditions.holds(step, situation, status, now)
        if not answer.holds:
            status = _skip(status, step, "when", answer.reason, answer.message, now)
            continue
        traits, remediation = action.traits_with(step.settings), replace(situation.remediation, status=status)
        seen = replace(situation, action=traits, remediation=remediation)
        denial = guards.first_denial(seen, now)
        if denial is not None and denial[1].undo_helps and _is_undone_later(situation, status, now):
            status = _skip(status, step, denial[0], denial[1].reason, denial[1].message, now)
            continue
        if denial is not None:
            return Rung(status=status, situation=seen, step=step, action=action, plan=denial[1], denied_by=denial[0])
        return Rung(status=status, situation=seen, step=step, action=action, plan=action.plan(step.settings, seen, now))
    return None


def _is_undone_later(situation: Situation, status: RemediationStatus, now: datetime) -> bool:
    """Whether a later step goes back to another template, and it is time to act at all."""
    later = situation.steps[status.step + 1 :]
    return any(actions.BY_KEY[each.action].traits.heals_rollout for each in later) and (
        occurrence.deny(situation, now) is None
    )


def open_reservation(situation: Situation, status: RemediationStatus) -> Entry | None:
    """The place that this leader holds on the budget for the current step, not yet used by an attempt."""
    known = {each.id for each in status.attempts}
    prefix = f"{situation.remediation.uid}/{status.step}/"
    entries = situation.budget.status.entries if situation.budget else ()
    return next(
        (
            each
            for each in entries
            if each.id.startswith(prefix)
            and each.kind == "Act"
            and each.outcome is None
            and each.epoch == situation.epoch
            and each.id not in known
        ),
        None,
    )


def _take(rung: Rung, plan: Plan | Refusal, workload: Workload, now: datetime) -> Decision:
    """The guards allow: pass the step over, ask a person, take a place, or pin the plan under the place."""
    situation = rung.situation
    if isinstance(plan, Refusal):
        skipped = _skip(rung.status, rung.step, rung.action.key, plan.reason, plan.message, now)
        return Decision(status=skipped)
    if rung.status.attempts and _tries(situation, rung.status) >= _TRIES_PER_STEP:
        text = f"{_TRIES_PER_STEP} attempts of this step came to nothing"
        return Decision(status=_skip(rung.status, rung.step, rung.action.key, reasons.UNKNOWN_OUTCOME, text, now))
    reserved = open_reservation(situation, rung.status)
    attempt = reserved.id if reserved else _next_id(situation, rung.status)
    question = approving.ask(situation, rung.status, rung.step, rung.action.traits, plan, attempt, now)
    if question is not None:
        given_up = (settling.abandon(reserved, now),) if reserved else ()
        return replace(question, effects=(*given_up, *question.effects))
    if reserved is None:
        return Decision(status=rung.status, effects=(_reserve(rung, plan, workload, attempt, now),))
    if reserved.take_back is not None and reserved.take_back.before != meaning.present(situation, plan.post):
        return Decision(status=rung.status, effects=(settling.abandon(reserved, now),))
    return Decision(status=_intend(rung, plan, workload, reserved, now))


def _denied(rung: Rung, denial: Deny, give_up_at: datetime, now: datetime) -> Decision:
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
    held = open_reservation(rung.situation, rung.status)
    decision = Decision(
        status=waiting,
        effects=(settling.abandon(held, now),) if held else (),  # a place that is not used now blocks nobody
        again_at=min(filter(None, (denial.retry_at, give_up_at, approving.expires_at(rung.status)))),
    )
    return holding.hold(rung.situation, decision, denial, now)


def _begins_beyond_the_ladder(situation: Situation, status: RemediationStatus) -> bool:
    spec = situation.remediation.spec
    return bool(spec.continues) and spec.first_step >= len(situation.steps) and status.escalation is None


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
    return [each for each in record.attempts_anew(status) if each.kind == "Act" and each.phase == "Unknown"]


def _numbers(situation: Situation, status: RemediationStatus, since: datetime | None = None) -> list[int]:
    """The numbers n of the attempts and reservations of the current step, of all or of those made after `since`."""
    prefix = f"{situation.remediation.uid}/{status.step}/"
    entries = situation.budget.status.entries if situation.budget else ()
    made = [(entry.id, entry.reserved_at) for entry in entries]
    made += [(attempt.id, attempt.intended_at) for attempt in status.attempts]
    ids = [identity for identity, at in made if since is None or at >= since]
    tails = [each.removeprefix(prefix) for each in ids if each.startswith(prefix)]
    return [int(tail) for tail in tails if tail.isdigit()]


def _next_id(situation: Situation, status: RemediationStatus) -> str:
    number = max(_numbers(situation, status), default=0) + 1
    return f"{situation.remediation.uid}/{status.step}/{number}"


def _tries(situation: Situation, status: RemediationStatus) -> int:
    """How often the current step was tried since it was reached, or since people handed the incident back."""
    held = open_reservation(situation, status)
    return len(set(_numbers(situation, status, status.handed_back_at))) - (1 if held else 0)


def _reserve(rung: Rung, plan: Plan, workload: Workload, attempt: str, now: datetime) -> Reserve:
    situation = rung.situation
    back, before = None, meaning.present(situation, plan.post)
    if plan.take_back is not None and before is not None:
        back = PendingTakeBack(
            ours=plan.post,
            before=before,
            uid=workload.uid,
            due_at=plan.take_back.due_at,
            when_resolved=plan.take_back.when_resolved,
        )
    entry = Entry(
        id=attempt,
        target=situation.target,
        policy=situation.policy.key if situation.policy else "",
        epoch=situation.epoch,
        reserved_at=now,
        take_back=back,
    )
    return Reserve(entry=entry, situation=situation)


def _intend(rung: Rung, plan: Plan, workload: Workload, entry: Entry, now: datetime) -> RemediationStatus:
    post = plan.post
    if entry.take_back is not None:
        post = entry.take_back.ours  # what was reserved, and would be taken back
    given = approving.approved(rung.status, entry.id)
    asked = record.withdraw_question(rung.status, "nobody has to approve it any more")
    attempt = Attempt(
        id=entry.id,
        step=rung.status.step,
        action=rung.action.key,
        summary=record.clip(plan.summary),
        intended_at=now,
        pre=meaning.pin(workload, meaning.written_autoscaler(rung.situation, post)),
        post=post,
        take_back=plan.take_back,
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
    tried = [each for each in status.attempts if each.kind == "Act" and each.phase != "Superseded"]
    if not tried:
        last_no = next((f"; {each.reason}: {each.message}" for each in status.decisions[-1:]), "")
        return f"no step of the runbook applies{last_no}"
    last = tried[-1]
    outcome = last.verdict_message or last.message
    count = "1 attempt" if len(tried) == 1 else f"{len(tried)} attempts"
    return f"no step is left after {count}; the last: {last.summary}: {outcome}{_passed_over(status)}"


def _passed_over(status: RemediationStatus) -> str:
    """The last step that its action refused: who is called may be able to do what it could not."""
    refused = (each for each in reversed(status.decisions) if each.by in actions.BY_KEY and each.reason in _REFUSALS)
    return next((f"; before that {each.step} was refused: {each.reason}: {each.message}" for each in refused), "")
