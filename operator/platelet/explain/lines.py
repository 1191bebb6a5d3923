"""From values to lines of plain text: times, indentation, columns."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from platelet.model.durations import format_time, say_length

INDENT = "  "
_SECOND = timedelta(seconds=1)


def clean(text: str) -> str:
    """Make one line of what others wrote: no line breaks, and nothing that a terminal would obey."""
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in text)


def moment(at: datetime, now: datetime) -> str:
    """Say a time both ways: `2026-11-21T12:04:12Z (in 4m12s)`."""
    whole = at.astimezone(UTC).replace(microsecond=0)
    return f"{format_time(whole)} ({distance(at, now)})"


def distance(at: datetime, now: datetime) -> str:
    """Say how far away a time is, in whole seconds: `in 4m12s`, `3m ago`, `now`."""
    apart = round((at - now) / _SECOND) * _SECOND
    if not apart:
        return "now"
    length = say_length(abs(apart))
    return f"in {length}" if apart > timedelta() else f"{length} ago"


def section(title: str, content: Iterable[str]) -> list[str]:
    """Give a title and its indented lines; nothing at all without content."""
    body = [INDENT + line for line in content]
    return [title, *body] if body else []


def fields(values: Mapping[str, str]) -> list[str]:
    """Align names and values; those without a value are left out."""
    shown = {name: value for name, value in values.items() if value}
    width = max(map(len, shown), default=0)
    return [f"{name:<{width}}  {value}" for name, value in shown.items()]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align all columns but the last one."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=False)), row[-1]])
        for row in rows
    ]
