"""Durations and times as Kubernetes users write them: `90s`, `1h30m`, `2026-11-21T08:00:00Z`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

CAMEL = ConfigDict(alias_generator=to_camel, populate_by_name=True)
"""Field names are snake_case in Python and camelCase in the Kubernetes API."""

PATTERN = r"^([0-9]+(ms|s|m|h))+$"
_PART = re.compile(r"([0-9]+)(ms|s|m|h)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_MAX_LENGTH = 32


def parse_duration(text: str) -> timedelta:
    """Read a Go-style duration of whole units. Raises ValueError that names the value and the fix."""
    if len(text) > _MAX_LENGTH or not re.match(PATTERN, text):
        raise ValueError(f"{text!r} is not a duration: write it like 90s, 5m or 1h30m")
    return sum((int(number) * _UNITS[unit] for number, unit in _PART.findall(text)), timedelta())


def format_duration(duration: timedelta) -> str:
    """Write a duration the way Go does, without zero parts: `1h30m`, `90s` becomes `1m30s`, zero is `0s`."""
    milliseconds = duration // timedelta(milliseconds=1)
    parts = []
    for unit in ("h", "m", "s", "ms"):
        size = _UNITS[unit] // timedelta(milliseconds=1)
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time of the Kubernetes API as an aware UTC datetime. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it like 2026-11-21T08:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of the range of times") from None


def format_time(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with a trailing Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _read_time(value: object) -> object:
    return parse_time(value) if isinstance(value, str) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "maxLength": _MAX_LENGTH}),
]
"""A duration at the edge: Go-style text in the API, `timedelta` inside."""

Timestamp = Annotated[
    datetime,
    BeforeValidator(_read_time),
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]
"""A moment at the edge: RFC 3339 text in the API, aware UTC `datetime` inside."""
