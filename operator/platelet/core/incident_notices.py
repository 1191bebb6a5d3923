"""The notice of an incident: what is told, as its status has it; and the words of a question."""

from dataclasses import replace
from datetime import datetime

from platelet.model import approval
from platelet.model.approval import Approval
from platelet.model.durations import say_time
from platelet.model.notice import Notice
from platelet.model.notification import NoticeKind
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def make(  # noqa: PLR0913 - a notice has these parts
    situation: Situation,
    status: RemediationStatus,
    kind: NoticeKind,
    reason: str,
    message: str,
    at: datetime,
    occasion: str = "",
) -> Notice:
    """Make what a sink is told: the incident as `status` has it."""
    return Notice(
        kind=kind,
        remediation=replace(situation.remediation, status=status),
        workload=situation.snapshot.workload,
        policy=situation.policy,
        reason=reason,
        message=message,
        at=at,
        occasion=occasion,
    )


def question(situation: Situation, asked: Approval) -> str:
    """Say what is asked, until when, and how to answer."""
    how = approval.how_to_approve(situation.remediation.namespace, situation.remediation.name)
    return f"{asked.summary}? Until {say_time(asked.expires_at)}: {how}"
