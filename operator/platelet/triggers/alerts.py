"""The wire formats of alerts: the body of Alertmanager's webhook, and the answers of its API.

A webhook is read by its shape, whatever version it says: others send the same, Grafana as version "1". Each alert is
judged alone, by its own `status` and never by its group's (TRAPS 18), and a malformed one costs only itself. Unknown
fields are ignored.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from platelet.model.alert import Alert

MAX_ANNOTATIONS = 32
MAX_TEXT = 1024  # characters of an annotation
MAX_LABELS = 65_536  # characters of all labels of one alert; cut ones would match something else
MAX_COMPLAINTS = 100
_MAX_URL = 2048
_MAX_TRUNCATED = 1_000_000_000
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)
_FNV_OFFSET, _FNV_PRIME, _FNV_MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF
_SEPARATOR = b"\xff"


class MalformedBodyError(ValueError):
    """The body as a whole is not what a webhook of alerts is. Sending it again cannot help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRead:
    """What a webhook body says. `bad` says why, at most MAX_COMPLAINTS of `rejected` times."""

    alerts: tuple[Alert, ...]
    bad: tuple[str, ...] = ()
    rejected: int = 0
    truncated: int = 0  # alerts that the sender left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRead:
    """What Alertmanager's API says. A silenced or inhibited alert is neither firing nor resolved."""

    firing: tuple[Alert, ...]
    known: frozenset[str] = frozenset()  # fingerprints of all of them, suppressed ones included
    suppressed: frozenset[str] = frozenset()  # fingerprints of those that are silenced or inhibited
    bad: tuple[str, ...] = ()
    rejected: int = 0  # above 0, the absence of an alert proves nothing


class _BadAlertError(Exception):
    """One alert cannot be read; the message says which field and why."""


def read_webhook(body: bytes) -> WebhookRead:
    """Read a webhook body. Raises MalformedBodyError, and nothing else whatever the bytes are."""
    message = _decode(body)
    if not isinstance(message, dict):
        raise MalformedBodyError(f"the body is {_type(message)}, not a JSON object")
    raw = message.get("alerts")
    if not isinstance(raw, list):
        raise MalformedBodyError(f"alerts is {_type(raw)}, not a list: configure an Alertmanager webhook_config")
    alerts, bad = [], []
    for index, each in enumerate(raw):
        try:
            alerts.append(_read_alert(each, _webhook_status(each)))
        except _BadAlertError as error:
            bad.append(f"alert {index}: {error}")
    truncated = message.get("truncatedAlerts")
    return WebhookRead(
        alerts=tuple(alerts),
        bad=tuple(bad[:MAX_COMPLAINTS]),
        rejected=len(bad),
        truncated=min(max(truncated, 0), _MAX_TRUNCATED) if type(truncated) is int else 0,
    )


def read_api_alerts(body: bytes) -> ApiRead:
    """Read the answer of GET /api/v2/alerts, asked without a filter. Raises MalformedBodyError."""
    raw = _decode(body)
    if not isinstance(raw, list):
        raise MalformedBodyError(f"the answer is {_type(raw)}, not a list")
    firing, states, bad = [], {}, []
    for index, each in enumerate(raw):
        try:
            alert = _read_alert(each, "firing")
            states[alert.fingerprint] = _api_state(each)
            if states[alert.fingerprint] == "active":
                firing.append(alert)
        except _BadAlertError as error:
            bad.append(f"alert {index}: {error}")
    return ApiRead(
        firing=tuple(firing),
        known=frozenset(states),
        suppressed=frozenset(each for each, state in states.items() if state == "suppressed"),
        bad=tuple(bad[:MAX_COMPLAINTS]),
        rejected=len(bad),
    )


def read_started_at(body: bytes) -> datetime:
    """Read from the answer of GET /api/v2/status when this Alertmanager started. Raises MalformedBodyError."""
    status = _decode(body)
    try:
        return _time(status.get("uptime") if isinstance(status, dict) else None, "uptime")
    except _BadAlertError as error:
        raise MalformedBodyError(str(error)) from None


def fingerprint(labels: Mapping[str, str]) -> str:
    """Compute what Prometheus and Alertmanager call these labels: 64-bit FNV-1a over names and values in order."""
    value = _FNV_OFFSET
    for part in (part for name in sorted(labels, key=str.encode) for part in (name, labels[name])):
        for byte in part.encode() + _SEPARATOR:
            value = (value ^ byte) * _FNV_PRIME & _FNV_MASK
    return f"{value:016x}"


def _decode(body: bytes) -> Any:
    """Decode JSON; where one alert's text is broken, as Go does: with U+FFFD in its place."""
    try:
        try:
            return msgspec.json.decode(body)
        except ValueError:
            return json.loads(body.decode("utf-8", "replace"))
    except ValueError as error:
        raise MalformedBodyError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise MalformedBodyError("the body is nested too deeply") from None


def _read_alert(raw: object, status: Literal["firing", "resolved"]) -> Alert:
    if not isinstance(raw, dict):
        raise _BadAlertError(f"it is {_type(raw)}, not an object")
    labels = _labels(raw.get("labels"))
    starts_at = _time(raw.get("startsAt"), "startsAt")
    if starts_at == _ZERO_TIME:
        raise _BadAlertError("startsAt is the zero time")
    given, url = raw.get("fingerprint"), raw.get("generatorURL")
    return Alert(
        fingerprint=given if isinstance(given, str) and _FINGERPRINT.fullmatch(given) else fingerprint(labels),
        status=status,
        labels=labels,
        annotations=_annotations(raw.get("annotations")),
        starts_at=starts_at,
        ends_at=_ends_at(raw.get("endsAt")) if status == "resolved" else None,
        generator_url=_clean(url) if isinstance(url, str) and len(url) <= _MAX_URL else "",
    )


def _webhook_status(raw: object) -> Literal["firing", "resolved"]:
    status = raw.get("status") if isinstance(raw, dict) else "firing"
    if status == "firing":
        return "firing"
    if status == "resolved":
        return "resolved"
    raise _BadAlertError("status is neither firing nor resolved")


def _api_state(raw: Mapping[str, Any]) -> str:
    status = raw.get("status")
    state = status.get("state") if isinstance(status, dict) else None
    if not isinstance(state, str):
        raise _BadAlertError("status.state is missing")
    return state


def _labels(raw: object) -> dict[str, str]:
    if not isinstance(raw, dict) or not raw:
        raise _BadAlertError("labels is not an object with at least one label")
    labels = {}
    for name, value in raw.items():
        if not isinstance(value, str):
            raise _BadAlertError(f"label {_clean(name)[:64]!r} is {_type(value)}, not a string")
        labels[_clean(name)] = _clean(value)
    if sum(len(name) + len(value) for name, value in labels.items()) > MAX_LABELS:
        raise _BadAlertError(f"labels are longer than {MAX_LABELS} characters")
    return labels


def _annotations(raw: object) -> dict[str, str]:
    """Keep what fits: annotations are for people and decide nothing."""
    if not isinstance(raw, dict):
        return {}
    texts = [(name, value) for name, value in raw.items() if isinstance(value, str) and len(name) <= MAX_TEXT]
    return {_clean(name): _clean(value[:MAX_TEXT]) for name, value in texts[:MAX_ANNOTATIONS]}


def _ends_at(raw: object) -> datetime | None:
    if raw is None:
        return None
    ends_at = _time(raw, "endsAt")
    return None if ends_at == _ZERO_TIME else ends_at


def _time(raw: object, name: str) -> datetime:
    if not isinstance(raw, str) or not _TIME.fullmatch(raw):
        raise _BadAlertError(f"{name} is not an RFC 3339 time")
    try:
        return datetime.fromisoformat(raw.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _BadAlertError(f"{name} is not an RFC 3339 time") from None


def _clean(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _type(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a boolean"}.get(
        type(value), "a number"
    )
