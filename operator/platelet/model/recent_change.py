"""What was changed of a target before it fell ill: its template beside the one that ran well last.

It is kept on the Remediation and told to people. No value of a variable, an argument or a label is in it (TRAPS 48).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import difference
from platelet.model.difference import Template
from platelet.model.durations import CAMEL, Timestamp, say_time
from platelet.model.signal import ShortText

MAX_DIFFERENCES = 20
MAX_CONFIG_WRITES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentChange:
    """The template of the target before anything was done, and how it differs from the one that ran well last."""

    template: ShortText  # its hash
    released_at: Timestamp | None = None  # when people last made it live, as far as that is on record
    released_by: ShortText = ""  # the field manager of that write, by the API server's own account (managedFields)
    healthy_template: ShortText = ""  # the hash of the one that ran well last, the same maybe; empty: none is known
    healthy_at: Timestamp | None = None  # when that one was last known to run well
    differences: Annotated[tuple[ShortText, ...], Field(max_length=MAX_DIFFERENCES)] = ()
    """Names of what differs: an image with both tags, all else without values."""
    differences_dropped: int = 0
    config_writes: Annotated[tuple[ShortText, ...], Field(max_length=MAX_CONFIG_WRITES)] = ()
    """Who has written which keys of the ConfigMaps that it names since it ran well, or why that is not known."""
    config_writes_dropped: int = 0

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def list_bounded(healthy: Template, present: Template) -> tuple[tuple[str, ...], int]:
    """The first differences from a template to another one, and how many more there are."""
    lines = difference.list_differences(healthy, present)
    return tuple(lines[:MAX_DIFFERENCES]), max(0, len(lines) - MAX_DIFFERENCES)


def say(change: RecentChange | None) -> list[str]:
    """What people are told of it, in lines: whose release it is, since when, and each difference."""
    if change is None:
        return []
    return [
        _say_release(change),
        *change.differences,
        *_say_more(change.differences_dropped),
        *change.config_writes,
        *_say_more(change.config_writes_dropped, " writes of ConfigMaps"),
    ]


def _say_more(dropped: int, what: str = "") -> list[str]:
    return [f"and {dropped} more{what}"] if dropped else []


def _say_release(change: RecentChange) -> str:
    when = f" {say_time(change.released_at)}" if change.released_at else " at an unknown time"
    by = f" by {change.released_by}" if change.released_by else ""
    release = f"the template was released{when}{by}"
    well = f" ({say_time(change.healthy_at)})" if change.healthy_at else ""
    if not change.healthy_template:
        return f"{release}; none of this workload is known to be good"
    if change.healthy_template == change.template:
        return f"{release}, and has not changed since it ran well{well}"
    if not change.differences:
        return f"{release}; it differs from the one that ran well last{well} in nothing that has a name"
    return f"{release}; it differs from the one that ran well last{well}:"
