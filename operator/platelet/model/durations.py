"""Durations and times as Kubernetes users write them: `90s`, `1h30m`, `2026-11-21T08:00:00Z`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema


def _to_api(name: str) -> str:
    return to_camel(name.removesuffix("_"))


CAMEL = ConfigDict(alias_generator=_to_api, populate_by_name=True)
"""Field names are snake_case in Python and camelCase in the Kubernetes API; `for_` is `for` there."""

PATTERN = r"^([0-9]{1,6}(ms|s|m|h))+$"
TIME_PATTERN = r"^[-0-9]{10}T[:0-9]{8}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
"""Beside `format: date-time`, which admits zones such as +99:00."""
_PART = re.compile(r"([0-9]+)(ms|s|m|h)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_DAY = timedelta(days=1)
_MAX_LENGTH = 20  # with six digits a part, no sum overflows CEL's duration(), 290 years of nanoseconds
_SHOWN = 64  # characters of what is no duration
_FIX = "write it like 90s, 5m or 1h30m; a day is 24h"
_FIX_OF_TIMES = "write it like 2026-11-21T08:00:00Z"


def parse_duration(text: str) -> timedelta:
    """Read a Go-style duration of whole units. Raises ValueError that names the value and the fix."""
    if len(text) > _MAX_LENGTH or not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text[:_SHOWN]!r} is not a duration: {_FIX}")
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


def say_length(duration: timedelta) -> str:
    """Say a duration for people: to the second; from a day on to the hour."""
    whole = duration // _UNITS["s"] * _UNITS["s"]
    if whole < _DAY:
        return format_duration(whole)
    days, rest = divmod(whole, _DAY)
    hours = rest // _UNITS["h"]
    return f"{days}d{hours}h" if hours else f"{days}d"


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time of the Kubernetes API as an aware UTC datetime. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:_SHOWN]!r} is not a time: {_FIX_OF_TIMES}") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: {_FIX_OF_TIMES}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of the range of times") from None


def format_time(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with a trailing Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def say_time(moment: datetime) -> str:
    """Write a time for people: like `format_time`, to the whole second."""
    return format_time(moment.replace(microsecond=0))


def _read_duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration: {_FIX}")  # noqa: TRY004 - pydantic reports ValueErrors
    return parse_duration(value)


def _read_time(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a time: {_FIX_OF_TIMES}")  # noqa: TRY004 - pydantic reports ValueErrors
    return parse_time(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": _MAX_LENGTH,
            "x-kubernetes-validations": [{"rule": f"self.matches('{PATTERN}')", "message": f"not a duration: {_FIX}"}],
        }
    ),
]
"""A duration at the edge: Go-style text in the API, `timedelta` inside."""


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a Duration, in an Annotated: both hold in the API server (as a CEL rule) and here."""

    least: str
    most: str

    @property
    def rule(self) -> str:
        """What the bounds demand, as a sentence."""
        return f"must be at least {self.least} and at most {self.most}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check after the text has been read."""
        least, most = parse_duration(self.least), parse_duration(self.most)

        def check(duration: timedelta) -> timedelta:
            if not least <= duration <= most:
                raise ValueError(f"{format_duration(duration)} {self.rule}")
            return duration

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        """Add the rule. Text that is no duration is left to the rule on the text, which says it better."""
        structure = handler(schema)
        bounds = f"duration(self) >= duration('{self.least}') && duration(self) <= duration('{self.most}')"
        rule = {"rule": f"!self.matches('{PATTERN}') || ({bounds})", "message": self.rule}
        return {**structure, "x-kubernetes-validations": [*structure["x-kubernetes-validations"], rule]}


Timestamp = Annotated[
    datetime,
    BeforeValidator(_read_time),
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40, "pattern": TIME_PATTERN}),
]
"""A moment at the edge: RFC 3339 text in the API, aware UTC `datetime` inside."""
