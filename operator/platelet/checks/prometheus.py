"""What Prometheus measures is as it should be, now or over time: `for: 30m`, with a `timeout` as long, watches 30 min.

Of several samples the worst is judged. What is not known (no sample, NaN, a stale sample, an error, no answer) is never
judged: it is asked again until the step's timeout, and then people decide.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from platelet.model import promql, reasons
from platelet.model.bound import Bounded
from platelet.model.durations import Between, Duration, format_duration, say_time
from platelet.model.policy import Verification
from platelet.model.reading import Query, Reading, Result, Sample, Unanswered
from platelet.model.remediation import Holding, Verifying
from platelet.model.rules import Trial
from platelet.model.verdict import Verdict
from platelet.model.workload import WorkloadRef

ASK_EVERY = timedelta(seconds=10)
_SHOWN = 120  # characters of a query in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus(Bounded):
    """The result of an instant query must be beyond a bound: each of its samples."""

    query: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4096,
            description="PromQL. $target.name and $target.namespace may stand in label matchers, in quotes.",
        ),
    ]
    above: Annotated[float | None, Field(allow_inf_nan=False, description="Every sample must be above this.")] = None
    below: Annotated[float | None, Field(allow_inf_nan=False, description="Every sample must be below this.")] = None
    for_: Annotated[
        Duration,
        Field(description="How long it must hold without a break; not longer than the step's timeout."),
        Between("0s", "24h"),
    ] = timedelta()

    def worst(self, samples: tuple[Sample, ...]) -> Sample:
        """The sample that is the furthest on the wrong side."""
        return (min if self.above is not None else max)(samples, key=lambda each: each.value)


def questions(verification: Verification, target: WorkloadRef) -> Iterator[Query]:
    """What must be asked. A query that cannot be used is not asked: the Runbook is not ready."""
    for settings in _asked(verification).values():
        query = _query(settings, target)
        if query is not None:
            yield query


def keep_time(trial: Trial, now: datetime) -> Verifying:
    """The clocks of the checks that hold over time: begun when one is seen to hold, ended when it is not."""
    begun = {each.check: each.since for each in trial.verifying.holding}
    holding = [
        Holding(check=place, since=begun.get(place, now))
        for place, settings in _asked(trial.verification).items()
        if _holds(settings, _reading(settings, trial), now)
    ]
    return replace(trial.verifying, holding=tuple(holding))


def check(trial: Trial, now: datetime) -> Verdict:
    """Recovered when each holds for as long as it must; at the step's timeout Failed, or Inconclusive if not known.

    One that has begun to hold before the timeout is given the time that it needs.
    """
    said = []
    since = {each.check: each.since for each in trial.verifying.holding}
    for place, settings in _asked(trial.verification).items():
        verdict = _judge(settings, since.get(place), trial, now)
        if verdict.outcome != "Recovered":
            return verdict
        said.append(verdict.message)
    return Verdict(outcome="Recovered", reason=reasons.CHECK_PASSED, message="; ".join(said))


def _judge(settings: Prometheus, since: datetime | None, trial: Trial, now: datetime) -> Verdict:
    reading = _reading(settings, trial)
    shown = settings.query if len(settings.query) <= _SHOWN else f"{settings.query[:_SHOWN]}…"
    if since is not None and _holds(settings, reading, now):
        until = since + settings.for_
        if until <= now:
            message = f"{shown} is {_value(settings, reading)}, {settings.bound} since {say_time(since)}"
            return Verdict(outcome="Recovered", reason=reasons.CHECK_PASSED, message=message)
        message = f"{shown} is {settings.bound} since {say_time(since)}, and must be until {say_time(until)}"
        return _pending(reasons.CHECK_PENDING, message, until, now)
    deadline = (trial.verifying.complete_at or now) + trial.verification.timeout
    unknown = _why_unknown(reading, now)
    if unknown:
        message = f"{shown} is not known: {unknown}"
        if now < deadline:
            return _pending(reasons.CHECK_UNKNOWN, message, deadline, now)
        return Verdict(outcome="Inconclusive", reason=reasons.CHECK_UNKNOWN, message=message)
    if now < deadline:
        return _pending(reasons.CHECK_PENDING, f"{shown} is not {settings.bound} yet", deadline, now)
    waited = format_duration(trial.verification.timeout)
    message = f"{shown} is {_value(settings, reading)}, not {settings.bound}, {waited} after the rollout was complete"
    return Verdict(outcome="Failed", reason=reasons.CHECK_FAILED, message=message)


def _pending(reason: str, message: str, until: datetime, now: datetime) -> Verdict:
    return Verdict(outcome="Pending", reason=reason, message=message, retry_at=min(until, now + ASK_EVERY))


def _asked(verification: Verification) -> dict[int, Prometheus]:
    """The step's queries, by their places among all its checks."""
    return {place: each for place, each in enumerate(verification.checks) if isinstance(each, Prometheus)}


def _query(settings: Prometheus, target: WorkloadRef) -> Query | None:
    try:
        return Query(text=promql.parse(settings.query).render(target.namespace, target.name))
    except promql.InvalidQueryError:
        return None


def _reading(settings: Prometheus, trial: Trial) -> Reading:
    query = _query(settings, trial.situation.target)
    return trial.situation.readings.get(query, Unanswered(why="it was not asked")) if query else _UNUSABLE


_UNUSABLE = Unanswered(why="the query cannot be used")


def _holds(settings: Prometheus, reading: Reading, now: datetime) -> bool:
    if not isinstance(reading, Result) or _why_unknown(reading, now):
        return False
    return settings.admits(settings.worst(reading.samples).value)


def _why_unknown(reading: Reading, now: datetime) -> str:
    """Why nothing can be concluded from what Prometheus said; empty when it can."""
    if not isinstance(reading, Result):
        return reading.why if isinstance(reading, Unanswered) else "this is no answer to a query"
    if not reading.samples:
        return "it gives no sample"
    if any(math.isnan(each.value) for each in reading.samples):
        return "it gives NaN"
    oldest = min(reading.samples, key=lambda each: each.at)
    return f"its sample is of {say_time(oldest.at)}" if oldest.is_stale(now) else ""


def _value(settings: Prometheus, reading: Reading) -> Any:
    if not isinstance(reading, Result):
        return "unknown"
    worst = settings.worst(reading.samples)
    others = f" (the worst of {len(reading.samples)})" if len(reading.samples) > 1 else ""
    return f"{worst.value:g}{others}"
