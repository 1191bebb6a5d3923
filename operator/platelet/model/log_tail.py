"""The last lines that a failing container or a Job has written, redacted and bounded: for people, not for decisions."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import redaction
from platelet.model.durations import CAMEL, Timestamp
from platelet.model.signal import ShortText

MAX_LINES = 10
LONGEST_LINE = 256  # characters
MOST_BYTES = 1024  # in all


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """Whose log: of one container, as it runs or as it ended before its last restart."""

    namespace: str
    pod: str
    container: str
    previous: bool = False
    hidden: tuple[str, ...] = field(default=(), repr=False)  # values in its own template that are known to be secret


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTail:
    """What was read of it, or why that was not possible: before the first act, or once a Job has ended."""

    pod: ShortText
    container: ShortText
    previous: bool = False  # of the run before its last restart
    read_at: Timestamp
    lines: Annotated[
        tuple[Annotated[str, Field(max_length=LONGEST_LINE)], ...],
        Field(max_length=MAX_LINES, description="Without what looks like a credential; at most 1 KiB in all."),
    ] = ()
    not_available: ShortText = ""  # why it could not be read

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def of_text(source: LogSource, text: str, now: datetime) -> LogTail:
    """Keep the end of a log. It is redacted as a whole first: what is cut off could hide what the rest is."""
    lines = redaction.redact(text, source.hidden).split("\n")
    return _tail(source, now, lines=bound(line.rstrip() for line in lines))


def without(source: LogSource, why: str, now: datetime) -> LogTail:
    """Say why it is not available."""
    return _tail(source, now, not_available=_reason(why))


def of_nobody(why: str, now: datetime) -> LogTail:
    """Say why there is none whose log it could be."""
    return LogTail(pod="", container="", read_at=now, not_available=_reason(why))


def _reason(why: str) -> str:
    return redaction.redact(why).replace("\n", " ")[:256]


def _tail(source: LogSource, now: datetime, lines: tuple[str, ...] = (), not_available: str = "") -> LogTail:
    return LogTail(
        pod=source.pod,
        container=source.container,
        previous=source.previous,
        read_at=now,
        lines=lines,
        not_available=not_available,
    )


def bound(lines: Iterable[str]) -> tuple[str, ...]:
    """The last of the lines that are not empty, as many as fit."""
    kept: list[str] = []
    left = MOST_BYTES
    for line in reversed([line for line in lines if line.strip()][-MAX_LINES:]):
        short = line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
        left -= len(short.encode("utf-8", "replace"))
        if left < 0:
            break
        kept.append(short)
    return tuple(reversed(kept))


def say(tail: LogTail | None) -> list[str]:
    """What people are told of it, in lines."""
    if tail is None:
        return []
    if not tail.pod:
        return [f"no log is available: {tail.not_available}"]
    of = f"the log of container {tail.container} of pod {tail.pod}" + (
        ", as it was before its last restart" if tail.previous else ""
    )
    if tail.not_available:
        return [f"{of} is not available: {tail.not_available}"]
    return [f"the end of {of}:", *tail.lines] if tail.lines else [f"{of} is empty"]
