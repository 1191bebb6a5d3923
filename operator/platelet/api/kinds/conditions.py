"""Conditions per Kubernetes conventions: one entry per type, stamped when its status changes."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from platelet.api.kinds import invalid
from platelet.model.durations import CAMEL
from platelet.model.remediation import Condition

MAX_CONDITIONS = 8
WARNING = "Warning"  # of what is ready and yet cannot do a part of what it is written for
Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=MAX_CONDITIONS,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessStatus:
    """Whether the object is in use: condition Ready, with reason and message."""

    observed_generation: int = 0  # the generation that the conditions speak of
    conditions: Conditions = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether an object can be used; if not, why, said so that its author can mend it."""

    ready: bool
    reason: str  # a constant of model.reasons
    message: str = ""


_CONDITIONS = TypeAdapter(tuple[Condition, ...])


def read_conditions(raw: object) -> tuple[Condition, ...]:
    """Read `status.conditions`. What cannot be understood reads as none: it is written anew."""
    try:
        return invalid.read(_CONDITIONS, raw or (), strict=False)
    except invalid.InvalidSpec:
        return ()


def write_conditions(conditions: tuple[Condition, ...]) -> list[dict[str, Any]]:
    """Write `status.conditions`."""
    body: list[dict[str, Any]] = _CONDITIONS.dump_python(conditions, mode="json", by_alias=True)
    return body


def set_condition(  # noqa: PLR0913 - a condition has this many fields
    conditions: tuple[Condition, ...],
    type_: str,
    status: Literal["True", "False", "Unknown"],
    reason: str,
    message: str,
    now: datetime,
    generation: int,
) -> tuple[Condition, ...]:
    """Set the condition of this type, in its old place; `lastTransitionTime` moves only when the status changes."""
    new = Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=now,
        observed_generation=generation,
    )
    kept = []
    for old in conditions:
        if old.type != type_:
            kept.append(old)
            continue
        since = old.last_transition_time if old.status == status else now
        kept.append(replace(new, last_transition_time=since))
    if all(old.type != type_ for old in conditions):
        kept.append(new)
    return tuple(kept)
