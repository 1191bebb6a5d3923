"""How a question was answered, for all whom it was put to: they need not look at it any more.

Whoever is called at that very moment hears it by the call: people get what nobody approved, or another plan is shown.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from platelet.core import incident_notices, levels
from platelet.model import reasons
from platelet.model.approval import Approval
from platelet.model.notice import Notice
from platelet.model.policy import Policy
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation

_REASONS = {
    "Approved": reasons.APPROVED,
    "Rejected": reasons.REJECTED,
    "Expired": reasons.APPROVAL_EXPIRED,
    "Void": reasons.PLAN_CHANGED,
}


def find(situation: Situation, before: RemediationStatus, after: RemediationStatus, now: datetime) -> Iterator[Notice]:
    """The notice for those who were asked; none where nothing was, or the end of the incident says all."""
    asked, policy = before.approval, situation.policy
    if asked is None or after.state == "Closed" or not _may_be_answered(asked, after):
        return
    answered = after.approval if after.approval is not None and after.approval.token == asked.token else None
    if answered is not None and answered.answer in (None, asked.answer):
        return
    answer = answered.answer if answered is not None else None
    called = _called(policy, after, now)
    sinks = dict.fromkeys(known.sink for known in before.notifications if known.asks(asked.token))
    to = tuple(sink for sink in sinks if sink not in called)
    if not to:
        return
    occasion = f"{asked.token}/{(answer or 'Void').lower()}"
    text = _describe(answered) if answered is not None else f"another plan is shown instead of: {asked.summary}"
    reason = _REASONS[answer or "Void"]
    yield replace(incident_notices.make(situation, after, "Answered", reason, text, now, occasion), to=to)


def _may_be_answered(asked: Approval, after: RemediationStatus) -> bool:
    """Whether the question was open, or the yes to it not used and so could be withdrawn."""
    used = any(attempt.id == asked.attempt and attempt.phase != "Superseded" for attempt in after.attempts)
    return asked.is_open or (asked.answer == "Approved" and not used)


def _called(policy: Policy | None, after: RemediationStatus, now: datetime) -> frozenset[str]:
    """The sinks that are called now, for whatever it is."""
    call = levels.calling(after)
    if policy is None or call is None:
        return frozenset()
    if not policy.levels:
        return frozenset(policy.sinks)
    return frozenset(sink for due in levels.due(policy, call, now) for sink in due.level.sinks)


def _describe(answered: Approval) -> str:
    match answered.answer:
        case "Approved":
            return f"approved by {answered.by}: {answered.summary}"
        case "Rejected":
            return f"rejected by {answered.by}: {answered.message}; the plan was: {answered.summary}"
        case _:
            return answered.message or f"nobody need answer any more: {answered.summary}"
