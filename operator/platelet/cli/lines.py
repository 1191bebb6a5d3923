"""From values to lines of plain text, and from lines to a terminal: times, indentation, colour."""

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TextIO

from platelet.model.durations import format_duration, format_time

INDENT = "  "
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}
_COLOURS = (  # what a line begins with, after its indentation
    (re.compile(r"\s*DENY\b"), "red"),
    (re.compile(r"\s*(refused|no|fail)\b {2,}"), "red"),
    (re.compile(r"\s*warn\b {2,}"), "yellow"),
    (re.compile(r"\s*ok\b {2,}"), "green"),
    (re.compile(r"\s*(note|warning):"), "yellow"),
    (re.compile(r" +\S+Z (\([^)]*\) +| +)escalation\b"), "red"),
    (re.compile(r" +\S+Z (\([^)]*\) +| +)(attempt|takeBack)\b"), "yellow"),
    (re.compile(r"\S"), "bold"),
)


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
    length = lasting(abs(apart))
    return f"in {length}" if apart > timedelta() else f"{length} ago"


def lasting(duration: timedelta) -> str:
    """Say a duration to the second; from a day on to the hour."""
    whole = duration // _SECOND * _SECOND
    if whole < _DAY:
        return format_duration(whole)
    days, rest = divmod(whole, _DAY)
    hours = rest // timedelta(hours=1)
    return f"{days}d{hours}h" if hours else f"{days}d"


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


def wants_colour(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether to colour: on a terminal, unless NO_COLOR is set (no-color.org) or it is a dumb one."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def colour(line: str) -> str:
    """Colour a plain line by how it begins."""
    for beginning, name in _COLOURS:
        if beginning.match(line):
            return f"\x1b[{_CODES[name]}m{line}\x1b[0m"
    return line


def write(text: Iterable[str], stream: TextIO) -> None:
    """Write lines of which no part can steer the terminal."""
    coloured = wants_colour(stream)
    for line in text:
        plain = clean(line).rstrip()
        stream.write((colour(plain) if coloured else plain) + "\n")
