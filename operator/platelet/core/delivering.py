"""Deliveries to a policy's webhook: tried again, less and less often, until the other side has answered."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from platelet.core import record
from platelet.model.escalation import EscalationRecord, PendingNotice
from platelet.model.policy import Policy
from platelet.model.remediation import Approval, RemediationStatus
from platelet.model.situation import DeliveryResult

_RETRY = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
Told = TypeVar("Told", EscalationRecord, Approval, PendingNotice)


def account(told: Told, notice_id: str, result: DeliveryResult | None, now: datetime) -> Told:
    """Record how the last delivery of this notice went, and when it is tried again."""
    if result is None or told.delivered or result.id not in ("", notice_id):
        return told
    wait = _RETRY[min(told.deliveries, len(_RETRY) - 1)]
    return replace(
        told,
        delivered=result.delivered,
        deliveries=told.deliveries + 1,
        retry_at=None if result.delivered else now + wait,
        last_error=record.clip(result.message),
    )


def is_due(told: EscalationRecord | Approval | PendingNotice, policy: Policy | None, now: datetime) -> bool:
    """Whether the webhook is to be told now."""
    if told.delivered or policy is None or not policy.has_webhook:
        return False
    return told.retry_at is None or told.retry_at <= now


def failed_twice(told: EscalationRecord | Approval | PendingNotice, now: datetime) -> bool:
    """Whether its second delivery has just failed: once is a hiccup, this is for people to know."""
    return told.deliveries == 2 and told.retry_at == now + _RETRY[1]  # noqa: PLR2004 - the second


def undelivered(status: RemediationStatus) -> tuple[EscalationRecord | Approval | PendingNotice, ...]:
    """What the webhook was told in vain so far and is still to hear."""
    waiting: list[EscalationRecord | Approval | PendingNotice] = [*status.notices]
    if status.escalation is not None and status.state == "Escalated":
        waiting.append(status.escalation)
    if status.approval is not None and status.state == "AwaitingApproval":
        waiting.append(status.approval)
    return tuple(each for each in waiting if each.deliveries and not each.delivered)
