"""One alert in JSON, as Alertmanager's webhook and its API both write it. Unknown fields are ignored."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from platelet.model.alert import Alert

MAX_ANNOTATIONS = 32
MAX_TEXT = 1024  # characters of an annotation
MAX_LABELS = 65_536  # characters of all labels of one alert; cut ones would match something else
MAX_COMPLAINTS = 100  # about alerts of one body
_MAX_URL = 2048
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)
_FNV_OFFSET, _FNV_PRIME, _FNV_MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF
_SEPARATOR = b"\xff"


class MalformedBodyError(ValueError):
    """The body as a whole is not what a webhook of alerts is. Sending it again cannot help."""


class BadAlertError(Exception):
    """One alert cannot be read; the message says which field and why."""


def fingerprint(labels: Mapping[str, str]) -> str:
    """Compute what Prometheus and Alertmanager call these labels: 64-bit FNV-1a over names and values in order."""
    value = _FNV_OFFSET
    for part in (part for name in sorted(labels, key=str.encode) for part in (name, labels[name])):
        for byte in part.encode() + _SEPARATOR:
            value = (value ^ byte) * _FNV_PRIME & _FNV_MASK
    return f"{value:016x}"


def decode(body: bytes) -> Any:
    """Decode JSON; where one alert's text is broken, as Go does: with U+FFFD there. Raises MalformedBodyError."""
    try:
        try:
            return msgspec.json.decode(body)
        except ValueError:
            return json.loads(body.decode("utf-8", "replace"))
    except ValueError as error:
        raise MalformedBodyError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise MalformedBodyError("the body is nested too deeply") from None


def read_alert(raw: object, status: Literal["firing", "resolved"]) -> Alert:
    """Read one alert, whose status is told elsewhere. Raises BadAlertError."""
    if not isinstance(raw, dict):
        raise BadAlertError(f"it is {type_of(raw)}, not an object")
    labels = _labels(raw.get("labels"))
    starts_at = read_time(raw.get("startsAt"), "startsAt")
    if starts_at == _ZERO_TIME:
        raise BadAlertError("startsAt is the zero time")
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


def _labels(raw: object) -> dict[str, str]:
    if not isinstance(raw, dict) or not raw:
        raise BadAlertError("labels is not an object with at least one label")
    labels = {}
    for name, value in raw.items():
        if not isinstance(value, str):
            raise BadAlertError(f"label {_clean(name)[:64]!r} is {type_of(value)}, not a string")
        labels[_clean(name)] = _clean(value)
    if sum(len(name) + len(value) for name, value in labels.items()) > MAX_LABELS:
        raise BadAlertError(f"labels are longer than {MAX_LABELS} characters")
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
    ends_at = read_time(raw, "endsAt")
    return None if ends_at == _ZERO_TIME else ends_at


def read_time(raw: object, name: str) -> datetime:
    """Read an RFC 3339 time of the field `name`. Raises BadAlertError."""
    if not isinstance(raw, str) or not _TIME.fullmatch(raw):
        raise BadAlertError(f"{name} is not an RFC 3339 time")
    try:
        return datetime.fromisoformat(raw.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadAlertError(f"{name} is not an RFC 3339 time") from None


def _clean(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def type_of(value: object) -> str:
    """Say in words what a JSON value is."""
    return {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a boolean"}.get(
        type(value), "a number"
    )
