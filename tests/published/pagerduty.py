"""PagerDuty's Events API v2: which events it takes, as its reference says; and the webhooks that it sends (V3).

developer.pagerduty.com/api-reference, "Send an event to PagerDuty" and "Send change events to PagerDuty".
"""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
LONGEST_EVENT = 512 << 10  # bytes
_FIELDS = {"routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"}
_PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


def faults(path: str, body: dict[str, Any]) -> list[str]:
    """Why an event would be answered 400; none: 202."""
    if path == "/v2/enqueue":
        return _faults_of_event(body)
    if path == "/v2/change/enqueue":
        return _faults_of_change(body)
    return [f"there is no {path}"]


def _faults_of_event(body: dict[str, Any]) -> list[str]:
    faults = [f"{name} is unknown" for name in set(body) - _FIELDS]
    if len(str(body.get("routing_key", ""))) != 32:
        faults.append("routing_key: 32 characters")
    if body.get("event_action") not in ACTIONS:
        faults.append("event_action")
    if not 1 <= len(body.get("dedup_key", "")) <= 255:
        faults.append("dedup_key: at most 255 characters")
    if body.get("event_action") != "trigger":
        return faults
    payload = body.get("payload", {})
    faults += [f"payload.{name} is unknown" for name in set(payload) - _PAYLOAD]
    if not 1 <= len(payload.get("summary", "")) <= 1024:
        faults.append("payload.summary: at most 1024 characters")
    if payload.get("severity") not in SEVERITIES:
        faults.append("payload.severity")
    if not payload.get("source"):
        faults.append("payload.source")
    if "timestamp" in payload and datetime.fromisoformat(payload["timestamp"]).tzinfo is None:
        faults.append("payload.timestamp")
    return faults


def _faults_of_change(body: dict[str, Any]) -> list[str]:
    faults = [f"{name} is unknown" for name in set(body) - {"routing_key", "payload", "links", "images"}]
    payload = body.get("payload", {})
    faults += [
        f"payload.{name} is unknown" for name in set(payload) - {"summary", "timestamp", "source", "custom_details"}
    ]
    if len(str(body.get("routing_key", ""))) != 32:
        faults.append("routing_key: 32 characters")
    if not 1 <= len(payload.get("summary", "")) <= 1024:
        faults.append("payload.summary: at most 1024 characters")
    return faults


def webhook(
    key: str,
    *secrets: str,
    event_type: str = "incident.acknowledged",
    occurred_at: datetime,
    agent: dict[str, Any] | None = None,
) -> tuple[dict[str, str], bytes]:
    """A V3 webhook about the incident with this dedup key, signed with each secret: its headers and body.

    developer.pagerduty.com, "Webhooks": Overview and Verifying Signatures.
    """
    url = "https://acme.pagerduty.com"
    service = {"id": "PF9KMXH", "summary": "API Service", "type": "service_reference"}
    event = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "agent": agent or {"id": "PLH1HKV", "summary": "Tenex Engineer", "type": "user_reference"},
        "client": {"name": "PagerDuty"},
        "data": {
            "id": "PGR0VU2",
            "type": "incident",
            "html_url": f"{url}/incidents/PGR0VU2",
            "number": 2,
            "status": event_type.removeprefix("incident."),
            "incident_key": key,
            "created_at": "2020-04-09T15:16:27Z",
            "title": "A little bump in the road",
            "service": service,
            "urgency": "high",
            "resolve_reason": None,
        },
    }
    body = json.dumps({"event": event}, separators=(",", ":")).encode()
    signatures = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets]
    return {"X-PagerDuty-Signature": ",".join(f"v1={signature}" for signature in signatures)}, body
