"""Maintenance windows: when a policy may act and when not, as people write it down."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL, Between, Duration, format_duration

WindowEffect = Literal["Deny", "Allow"]
MAX_WINDOWS = 8
SCHEDULE_PATTERN = "^ *([-0-9A-Za-z*/,#]+ +){4}[-0-9A-Za-z*/,#]+ *$"
SCHEDULE_RULE = "a schedule has the five fields of cron, minute hour day month weekday: write it like 0 2 * * SUN"
_SCHEDULE_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """A time that begins by a schedule and lasts for `duration` of elapsed time, whatever the clocks do meanwhile."""

    schedule: Annotated[
        str,
        Field(
            max_length=_SCHEDULE_LENGTH,
            description="When it begins, in cron's five fields: minute hour day month weekday. A time that the clocks "
            "skip is taken at their next one, a time that they repeat at its first; with * in the minute or the hour, "
            "as often as the clocks show it.",
            json_schema_extra={
                "x-kubernetes-validations": [{"rule": f"self.matches('{SCHEDULE_PATTERN}')", "message": SCHEDULE_RULE}]
            },
        ),
    ]
    duration: Annotated[Duration, Between("1m", "168h"), Field(description="How long it lasts, in elapsed time.")]
    time_zone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="The time zone: a name of the IANA database, such as Europe/Berlin.",
        ),
    ] = "UTC"
    effect: Annotated[
        WindowEffect,
        Field(description="Deny: nothing acts inside. Allow: where there is such a window, nothing acts outside."),
    ] = "Deny"

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    def __str__(self) -> str:
        return f"`{self.schedule}` for {format_duration(self.duration)} ({self.time_zone})"


MaintenanceWindows = Annotated[
    tuple[MaintenanceWindow, ...],
    Field(max_length=MAX_WINDOWS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]
