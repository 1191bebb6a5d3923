"""What people are told while it holds: a question that is open, an incident that is theirs, an attempt that runs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from platelet.core import healing, levels, renewals
from platelet.core.incident_notices import make, question
from platelet.model import reasons
from platelet.model.approval import Approval
from platelet.model.escalation import EscalationRecord
from platelet.model.notice import Notice
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def that_hold(situation: Situation, status: RemediationStatus, now: datetime) -> Iterator[Notice]:
    """Notices that stay true while the incident is in this state: a question is open, or people have it."""
    asked, escalation = status.approval, status.escalation
    yield from _holds(situation, status, now)
    renewal = renewals.find(situation.policy, status, now)
    if renewal is not None and renewal.occasion:
        yield make(situation, status, "Ongoing", status.reason, status.message, now, renewal.occasion)
    call = levels.calling(status)
    if call is None:
        return
    if call.kind == "ApprovalNeeded" and asked is not None:
        yield from _questions(situation, status, asked, call, now)
    elif escalation is not None:
        yield from _escalations(situation, status, escalation, call, now)


def _questions(
    situation: Situation, status: RemediationStatus, asked: Approval, call: levels.Call, now: datetime
) -> Iterator[Notice]:
    """A question that is open, level by level, and who looks at it."""
    reason, text = reasons.APPROVAL_NEEDED, question(situation, asked)
    yield make(situation, status, call.kind, reason, text, asked.asked_at, asked.token)
    for due in levels.due(situation.policy, call, now):
        yield _of_level(make(situation, status, call.kind, reason, text, now, due.occasion(call)), due)
    if asked.acknowledged_by:
        text = f"{asked.acknowledged_by} looks at it, and has not answered yet: {text}"
        yield make(situation, status, "Acknowledged", reasons.ACKNOWLEDGED, text, now, asked.token)


def _escalations(
    situation: Situation, status: RemediationStatus, escalation: EscalationRecord, call: levels.Call, now: datetime
) -> Iterator[Notice]:
    """That people have it, level by level, and who has heard."""
    reason, message = escalation.reason, escalation.message
    yield make(situation, status, call.kind, reason, message, escalation.at, escalation.occasion)
    text = status.message if escalation.called_anew_at is not None else message
    for due in levels.due(situation.policy, call, now):
        yield _of_level(make(situation, status, call.kind, reason, text, now, due.occasion(call)), due)
    if escalation.is_acknowledged and escalation.acknowledged_by:
        heard = f"{escalation.acknowledged_by} has heard of it"
        yield make(situation, status, "Acknowledged", reasons.ACKNOWLEDGED, heard, now, str(escalation.told))


def _of_level(call: Notice, due: levels.Due) -> Notice:
    return replace(call, level=due.number, repeat=due.repeat, to=due.level.sinks)


def _holds(situation: Situation, status: RemediationStatus, now: datetime) -> Iterator[Notice]:
    """That an attempt runs, for which a page is held back; and that nobody need wait for it any more."""
    hold = healing.find(situation, status, now)
    if hold is not None:
        held = make(situation, status, "Healing", status.reason, status.message, now, hold.occasion)
        yield replace(held, until=hold.until)
    over = healing.over(status)
    if over:
        yield make(situation, status, "HealingOver", status.reason, status.message, now, over)
