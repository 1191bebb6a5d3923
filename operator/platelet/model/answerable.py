"""What people may answer to a notice by a button, and the token that each answer must carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from platelet.model.approval import Approval, Word
from platelet.model.notice import Notice
from platelet.model.remediation import RemediationStatus
from platelet.model.reply import about_record


@dataclass(frozen=True, slots=True)
class Answerable:
    """What the answers are about (see `Reply`), and the token of each. One with an empty token cannot be given."""

    about: str = ""
    tokens: Mapping[Word, str] = field(default_factory=dict)


def find(notice: Notice) -> Answerable:
    """What may be answered to this notice; nothing once it is answered, or over."""
    remediation, entry = notice.remediation, notice.job or notice.alert
    if remediation is not None:
        return Answerable(remediation.uid, _tokens(notice, remediation.status))
    if notice.policy is None or entry is None or notice.kind != entry.course.call:
        return Answerable()
    if not entry.is_open or entry.is_acknowledged:
        return Answerable()
    uid = notice.policy.uid
    return Answerable(about_record(uid, entry.course, entry.known_as), {"Acknowledge": entry.token(uid)})


def open_question(notice: Notice, status: RemediationStatus) -> Approval | None:
    """The question that the notice puts to people. Whoever has only said that they look at it has not answered it."""
    asked = status.approval
    shows = notice.kind == "ApprovalNeeded" or (notice.kind == "Acknowledged" and status.state == "AwaitingApproval")
    return asked if shows and asked is not None and asked.is_open else None


def _tokens(notice: Notice, status: RemediationStatus) -> dict[Word, str]:
    escalation, asked = status.escalation, open_question(notice, status)
    if notice.kind == "Escalated" and escalation is not None and not escalation.is_acknowledged:
        return {"Acknowledge": escalation.acknowledgement}
    if asked is None:
        return {}
    looked_at: dict[Word, str] = {} if asked.acknowledged_by else {"Acknowledge": asked.token}
    return {"Approve": asked.token, "Reject": asked.token, **looked_at}
