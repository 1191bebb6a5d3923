"""The state AwaitingApproval: a person says yes or no to exactly one plan (DESIGN 3.1).

The token that an answer must carry is made of the Remediation's uid, the step, the attempt, what the plan relies on
and writes, and when people were asked. Whatever of the plan changes makes another question: the answer to the old one
is void, and stays so where the plan is one day as it was.
Where the guards allow and the plan is the approved one, `waiting` goes on; the plan's times (a restart's stamp, the
moment of a take-back) are those of the act.
"""

import json
from dataclasses import asdict, replace
from datetime import datetime

from platelet import sinks
from platelet.core import delivering, escalating, meaning, record, telling
from platelet.core.decision import Decision
from platelet.model import approval, reasons
from platelet.model.digest import digest
from platelet.model.durations import format_duration, say_time
from platelet.model.effects import Effect
from platelet.model.intent import PreState
from platelet.model.policy import Step
from platelet.model.remediation import Approval, RemediationStatus, Waiting
from platelet.model.situation import ActionTraits, Situation
from platelet.model.verdict import Plan

_SHORT = 256


def why_needed(situation: Situation, step: Step, traits: ActionTraits) -> str:
    """Why a person must approve this step; empty when nobody has to."""
    policy, kind = situation.policy, situation.target.kind
    if policy is None or policy.mode == "Approve":
        return "the policy's mode is Approve"
    if step.needs_approval:
        return f"the step {step.name} asks for it"
    if traits.replaces_pods and kind in policy.approval.kinds:
        return f"it replaces pods of a {kind}, which the policy's approval.kinds names"
    return ""


def hear(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Take in what people have answered to the plan that is shown; None when there is nothing new."""
    said = situation.remediation.annotations
    may_reject = _unsent(status)
    if may_reject is not None and said.get(approval.REJECT) == may_reject.token:
        return _rejected(situation, status, may_reject, now)
    asked = standing(status)
    if asked is None:
        return None
    if asked.expires_at <= now:
        return _expired(situation, status, asked, now)
    by = record.clip(said.get(approval.APPROVED_BY, ""), _SHORT)
    if asked.answer is None and said.get(approval.APPROVE) == asked.token and by:
        return _approved(status, asked, by, now)
    wrong = "" if asked.answer else _what_is_wrong(situation, status, asked)
    if wrong == asked.message:
        return None
    noted = record.note(
        status, now, step=asked.step_name, by="approval", reason=reasons.NOT_THIS_PLAN, message=wrong or "withdrawn"
    )
    return Decision(status=replace(noted, approval=replace(asked, message=record.clip(wrong))))


def ask(  # noqa: PLR0913 - a question has these parts
    situation: Situation,
    status: RemediationStatus,
    step: Step,
    traits: ActionTraits,
    plan: Plan,
    attempt: str,
    now: datetime,
) -> Decision | None:
    """Show the plan and wait for a person; None when nobody has to approve it, or somebody has."""
    why = why_needed(situation, step, traits)
    if not why or situation.policy is None or situation.workload is None:
        return None
    pre = meaning.pin(situation.workload, meaning.written_autoscaler(situation, plan.post))
    plan_hash = hash_plan(traits.name, pre, plan)
    asked = standing(status)
    if asked is not None and (asked.attempt, asked.plan_hash) == (attempt, plan_hash):
        return None if asked.answer == "Approved" else _keep_asking(situation, status, asked, now)
    wanted = Approval(
        token=make_token(attempt, plan_hash, now),
        attempt=attempt,
        step=status.step,
        step_name=step.name,
        action=traits.name,
        summary=record.clip(plan.summary),
        why=why,
        plan_hash=plan_hash,
        pre=pre,
        post=plan.post,
        asked_at=now,
        expires_at=now + situation.policy.approval.expires_after,
    )
    status = _void(status, f"the plan is now another one: {plan.summary}", now)
    text = f"{_question(situation, wanted)}; {wanted.why}"
    status = record.note(status, now, step=step.name, by="approval", reason=reasons.APPROVAL_NEEDED, message=text)
    shown = _show(situation, replace(status, approval=wanted), wanted)
    return Decision(status=shown, effects=sinks.publish(_notice(situation, shown, wanted)), again_at=now)


def approved(status: RemediationStatus, attempt: str) -> Approval | None:
    """The approval under which an attempt is made; None where nobody had to give one."""
    asked = status.approval
    return asked if asked is not None and asked.attempt == attempt and asked.answer == "Approved" else None


def standing(status: RemediationStatus) -> Approval | None:
    """The question that is open, or the approval that was given and is not used yet; of the present step."""
    asked = status.approval
    alive = asked is not None and asked.answer in (None, "Approved") and asked.step == status.step
    return asked if asked is not None and alive and not _was_used(status, asked) else None


def _unsent(status: RemediationStatus) -> Approval | None:
    """The question of the present step under which nothing was sent yet: until then a yes can be withdrawn."""
    asked = status.approval
    if asked is None or asked.answer not in (None, "Approved") or asked.step != status.step:
        return None
    return None if any(each.id == asked.attempt and each.phase != "Superseded" for each in status.attempts) else asked


def expires_at(status: RemediationStatus) -> datetime | None:
    """When the question that is open, or the approval that was given, is over."""
    asked = standing(status)
    return asked.expires_at if asked else None


def hash_plan(action: str, pre: PreState, plan: Plan) -> str:
    """Hash what the plan relies on and writes. Times are left out: they are those of the act."""
    post = {name: value for name, value in asdict(plan.post).items() if value is not None}
    before = {name: value for name, value in asdict(pre).items() if name in post}
    if plan.post.restart_stamp is not None:
        post["restart_stamp"] = "now"
    plain = {
        "action": action,
        "uid": pre.uid,
        "template": pre.template_hash,
        "pre": before,
        "post": post,
        "takeBack": plan.take_back is not None and [plan.take_back.due_at is not None, plan.take_back.when_resolved],
    }
    return digest(json.dumps(plain, sort_keys=True, default=str))


def make_token(attempt: str, plan_hash: str, asked_at: datetime) -> str:
    """Make the token of a question: `<step>-<attempt>-<hash>`; the hash covers the Remediation's uid, too."""
    _, step, number = attempt.rsplit("/", 2)
    return f"{step}-{number}-{digest(f'{attempt} {plan_hash} {asked_at.isoformat()}')}"


def _void(status: RemediationStatus, why: str, now: datetime) -> RemediationStatus:
    """End a question that is no longer open, and say why; an approval that was given for it holds no more."""
    voided = record.void_approval(status, why)
    if voided.approval is None or voided.approval == status.approval:
        return status
    step, text = voided.approval.step_name, voided.approval.message
    return record.note(voided, now, step=step, by="approval", reason=reasons.PLAN_CHANGED, message=text)


def _was_used(status: RemediationStatus, asked: Approval) -> bool:
    return any(each.id == asked.attempt for each in status.attempts)


def _question(situation: Situation, asked: Approval) -> str:
    how = approval.how_to_approve(situation.remediation.namespace, situation.remediation.name)
    return f"{asked.summary}? Until {say_time(asked.expires_at)}: {how}"


def _show(situation: Situation, status: RemediationStatus, asked: Approval) -> RemediationStatus:
    text = record.clip(_question(situation, asked))
    if asked.message:
        text = record.clip(f"{text}; {asked.message}")
    waiting = Waiting(by="approval", reason=reasons.APPROVAL_NEEDED, message=text, until=asked.expires_at)
    shown = record.enter(status, "AwaitingApproval", reasons.APPROVAL_NEEDED, text)
    return replace(shown, waiting=waiting)


def _keep_asking(situation: Situation, status: RemediationStatus, asked: Approval, now: datetime) -> Decision:
    asked = delivering.account(asked, _notice(situation, status, asked).id, situation.delivery, now)
    status = _show(situation, replace(status, approval=asked), asked)
    effects: tuple[Effect, ...] = ()
    if delivering.is_due(asked, situation.policy, now):
        effects = sinks.deliver(_notice(situation, status, asked))
    times = [each for each in (asked.expires_at, asked.retry_at) if each and each > now]
    return Decision(status=status, effects=effects, again_at=min(times))


def _approved(status: RemediationStatus, asked: Approval, by: str, now: datetime) -> Decision:
    text = f"approved by {by}: {asked.summary}"
    heard = replace(asked, answer="Approved", by=by, answered_at=now, message="")
    status = record.note(status, now, step=asked.step_name, by="approval", reason=reasons.APPROVED, message=text)
    status = replace(status, approval=heard)
    return Decision(status=record.enter(status, "Waiting", reasons.APPROVED, f"{text}; the guards are asked again"))


def _rejected(situation: Situation, status: RemediationStatus, asked: Approval, now: datetime) -> Decision:
    said = situation.remediation.annotations
    by = record.clip(said.get(approval.REJECTED_BY, "") or "somebody", _SHORT)
    why = said.get(approval.REJECT_REASON, "") or "no reason given"
    heard = replace(asked, answer="Rejected", by=by, answered_at=now, message=record.clip(why))
    text = f"rejected by {by}: {why}; the plan was: {asked.summary}"
    return escalating.escalate(situation, replace(status, approval=heard), reasons.REJECTED, text, now)


def _expired(situation: Situation, status: RemediationStatus, asked: Approval, now: datetime) -> Decision:
    patience = format_duration(asked.expires_at - asked.asked_at)
    if asked.answer == "Approved":
        last = f"; {status.waiting.reason}: {status.waiting.message}" if status.waiting else ""
        text = f"approved by {asked.by}, but not carried out within {patience} of the question: {asked.summary}{last}"
    else:
        text = f"nobody approved within {patience}: {asked.summary}"
    over = replace(asked, answer="Expired", message=record.clip(text))
    return escalating.escalate(situation, replace(status, approval=over), reasons.APPROVAL_EXPIRED, text, now)


def _what_is_wrong(situation: Situation, status: RemediationStatus, asked: Approval) -> str:
    """What keeps an answer that is there from counting; empty when there is none, or one to an earlier step."""
    said, used = situation.remediation.annotations, {_stem(each.id) for each in status.attempts if each.approved_by}
    for key, by in ((approval.APPROVE, approval.APPROVED_BY), (approval.REJECT, approval.REJECTED_BY)):
        token = said.get(key, "")
        if token == asked.token and not said.get(by):
            return f"{key} is there without {by}: set both in one write"
        if token and token != asked.token and token.rpartition("-")[0] not in used:
            who = said.get(by) or "somebody"
            return f"the answer of {who} is to another plan ({_short(token)}), this one is {asked.token}: answer anew"
    return ""


def _stem(attempt: str) -> str:
    return "-".join(attempt.rsplit("/", 2)[1:])


def _short(token: str) -> str:
    return record.clip(token, 40)


def _notice(situation: Situation, status: RemediationStatus, asked: Approval) -> sinks.Notice:
    text = _question(situation, asked)
    return telling.notice(situation, status, "ApprovalNeeded", reasons.APPROVAL_NEEDED, text, asked.asked_at)
