"""What Prometheus measures is as it should be, now or over time: `for: 30m`, with a `timeout` as long, watches 30 min.

Of several samples the worst is judged. What is not known (no sample, NaN, a stale sample, an error, no answer) is never
judged: it is asked again until the step's timeout, and then people decide. Nor does a rate over five minutes show that
a step has failed while it still sees what was before: it is asked until it sees only what came after.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from platelet.model import reasons
from platelet.model.constraint import Rule
from platelet.model.durations import PATTERN, Between, Duration, format_duration, say_time
from platelet.model.fault import Fault
from platelet.model.measurement import Measurement, why_unknown
from platelet.model.outside import Outside
from platelet.model.policy import Verification
from platelet.model.reading import Query, Reading
from platelet.model.rules import Trial
from platelet.model.verdict import Verdict
from platelet.model.verifying import Holding, Verifying
from platelet.model.workload import WorkloadRef

ASK_EVERY = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=15)  # for a query that sees far into the past, as for alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus(Measurement):
    """The result of an instant query must be beyond a bound: each of its samples."""

    above: Annotated[float | None, Field(allow_inf_nan=False, description="Every sample must be above this.")] = None
    below: Annotated[float | None, Field(allow_inf_nan=False, description="Every sample must be below this.")] = None
    for_: Annotated[
        Duration,
        Field(description="How long it must hold without a break; not longer than the step's timeout."),
        Between("0s", "24h"),
    ] = timedelta()


# Text that is no duration is left to the rule on the text.
FITS = Rule(
    cel=f"!self.timeout.matches('{PATTERN}') || !has(self.checks) || self.checks.all(each, !has(each.prometheus) || "
    f"!each.prometheus.__for__.matches('{PATTERN}') || duration(each.prometheus.__for__) <= duration(self.timeout))",
    broken=lambda verify: any(
        written.prometheus is not None and written.prometheus.for_ > verify.timeout for written in verify.checks
    ),
    message="`for` of a check is longer than `timeout` of its step, so it could not pass: raise the timeout",
)


def find_fault(settings: Prometheus, outside: Outside | None) -> Fault | None:
    """Why it can never be asked."""
    return settings.find_fault("a prometheus check", outside)


def questions(verification: Verification, target: WorkloadRef) -> Iterator[Query]:
    """What must be asked. A query that cannot be used is not asked: the Runbook is not ready."""
    for settings in _asked(verification).values():
        query = settings.question(target)
        if query is not None:
            yield query


def keep_time(trial: Trial, now: datetime) -> Verifying:
    """The clocks of the checks that hold over time: begun when one is seen to hold, ended when it is not."""
    if trial.verifying.complete_at is None:
        return trial.verifying
    begun = {clock.check: clock.since for clock in trial.verifying.holding}
    holding = [
        Holding(check=place, since=begun.get(place, now))
        for place, settings in _asked(trial.verification).items()
        if settings.all_beyond(_reading(settings, trial), now)
    ]
    return replace(trial.verifying, holding=tuple(holding))


def check(trial: Trial, now: datetime) -> Verdict:
    """Recovered when each holds for as long as it must; at the step's timeout Failed, or Inconclusive if not known.

    One that has begun to hold before the timeout is given the time that it needs.
    """
    messages = []
    since = {clock.check: clock.since for clock in trial.verifying.holding}
    for place, settings in _asked(trial.verification).items():
        verdict = _judge(settings, since.get(place), trial, now)
        if verdict.outcome != "Recovered":
            return verdict
        messages.append(verdict.message)
    return Verdict(outcome="Recovered", reason=reasons.CHECK_PASSED, message="; ".join(messages))


def _judge(settings: Prometheus, since: datetime | None, trial: Trial, now: datetime) -> Verdict:
    reading, shown = _reading(settings, trial), settings.shown
    if since is not None and settings.all_beyond(reading, now):
        until = since + settings.for_
        if until <= now:
            message = f"{shown} is {settings.say_worst(reading)}, {settings.bound} since {say_time(since)}"
            return Verdict(outcome="Recovered", reason=reasons.CHECK_PASSED, message=message)
        message = f"{shown} is {settings.bound} since {say_time(since)}, and must be until {say_time(until)}"
        return _pending(reasons.CHECK_PENDING, message, until, now)
    complete_at, patience = trial.verifying.complete_at or now, _patience(settings, trial)
    deadline = complete_at + patience
    unknown = why_unknown(reading, now)
    if unknown:
        message = f"{shown} is not known: {unknown}"
        if now < deadline:
            return _pending(reasons.CHECK_UNKNOWN, message, deadline, now)
        return Verdict(outcome="Inconclusive", reason=reasons.CHECK_UNKNOWN, message=message)
    if now < deadline:
        return _pending(reasons.CHECK_PENDING, f"{shown} is not {settings.bound} yet", deadline, now)
    waited, seen = format_duration(patience), settings.looks_back
    message = f"{shown} is {settings.say_worst(reading)}, not {settings.bound}, {waited} after the rollout was complete"
    if now - seen < complete_at:
        message = f"{message}, and looks back {format_duration(seen)}, to before it: this may be what was there before"
        return Verdict(outcome="Inconclusive", reason=reasons.CHECK_UNKNOWN, message=message)
    return Verdict(outcome="Failed", reason=reasons.CHECK_FAILED, message=message)


def _patience(settings: Prometheus, trial: Trial) -> timedelta:
    """How long after the complete rollout it may begin to hold: a start may be unsteady for `stableFor`."""
    unclouded = settings.looks_back + trial.verification.stable_for if settings.looks_back else timedelta()
    return max(trial.verification.timeout, min(unclouded, LONGEST_WAIT))


def _reading(settings: Prometheus, trial: Trial) -> Reading:
    return settings.reading(trial.situation.knowledge.readings, trial.situation.target)


def _pending(reason: str, message: str, until: datetime, now: datetime) -> Verdict:
    return Verdict(outcome="Pending", reason=reason, message=message, retry_at=min(until, now + ASK_EVERY))


def _asked(verification: Verification) -> dict[int, Prometheus]:
    """The step's queries, by their places among all its checks."""
    return {place: asked for place, asked in enumerate(verification.checks) if isinstance(asked, Prometheus)}
