"""Deliveries to a policy's webhook: tried again, less and less often, until the other side has answered."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from platelet.core import record
from platelet.model.policy import Policy
from platelet.model.remediation import Approval, EscalationRecord
from platelet.model.situation import DeliveryResult

_RETRY = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
Told = TypeVar("Told", EscalationRecord, Approval)


def account(told: Told, result: DeliveryResult | None, now: datetime) -> Told:
    """Record how the last delivery went, and when it is tried again."""
    if result is None or told.delivered:
        return told
    wait = _RETRY[min(told.deliveries, len(_RETRY) - 1)]
    return replace(
        told,
        delivered=result.delivered,
        deliveries=told.deliveries + 1,
        retry_at=None if result.delivered else now + wait,
        last_error=record.clip(result.message),
    )


def is_due(told: EscalationRecord | Approval, policy: Policy | None, now: datetime) -> bool:
    """Whether the webhook is to be told now."""
    if told.delivered or policy is None or not policy.has_webhook:
        return False
    return told.retry_at is None or told.retry_at <= now
