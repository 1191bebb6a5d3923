"""The state AwaitingApproval: a person says yes or no to exactly one plan (DESIGN 3.1).

The token that an answer must carry is made of the Remediation's uid, the step, the attempt, what the plan relies on
and writes, and when people were asked. Whatever of the plan changes makes another question: the answer to the old one
is void, and stays so where the plan is one day as it was.
Where the guards allow and the plan is the approved one, `waiting` goes on; the plan's times (a restart's stamp, the
moment of a revert) are those of the act.
"""

import json
from dataclasses import asdict, replace
from datetime import datetime

from platelet import changes
from platelet.core import escalating, incident_notices, record, replies, target_state
from platelet.core.decision import Decision
from platelet.model import approval, reasons
from platelet.model.approval import Approval, Word
from platelet.model.digest import digest
from platelet.model.durations import format_duration
from platelet.model.intent import PinnedChange, PreState
from platelet.model.policy import Step
from platelet.model.remediation import RemediationStatus, Waiting
from platelet.model.situation import Situation
from platelet.model.verdict import Plan


def why_needed(situation: Situation, step: Step) -> str:
    """Why a person must approve this step; empty when nobody has to."""
    policy, kind = situation.policy, situation.target.kind
    if policy is None or policy.mode == "Approve":
        return "the policy's mode is Approve"
    if step.needs_approval:
        return f"the step {step.name} asks for it"
    if step.traits.replaces_pods and kind in policy.approval.kinds:
        return f"it replaces pods of a {kind}, which the policy's approval.kinds names"
    return ""


def hear(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Take in what people have answered to the plan that is shown; None when there is nothing new."""
    may_reject = _unsent(status)
    if may_reject is not None and (rejecter := _who(situation, status, "Reject", may_reject, "somebody")):
        return _rejected(situation, status, may_reject, rejecter, now)
    asked = resolved(status)
    if asked is None:
        return None
    if asked.expires_at <= now:
        return _expired(situation, status, asked, now)
    if asked.is_open and (by := _who(situation, status, "Approve", asked)):
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
    plan: Plan,
    attempt: str,
    now: datetime,
) -> Decision | None:
    """Show the plan and wait for a person; None when nobody has to approve it, or somebody has."""
    why = why_needed(situation, step)
    if not why or situation.policy is None or situation.snapshot.workload is None:
        return None
    pre, pinned = target_state.pin(situation.snapshot.workload), changes.pin(plan.changes, situation)
    if pinned is None:
        return Decision(status=status)  # what would be written is gone: it is planned anew at the next look
    plan_hash = hash_plan(step.action, pre, replace(plan, changes=pinned))
    asked = resolved(status)
    if asked is not None and (asked.attempt, asked.plan_hash) == (attempt, plan_hash):
        return None if asked.answer == "Approved" else _keep_asking(situation, status, asked)
    wanted = Approval(
        token=make_token(attempt, plan_hash, now),
        attempt=attempt,
        step=status.step,
        step_name=step.name,
        action=step.action,
        summary=record.clip(plan.summary),
        why=why,
        plan_hash=plan_hash,
        pre=pre,
        changes=pinned,
        asked_at=now,
        expires_at=now + situation.policy.approval.expires_after,
    )
    status = _void(status, f"the plan is now another one: {plan.summary}", now)
    text = f"{incident_notices.question(situation, wanted)}; {wanted.why}"
    status = record.note(status, now, step=step.name, by="approval", reason=reasons.APPROVAL_NEEDED, message=text)
    return Decision(status=_show(situation, replace(status, approval=wanted), wanted), again_at=now)


def approved(status: RemediationStatus, attempt: str) -> Approval | None:
    """The approval under which an attempt is made; None where nobody had to give one."""
    asked = status.approval
    return asked if asked is not None and asked.attempt == attempt and asked.answer == "Approved" else None


def resolved(status: RemediationStatus) -> Approval | None:
    """The question that is open, or the approval that was given and is not used yet; of the present step."""
    asked = status.approval
    alive = asked is not None and asked.answer in (None, "Approved") and asked.step == status.step
    return asked if asked is not None and alive and not _was_used(status, asked) else None


def _unsent(status: RemediationStatus) -> Approval | None:
    """The question of the present step under which nothing was sent yet: until then a yes can be withdrawn."""
    asked = status.approval
    if asked is None or asked.answer not in (None, "Approved") or asked.step != status.step:
        return None
    is_used = any(attempt.id == asked.attempt and attempt.phase != "Superseded" for attempt in status.attempts)
    return None if is_used else asked


def expires_at(status: RemediationStatus) -> datetime | None:
    """When the question that is open, or the approval that was given, is over."""
    asked = resolved(status)
    return asked.expires_at if asked else None


def hash_plan(action: str, pre: PreState, plan: Plan) -> str:
    """Hash what the plan relies on and writes. Times are left out: they are those of the act."""
    plain = {
        "action": action,
        "uid": pre.uid,
        "template": pre.template_hash,
        "changes": [_without_times(change) for change in plan.changes],
        "revert": plan.revert is not None and [plan.revert.due_at is not None, plan.revert.when_resolved],
    }
    return digest(json.dumps(plain, sort_keys=True, default=str))


def _without_times(change: PinnedChange) -> dict[str, object]:
    """What it relies on and makes true: neither the version of its object nor a value that is the moment of the act."""
    of_the_moment = changes.of(change).of_the_moment
    meant = {name: "now" if name in of_the_moment else value for name, value in change.meant.items()}
    return {**asdict(replace(change, meant=meant, version="")), "object": str(change.object or "")}


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
    return any(attempt.id == asked.attempt for attempt in status.attempts)


def _show(situation: Situation, status: RemediationStatus, asked: Approval) -> RemediationStatus:
    text = record.clip(incident_notices.question(situation, asked))
    if asked.message:
        text = record.clip(f"{text}; {asked.message}")
    waiting = Waiting(by="approval", reason=reasons.APPROVAL_NEEDED, message=text, until=asked.expires_at)
    shown = record.enter(status, "AwaitingApproval", reasons.APPROVAL_NEEDED, text)
    return replace(shown, waiting=waiting)


def _keep_asking(situation: Situation, status: RemediationStatus, asked: Approval) -> Decision:
    return Decision(status=_show(situation, status, asked), again_at=asked.expires_at)


def _approved(status: RemediationStatus, asked: Approval, by: str, now: datetime) -> Decision:
    text = f"approved by {by}: {asked.summary}"
    heard = replace(asked, answer="Approved", by=by, answered_at=now, message="")
    status = record.note(status, now, step=asked.step_name, by="approval", reason=reasons.APPROVED, message=text)
    status = replace(status, approval=heard)
    return Decision(status=record.enter(status, "Waiting", reasons.APPROVED, f"{text}; the guards are asked again"))


def _who(situation: Situation, status: RemediationStatus, word: Word, asked: Approval, unnamed: str = "") -> str:
    """Who has answered so to this plan; empty: nobody."""
    return replies.answered_by(situation.remediation, status, word, asked.token, unnamed)


def _rejected(situation: Situation, status: RemediationStatus, asked: Approval, by: str, now: datetime) -> Decision:
    annotations = situation.remediation.annotations
    by_annotation = annotations.get(approval.REJECT) == asked.token
    why = (annotations.get(approval.REJECT_REASON, "") if by_annotation else "") or "no reason given"
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
    annotations = situation.remediation.annotations
    used = {_stem(attempt.id) for attempt in status.attempts if attempt.approved_by}
    for key, by in ((approval.APPROVE, approval.APPROVED_BY), (approval.REJECT, approval.REJECTED_BY)):
        token = annotations.get(key, "")
        if token == asked.token and not annotations.get(by):
            return f"{key} is there without {by}: set both in one write"
        if token and token != asked.token and token.rpartition("-")[0] not in used:
            who = annotations.get(by) or "somebody"
            return f"the answer of {who} is to another plan ({_short(token)}), this one is {asked.token}: answer anew"
    return ""


def _stem(attempt: str) -> str:
    return "-".join(attempt.rsplit("/", 2)[1:])


def _short(token: str) -> str:
    return record.clip(token, 40)
