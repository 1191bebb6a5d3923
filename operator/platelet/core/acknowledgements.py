"""People let others know that they have heard: nobody needs to be called again for what was told so far.

They write a token as an annotation, with their name, as they would approve a plan, or answer where they were told. An
answer to a question, and handing an incident back, say so, too. Who looks at a question has not answered it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from platelet.core import deliveries, record, replies
from platelet.model import reasons
from platelet.model.notification import Notification
from platelet.model.policy import Policy
from platelet.model.remediation import Remediation, RemediationStatus


def hear(
    remediation: Remediation, policy: Policy | None, status: RemediationStatus, now: datetime
) -> RemediationStatus:
    """Take in who has acknowledged the escalation as it was told last, or the question. It ends only the levels."""
    status = _hear_who_looks(remediation, policy, status, now)
    escalation = status.escalation
    if escalation is None or status.state != "Escalated" or not escalation.token or escalation.is_acknowledged:
        return status
    by = replies.answered_by(remediation, status, "Acknowledge", escalation.acknowledgement)
    if not by:
        return status
    known = replace(escalation, acknowledged=escalation.told, acknowledged_by=by)
    heard = of_escalation(replace(status, escalation=known), by, policy)
    text = f"{by} has heard of it"
    return record.note(heard, now, step=status.step_name, by="escalation", reason=reasons.ACKNOWLEDGED, message=text)


def _hear_who_looks(
    remediation: Remediation, policy: Policy | None, status: RemediationStatus, now: datetime
) -> RemediationStatus:
    """Take in who looks at the question that is open."""
    asked = status.approval
    if asked is None or not asked.is_open or asked.acknowledged_by:
        return status
    by = replies.answered_by(remediation, status, "Acknowledge", asked.token)
    if not by:
        return status
    calls = [known for known in status.notifications if known.asks(asked.token)]
    known = replace(status, approval=replace(asked, acknowledged_by=by))
    known = replace(known, notifications=deliveries.acknowledge(status.notifications, ended(calls, policy), by))
    text = f"{by} looks at it: {asked.summary}"
    return record.note(known, now, step=asked.step_name, by="approval", reason=reasons.ACKNOWLEDGED, message=text)


def of_escalation(status: RemediationStatus, by: str, policy: Policy | None = None) -> RemediationStatus:
    """Let the notifications of the escalation be known to a person; a level that goes on until the end goes on."""
    calls = [known for known in status.notifications if known.kind == "Escalated"]
    return replace(status, notifications=deliveries.acknowledge(status.notifications, ended(calls, policy), by))


def of_answer(status: RemediationStatus) -> RemediationStatus:
    """Let the notifications of a question be known to the person who has answered it."""
    asked = status.approval
    if asked is None or not asked.by or asked.answer not in ("Approved", "Rejected"):
        return status
    ids = [known.id for known in status.notifications if known.asks(asked.token)]
    return replace(status, notifications=deliveries.acknowledge(status.notifications, ids, asked.by))


def ended(calls: Sequence[Notification], policy: Policy | None) -> list[str]:
    """The ids of those that a person's having heard ends: all but what a level that goes on is still to say."""
    levels = policy.levels if policy is not None else ()
    lasting = [number for number, level in enumerate(levels, 1) if level.until == "Resolved"]
    return [call.id for call in calls if call.level not in lasting or call.state != "Pending"]
