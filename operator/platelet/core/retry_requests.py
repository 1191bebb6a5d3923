"""A person hands an escalated incident back: its ladder begins anew, under the limits that hold for it anyway.

They write the escalation's token as an annotation, with their name, as they would approve a plan. It is heard once: the
next escalation has another token.
"""

from dataclasses import replace
from datetime import datetime

from platelet.core import record
from platelet.model import approval, reasons
from platelet.model.digest import digest
from platelet.model.remediation import RemediationStatus
from platelet.model.signal import Evidence
from platelet.model.situation import Situation

_SHORT = 256


def make_token(situation: Situation, times: int, at: datetime) -> str:
    """Make the token of an escalation."""
    return digest(f"{situation.remediation.uid} {times} {at.isoformat()}")


def requester(situation: Situation, status: RemediationStatus) -> str:
    """Who has handed this escalation back; empty: nobody."""
    escalation, annotations = status.escalation, situation.remediation.annotations
    if escalation is None or not escalation.token or annotations.get(approval.RETRY) != escalation.token:
        return ""
    return record.clip(annotations.get(approval.RETRIED_BY, ""), _SHORT)


def begin_anew(situation: Situation, status: RemediationStatus, by: str, now: datetime) -> RemediationStatus:
    """Go back to the first step. What was tried stays on record, and on the budget."""
    text = f"{by} handed it back: the steps are tried again"
    status = record.void_approval(status, "the steps are tried again")
    status = record.note(status, now, step="", by="escalation", reason=reasons.HANDED_BACK, message=text)
    status = record.set_condition(status, "Escalated", reasons.HANDED_BACK, text, now, true=False)
    first = situation.ladder.steps[0].name if situation.ladder.steps else ""
    return replace(
        resume(status, reasons.HANDED_BACK, text),
        step=0,
        step_name=first,
        reapplied=False,
        reverted_at=None,
        handed_back_at=now,
        evidence=tuple(_again(fact, now) for fact in status.evidence),
    )


def resume(status: RemediationStatus, reason: str, message: str) -> RemediationStatus:
    """Let automation go on. What people were told stays on record; nobody can answer to it any more."""
    escalation = status.escalation
    return replace(
        record.enter(status, "Waiting", reason, message),
        escalation=replace(escalation, token="") if escalation is not None else None,
    )


def _again(fact: Evidence, now: datetime) -> Evidence:
    """What people asked for is asked for again, and a check that failed counts as failing: they say so."""
    if fact.source == "request":
        return replace(fact, resolved_at=None)
    return replace(fact, last_seen=now) if fact.source == "check" and fact.resolved_at is None else fact
