"""The body of a webhook that brings alerts, by its shape: Alertmanager's, and Grafana's, which says version "1".

What Alertmanager answers when it is asked is read beside it (`alertmanager_api`).

Each alert is judged alone, by its own `status` and never by its group's (TRAPS 18), and a malformed one costs only
itself. Unknown fields are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from platelet.model.alert import Alert
from platelet.triggers.alert_json import (
    MAX_COMPLAINTS,
    BadAlertError,
    MalformedBodyError,
    decode,
    read_alert,
    type_of,
)
from platelet.triggers.alertmanager_api import read_api_alerts

__all__ = (
    "MalformedBodyError",
    "WebhookRead",
    "read_api_alerts",
    "read_webhook",
)
_MAX_TRUNCATED = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRead:
    """What a webhook body says. `bad` says why, at most MAX_COMPLAINTS of `rejected` times."""

    alerts: tuple[Alert, ...]
    bad: tuple[str, ...] = ()
    rejected: int = 0
    truncated: int = 0  # alerts that the sender left out


def read_webhook(body: bytes) -> WebhookRead:
    """Read a webhook body. Raises MalformedBodyError, and nothing else whatever the bytes are."""
    message = decode(body)
    if not isinstance(message, dict):
        raise MalformedBodyError(f"the body is {type_of(message)}, not a JSON object")
    raw = message.get("alerts")
    if not isinstance(raw, list):
        raise MalformedBodyError(f"alerts is {type_of(raw)}, not a list: configure an Alertmanager webhook_config")
    alerts, bad, sender = [], [], _sender(message)
    for index, entry in enumerate(raw):
        try:
            alerts.append(replace(read_alert(entry, _webhook_status(entry)), sender=sender))
        except BadAlertError as error:
            bad.append(f"alert {index}: {error}")
    truncated = message.get("truncatedAlerts")
    return WebhookRead(
        alerts=tuple(alerts),
        bad=tuple(bad[:MAX_COMPLAINTS]),
        rejected=len(bad),
        truncated=min(max(truncated, 0), _MAX_TRUNCATED) if type(truncated) is int else 0,
    )


def _sender(message: Mapping[str, Any]) -> str:
    """Who it is, if not Alertmanager, whose webhooks are of version "4"."""
    if message.get("version") == "4":
        return ""
    return "Grafana" if "orgId" in message else "unknown"


def _webhook_status(raw: object) -> Literal["firing", "resolved"]:
    status = raw.get("status") if isinstance(raw, dict) else "firing"
    if status == "firing":
        return "firing"
    if status == "resolved":
        return "resolved"
    raise BadAlertError("status is neither firing nor resolved")
