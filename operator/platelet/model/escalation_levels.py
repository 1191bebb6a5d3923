"""Levels of an escalation: who is told, how long after people got the incident, and what ends that."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL, Between, Duration
from platelet.model.severity import Grade
from platelet.model.signal import ShortText

MAX_LEVELS = 6
MAX_SINKS = 8
MAX_TOLD = 16  # sinks of one level: those of an EscalationPolicy that was changed meanwhile, too
_NAME_RULE = "a sink's name is in lower case, of letters, digits and dashes: pager, incidents-channel"
SinkName = Annotated[str, Matches("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", _NAME_RULE), Field(min_length=1, max_length=63)]
Until = Literal["Acknowledged", "Resolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level: all its sinks are told at the same time."""

    after: Annotated[
        Duration,
        Between("0s", "24h"),
        Field(
            description="How long after people got the incident. Levels are written in this order; two of the same "
            "time must be for different severities."
        ),
    ]
    severities: Annotated[
        tuple[Grade, ...],
        Field(
            max_length=4,
            description="For incidents of these severities only. Empty: for all. What rules call a severity is sorted "
            "into these four: page and P1 are critical, what is unknown is a warning.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = ()
    sinks: Annotated[
        tuple[SinkName, ...],
        Field(
            min_length=1,
            max_length=MAX_SINKS,
            description="Names from spec.sinks.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    repeat_every: Annotated[
        Annotated[Duration, Between("1s", "24h")] | None,
        Field(description="Tell them again this often, until the level has ended. Absent: once."),
    ] = None
    until: Annotated[
        Until,
        Field(
            description="What ends the level. Acknowledged: a person has said that they have heard, or the incident is "
            "over. Resolved: only that the incident is over."
        ),
    ] = "Acknowledged"

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    def concerns(self, grade: Grade) -> bool:
        """Whether an incident of this severity reaches it."""
        return not self.severities or grade in self.severities


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLevel:
    """How far one level was told, so that nothing of it is told twice."""

    level: Annotated[int, Field(ge=1, le=MAX_LEVELS)]
    repeat: Annotated[int, Field(ge=0, description="Its newest repetition; 0: the call itself.")] = 0
    sinks: Annotated[tuple[ShortText, ...], Field(max_length=MAX_TOLD)] = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL
