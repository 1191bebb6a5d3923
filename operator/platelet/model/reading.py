"""Readings: what is asked of others while a recovery is verified, and what they said.

A question is a value, so whoever judges asks for exactly what it judges by; the shell asks and brings the readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platelet.model.workload import WorkloadRef

FRESH_FOR = timedelta(minutes=5)  # Prometheus's own look-back: an older sample says nothing of the present


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An instant query of Prometheus: PromQL, with nothing left to fill in."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A GET of one URL, whose answer must come within `timeout`."""

    url: str
    timeout: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCondition:
    """A condition in CEL over a workload as it is stored."""

    text: str
    target: WorkloadRef


Question = Query | Probe | ObjectCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of an instant vector, and the moment for which Prometheus gives it."""

    value: float
    at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)

    def is_stale(self, now: datetime) -> bool:
        """Whether it says nothing of `now`."""
        return abs(now - self.at) > FRESH_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a query gives. Nothing at all is an answer, too."""

    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The status code that a URL answered with."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whether a condition holds."""

    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Nothing is known, and why, fit for people: no path, no token, no text of others."""

    why: str


Reading = Result | Answered | Judged | Unanswered
