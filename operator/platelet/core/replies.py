"""What people answer where they were told is kept on the Remediation, as the annotations of others are.

Pure edits of a status; what an answer leads to is decided where annotations are heard, too. Of each word the last
answer is kept: what it is to stands in its token, so it counts once, and for nothing that is told later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.core import record
from platelet.model import approval
from platelet.model.approval import Approval, RecordedReply, Word
from platelet.model.escalation import EscalationRecord
from platelet.model.notification import was_called
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.reply import Reply, Through

_SHORT = 256
_ANNOTATIONS: Mapping[Word, tuple[str, str]] = {  # the token of an answer, and the name of who gives it
    "Acknowledge": (approval.ACKNOWLEDGE, approval.ACKNOWLEDGED_BY),
    "Approve": (approval.APPROVE, approval.APPROVED_BY),
    "Reject": (approval.REJECT, approval.REJECTED_BY),
}
ASTRAY = timedelta(seconds=5)  # by how much the place's clock and ours may differ


@dataclass(frozen=True, slots=True)
class Vain:
    """An answer that changes nothing, and why."""

    why: str
    forbidden: bool = False  # to this person


def keep(remediation: Remediation, reply: Reply, by: str, through: Through, now: datetime) -> RemediationStatus | Vain:
    """The status with an answer that came through sinks of its policy."""
    status = remediation.status
    if remediation.spec.mode == "Observe":
        return Vain("it only observes")
    if not any(was_called(status.notifications, sink) for sink in through.sinks):
        return Vain("nobody was called there")
    if reply.word == "Acknowledge":
        token, why = _called(status, reply)
    elif reply.user not in through.approvers:
        return Vain("they are not among the approvers of the EscalationPolicy", forbidden=True)
    else:
        token, why = _asked(status, reply, now)
    if not why and find(status, reply.word, token) is not None:
        why = "that was answered already"
    return Vain(why) if why else _with(status, RecordedReply(word=reply.word, token=token, by=by[:_SHORT], at=now))


def _called(status: RemediationStatus, reply: Reply) -> tuple[str, str]:
    """The token of what people were told last; and why it cannot be acknowledged by this answer, if so."""
    asked = status.approval
    if status.state == "AwaitingApproval" and asked is not None and asked.is_open:
        return _looked_at(asked, reply)
    escalation = status.escalation
    if status.state != "Escalated" or escalation is None or not escalation.token:
        return "", "people do not have it now"
    if escalation.is_acknowledged:
        return "", "somebody has acknowledged it already"
    if reply.token not in ("", escalation.acknowledgement) or _is_older(reply, status, escalation):
        return "", "it is to what people were told earlier"
    return escalation.acknowledgement, ""


def _looked_at(asked: Approval, reply: Reply) -> tuple[str, str]:
    """The same of a question that is open."""
    if asked.acknowledged_by:
        return "", "somebody has acknowledged it already"
    if reply.token not in ("", asked.token) or reply.at + ASTRAY < asked.asked_at:
        return "", "it is to what people were told earlier"
    return asked.token, ""


def _asked(status: RemediationStatus, reply: Reply, now: datetime) -> tuple[str, str]:
    """The token of the plan that is shown; and why this is no answer to it, if so. A yes can still be withdrawn."""
    asked = status.approval
    if asked is None or not reply.token or reply.token != asked.token:
        return "", "it is to another plan than the one that is shown"
    if asked.answer not in ((None, "Approved") if reply.word == "Reject" else (None,)):
        return "", "the plan is answered already"
    if asked.expires_at <= now:
        return "", "the time for an answer is over"
    return asked.token, ""


def find(status: RemediationStatus, word: Word, token: str) -> RecordedReply | None:
    """The answer to what has this token, if it was given."""
    return next((kept for kept in status.replies if token and (kept.word, kept.token) == (word, token)), None)


def answered_by(remediation: Remediation, status: RemediationStatus, word: Word, token: str, unnamed: str = "") -> str:
    """Who has answered what has this token, by annotation or where they were told; empty: nobody.

    `unnamed` is who has written the annotation and not their name; empty: then it is no answer.
    """
    answer, name = _ANNOTATIONS[word]
    if remediation.annotations.get(answer) == token and (by := remediation.annotations.get(name) or unnamed):
        return record.clip(by, _SHORT)
    reply = find(status, word, token)
    return reply.by if reply is not None else ""


def _with(status: RemediationStatus, answer: RecordedReply) -> RemediationStatus:
    others = (kept for kept in status.replies if kept.word != answer.word)
    return replace(status, replies=(*others, answer))


def _is_older(reply: Reply, status: RemediationStatus, escalation: EscalationRecord) -> bool:
    """Whether it was given before people were told what is new: what is repeated, or sent late, hears none of that."""
    newest = ("Escalated", str(escalation.told))
    news = (call.at for call in status.notifications if (call.kind, call.occasion) == newest)
    return reply.at + ASTRAY < max((escalation.called_at, *news))
