"""What a step waits for: a query whose result is beyond a bound, or an expression over the workload that is true."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import constraint, measurement, object_condition, reasons
from platelet.model.condition_fault import ConditionError
from platelet.model.constraint import Rule
from platelet.model.fault import Fault
from platelet.model.measurement import Measurement, why_unknown
from platelet.model.outside import Outside
from platelet.model.reading import Judged, ObjectCondition, Question, Reading, Unanswered
from platelet.model.workload import WorkloadRef

_ONE = constraint.exactly_one("query", "expression")
_BOUND = Rule(
    cel="has(self.query) ? has(self.above) != has(self.below) : !has(self.above) && !has(self.below)",
    broken=lambda until: [until.above, until.below].count(None) != (1 if until.query is not None else 2),
    message="a query needs a bound, and only one: set above or below; an expression has none",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Whether it holds now (None: not known), and what it is or why that is not known."""

    holds: bool | None
    text: str
    is_fault: bool = False  # what is written may be wrong: people are to see that while it waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """A query whose result must be beyond a bound, each of its samples; or an expression that must be true."""

    query: Annotated[str | None, Field(min_length=1, max_length=measurement.LONGEST, description=measurement.QUERY)] = (
        None
    )
    above: Annotated[float | None, Field(allow_inf_nan=False, description="Until every sample is above this.")] = None
    below: Annotated[float | None, Field(allow_inf_nan=False, description="Until every sample is below this.")] = None
    expression: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=object_condition.LONGEST,
            description="CEL over object, the workload as it is stored, without its managedFields; until it is true. "
            "For example: object.status.availableReplicas >= object.spec.replicas.",
        ),
    ] = None

    __pydantic_config__: ClassVar[ConfigDict] = constraint.ruled(_ONE, _BOUND)

    def __post_init__(self) -> None:
        """Hold the rules where no API server has. Raises ValueError."""
        constraint.hold(self, _ONE, _BOUND)

    @property
    def goal(self) -> str:
        """What must come to hold, for people."""
        measured = self._measurement
        return f"{measured.shown} is {measured.bound}" if measured is not None else f"{self._shown} is true"

    def question(self, target: WorkloadRef) -> Question | None:
        """What is asked about this target; None where the query cannot be used."""
        measured = self._measurement
        return measured.question(target) if measured is not None else self._condition(target)

    def judge(self, readings: Mapping[Question, Reading], target: WorkloadRef, now: datetime) -> State:
        """Whether it holds, by what was answered. What is not known never holds."""
        measured = self._measurement
        if measured is None:
            return self._judge_expression(readings.get(self._condition(target)))
        reading = measured.reading(readings, target)
        if measured.all_beyond(reading, now):
            return State(holds=True, text=f"{measured.shown} is {measured.say_worst(reading)}, {measured.bound}")
        if unknown := why_unknown(reading, now):
            return State(holds=None, text=unknown)
        return State(holds=False, text=f"{measured.shown} is {measured.say_worst(reading)}, not {measured.bound}")

    def find_fault(self, who: str, outside: Outside | None) -> Fault | None:
        """Why it can never be asked; without the operator's settings it is not judged whom it can ask."""
        measured = self._measurement
        if measured is not None:
            return measured.find_fault(who, outside)
        try:
            object_condition.check(self.expression or "")
        except ConditionError as error:
            return Fault(reason=reasons.INVALID_CONDITION, message=f"{who}.expression {self._shown!r}: {error}")
        return None

    @property
    def _measurement(self) -> Measurement | None:
        if self.query is None:
            return None
        return Measurement(query=self.query, above=self.above, below=self.below)

    @property
    def _shown(self) -> str:
        return measurement.show(self.expression or "")

    def _condition(self, target: WorkloadRef) -> ObjectCondition:
        return ObjectCondition(text=self.expression or "", target=target)

    def _judge_expression(self, reading: Reading | None) -> State:
        if isinstance(reading, Judged):
            return State(holds=reading.holds, text=f"{self._shown} is {str(reading.holds).lower()}")
        if isinstance(reading, Unanswered):
            return State(holds=None, text=reading.why, is_fault=True)
        return State(holds=None, text="it was not asked")
