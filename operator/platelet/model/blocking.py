"""`blockWhile`: what must be over before anything is done: an alert, a measurement, a Job or a pod that runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import constraint
from platelet.model.alert import Alert
from platelet.model.durations import CAMEL
from platelet.model.measurement import Measurement

MAX_BLOCKS = 8
_LABEL_VALUE = Annotated[str, Field(max_length=63)]
_ONE_KIND = constraint.one_set(
    ("alert", "query", "running"),
    none="say what blocks: alert, query or running",
    several="write one thing that blocks per entry of the list: any of them is enough",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringAlert:
    """An alert that fires in Alertmanager, also a silenced one, and one that is sent to others: all matchers match."""

    matchers: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=1024)], ...], Field(min_length=1, max_length=16)
    ]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingQuery(Measurement):
    """A query of which any result is beyond a bound."""

    above: Annotated[float | None, Field(allow_inf_nan=False, description="A result above this blocks.")] = None
    below: Annotated[float | None, Field(allow_inf_nan=False, description="A result below this blocks.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningWork:
    """A Job that is not over, or a pod that has not ended, in the workload's namespace."""

    match_labels: Annotated[
        Mapping[str, _LABEL_VALUE],
        Field(min_length=1, max_length=16, description="All of them must be on the Job or the pod."),
    ]

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def selector(self) -> str:
        """As the API server reads it."""
        return ",".join(f"{key}={value}" for key, value in sorted(self.match_labels.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One thing that must be over. Nothing acts while it is there, nor while that is not known."""

    alert: FiringAlert | None = None
    query: BlockingQuery | None = None
    running: RunningWork | None = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(*_ONE_KIND)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has. Raises ValueError."""
        constraint.hold(self, *_ONE_KIND)


Blocks = Annotated[
    tuple[Block, ...],
    Field(
        max_length=MAX_BLOCKS,
        description="Nothing acts while any of this is there, nor while that is not known.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A Job or a pod that runs."""

    kind: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAlerts:
    """All alerts that fire in Alertmanager, whoever they are sent to, and when it said so."""

    alerts: tuple[Alert, ...]
    at: datetime
