"""A URL answers as it should. No answer proves nothing: it may be the way there that is broken."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.model import reasons
from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL, Between, Duration, format_duration
from platelet.model.fault import Fault
from platelet.model.outside import URL_PATTERN, Outside, host_of, names_a_host
from platelet.model.policy import Verification
from platelet.model.reading import Answered, Probe, Reading, Unanswered
from platelet.model.rules import Trial
from platelet.model.verdict import Verdict
from platelet.model.workload import WorkloadRef

ASK_EVERY = timedelta(seconds=10)
_URL_RULE = "not a URL that can be asked: write it like https://api.example.com/health, without user or password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """A GET must be answered with one of the expected status codes. Redirects are answers, too: none is followed."""

    url: Annotated[
        str,
        names_a_host(_URL_RULE),
        Matches(URL_PATTERN, _URL_RULE, goes_on=True),
        Field(max_length=2048, description="Its host must be one of the allowedHosts of the operator's settings."),
    ]
    expect_status: Annotated[
        tuple[Annotated[int, Field(ge=100, le=599)], ...],
        Field(min_length=1, max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = (200,)
    timeout: Annotated[Duration, Between("100ms", "10s"), Field(description="How long one answer may take.")] = (
        timedelta(seconds=5)
    )

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def probe(self) -> Probe:
        """What is asked."""
        return Probe(url=self.url, timeout=self.timeout)


def questions(verification: Verification, _target: WorkloadRef) -> Iterator[Probe]:
    """What must be asked."""
    return (asked.probe for asked in verification.checks if isinstance(asked, Http))


def find_fault(settings: Http, outside: Outside | None) -> Fault | None:
    """Why it can never be asked."""
    host = host_of(settings.url)
    if outside is None or outside.allows(host):
        return None
    message = f"url: {host} is not in allowedHosts of the operator's settings: add it there, or ask another host"
    return Fault(reason=reasons.HOST_NOT_ALLOWED, message=message)


def check(trial: Trial, now: datetime) -> Verdict:
    """Recovered when each answers as expected; at the step's timeout Failed, or Inconclusive without an answer."""
    messages = []
    for settings in trial.verification.checks:
        if isinstance(settings, Http):
            verdict = _judge(settings, trial, now)
            if verdict.outcome != "Recovered":
                return verdict
            messages.append(verdict.message)
    return Verdict(outcome="Recovered", reason=reasons.CHECK_PASSED, message="; ".join(messages))


def _judge(settings: Http, trial: Trial, now: datetime) -> Verdict:
    reading = trial.situation.knowledge.readings.get(settings.probe, Unanswered(why="it was not asked"))
    deadline = (trial.verifying.complete_at or now) + trial.verification.timeout
    host = host_of(settings.url)
    if isinstance(reading, Answered):
        message = f"{host} answers {reading.status}"
        if reading.status in settings.expect_status:
            return Verdict(outcome="Recovered", reason=reasons.CHECK_PASSED, message=message)
        message += f", not {' or '.join(str(status) for status in settings.expect_status)}"
        if now < deadline:
            return _pending(reasons.CHECK_PENDING, message, deadline, now)
        waited = format_duration(trial.verification.timeout)
        message += f", {waited} after the rollout was complete"
        return Verdict(outcome="Failed", reason=reasons.CHECK_FAILED, message=message)
    message = f"whether {host} is well is not known: {_why(reading)}"
    if now < deadline:
        return _pending(reasons.CHECK_UNKNOWN, message, deadline, now)
    return Verdict(outcome="Inconclusive", reason=reasons.CHECK_UNKNOWN, message=message)


def _why(reading: Reading) -> str:
    return reading.why if isinstance(reading, Unanswered) else "this is no answer to a request"


def _pending(reason: str, message: str, deadline: datetime, now: datetime) -> Verdict:
    return Verdict(outcome="Pending", reason=reason, message=message, retry_at=min(deadline, now + ASK_EVERY))
