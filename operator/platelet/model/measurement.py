"""What Prometheus measures, held against a bound: by checks, by steps that wait for it, and by brakes.

What is not known (no sample, NaN, a stale sample, an error, no answer) is on neither side of a bound.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from platelet.model import promql, reasons
from platelet.model.bound import Bounded
from platelet.model.durations import say_time
from platelet.model.fault import Fault
from platelet.model.outside import PROMETHEUS_FIX, Outside
from platelet.model.reading import Query, Question, Reading, Result, Sample, Unanswered
from platelet.model.workload import WorkloadRef

QUERY: Final = "PromQL. $target.name and $target.namespace may stand in label matchers, in quotes."
LONGEST: Final = 4096  # characters of a query
_SHOWN = 120  # characters of a query in a message
_UNUSABLE = Unanswered(why="the query cannot be used")
_UNASKED = Unanswered(why="it was not asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Bounded):
    """The result of an instant query, and a bound."""

    query: Annotated[str, Field(min_length=1, max_length=LONGEST, description=QUERY)]

    @property
    def shown(self) -> str:
        """The query for people, not longer than they read."""
        return show(self.query)

    @property
    def looks_back(self) -> timedelta:
        """How far the query sees into the past; zero where it shows the present."""
        return promql.look_back(self.query)

    def question(self, target: WorkloadRef) -> Query | None:
        """What is asked about this target; None where the query cannot be used."""
        try:
            return Query(text=promql.parse(self.query).render(target.namespace, target.name))
        except promql.InvalidQueryError:
            return None

    def reading(self, readings: Mapping[Question, Reading], target: WorkloadRef) -> Reading:
        """What was answered to it."""
        query = self.question(target)
        return readings.get(query, _UNASKED) if query else _UNUSABLE

    def worst(self, samples: tuple[Sample, ...]) -> Sample:
        """The sample that is the furthest on the other side of the bound."""
        return (min if self.above is not None else max)(samples, key=lambda sample: sample.value)

    def all_beyond(self, reading: Reading, now: datetime) -> bool:
        """Whether each sample is known to be beyond the bound."""
        if not isinstance(reading, Result) or why_unknown(reading, now):
            return False
        return self.admits(self.worst(reading.samples).value)

    def furthest_beyond(self, samples: tuple[Sample, ...]) -> Sample | None:
        """The sample that is the furthest beyond the bound; None where none is."""
        beyond = [sample for sample in samples if self.admits(sample.value)]
        furthest = max if self.above is not None else min
        return furthest(beyond, key=lambda sample: sample.value) if beyond else None

    def say_worst(self, reading: Reading) -> str:
        """The value by which it is judged, for people."""
        if not isinstance(reading, Result):
            return "unknown"
        others = f" (the worst of {len(reading.samples)})" if len(reading.samples) > 1 else ""
        return f"{self.worst(reading.samples).value:g}{others}"

    def find_fault(self, who: str, outside: Outside | None) -> Fault | None:
        """Why it can never be asked; without the operator's settings it is not judged whom it can ask."""
        try:
            promql.parse(self.query)
        except promql.InvalidQueryError as error:
            return Fault(reason=reasons.INVALID_QUERY, message=f"query {self.query!r}: {error}")
        if outside is None or outside.has_prometheus:
            return None
        return Fault(reason=reasons.PROMETHEUS_NOT_CONFIGURED, message=f"{who} needs a Prometheus: {PROMETHEUS_FIX}")


def show(text: str) -> str:
    """What is asked, not longer than people read."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def why_unknown(reading: Reading, now: datetime) -> str:
    """Why nothing can be concluded from what Prometheus said; empty when it can."""
    if not isinstance(reading, Result):
        return reading.why if isinstance(reading, Unanswered) else "this is no answer to a query"
    if not reading.samples:
        return "it gives no sample"
    if any(math.isnan(sample.value) for sample in reading.samples):
        return "it gives NaN"
    oldest = min(reading.samples, key=lambda sample: sample.at)
    return f"its sample is of {say_time(oldest.at)}" if oldest.is_stale(now) else ""
