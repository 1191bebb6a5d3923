"""What Prometheus measures: now, over time, and what is not known (I10)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet import checks
from platelet.checks import prometheus
from platelet.checks.prometheus import Prometheus
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.reading import Answered, Query, Reading, Result, Sample, Unanswered
from platelet.model.rules import Trial
from platelet.model.verdict import Verdict
from platelet.model.verifying import Holding
from tests.unit.situations import NOW, TARGET, a_situation, an_attempt, minutes, seconds, verifying

ERRORS = Prometheus(query='errors{deployment="$target.name"}', below=1)
OVER_TIME = replace(ERRORS, for_=minutes(2))
QUERY = Query(text='errors{deployment="api"}')
JUST_COMPLETE = NOW - minutes(1)
OVER = NOW - minutes(5)  # the step's timeout ends now


def result(*values: float, at: datetime = NOW) -> Result:
    return Result(samples=tuple(Sample(value=value, at=at) for value in values))


def trial(
    reading: Reading | None,
    settings: Prometheus = ERRORS,
    *,
    complete_at: datetime = JUST_COMPLETE,
    since: datetime | None = None,
) -> Trial:
    """Build a verification, with a timeout of 5 minutes, in which this was read, and that holds since then."""
    clocks = verifying(NOW - minutes(20), complete_at)
    return Trial(
        situation=a_situation(readings={QUERY: reading} if reading is not None else {}),
        verification=Verification(checks=(settings,)),
        verifying=replace(clocks, holding=(Holding(check=0, since=since),) if since else ()),
        attempt=an_attempt(),
    )


def judged(*arguments: Any, **options: Any) -> Verdict:
    """Judge as the flow does: the clocks first."""
    return prometheus.check(checks.keep_time(trial(*arguments, **options), NOW), NOW)


ABOVE = Prometheus(query=ERRORS.query, above=1)
KNOWN: dict[str, tuple[Reading, Prometheus, bool]] = {
    "below": (result(0.5), ERRORS, True),
    "not below": (result(2), ERRORS, False),
    "on the bound": (result(1), ERRORS, False),
    "above": (result(2), ABOVE, True),
    "on the bound from below": (result(1), ABOVE, False),
    "the worst of several is too high": (result(0, 0, 7), ERRORS, False),
    "the worst of several is too low": (result(9, 0, 7), ABOVE, False),
    "all of several": (result(0, 0.9), ERRORS, True),
    "infinitely many": (result(float("inf")), ERRORS, False),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_is_judged_by_the_worst_sample(name: str) -> None:
    reading, settings, good = KNOWN[name]
    assert judged(reading, settings).outcome == ("Recovered" if good else "Pending")
    assert judged(reading, settings, complete_at=OVER).outcome == ("Recovered" if good else "Failed")


UNKNOWN: dict[str, tuple[Reading | None, str]] = {
    "no answer": (Unanswered(why="Prometheus could not be reached: ConnectError"), "could not be reached"),
    "not asked": (None, "it was not asked"),
    "no sample": (result(), "it gives no sample"),
    "NaN": (result(float("nan")), "it gives NaN"),
    "NaN among good ones": (result(0, float("nan"), 0), "it gives NaN"),
    "a stale sample": (result(0, at=NOW - minutes(5) - seconds(1)), "its sample is of 2026-11-21T11:54:59Z"),
    "a sample of the future": (result(0, at=NOW + minutes(6)), "its sample is of"),
    "an answer of another kind": (Answered(status=200), "this is no answer to a query"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_asked_again_and_then_for_people(name: str) -> None:
    """Never Recovered, and never Failed, which would lead to the next step."""
    reading, why = UNKNOWN[name]
    young = judged(reading)
    assert (young.outcome, young.reason) == ("Pending", reasons.CHECK_UNKNOWN)
    assert young.retry_at == NOW + seconds(10)
    late = judged(reading, complete_at=OVER)
    assert (late.outcome, late.reason) == ("Inconclusive", reasons.CHECK_UNKNOWN)
    assert why in late.message


@given(
    values=st.lists(st.floats(-5, 5) | st.just(float("nan")), max_size=4),
    age=st.integers(0, 600),
    since_complete=st.integers(0, 600),
    held=st.none() | st.integers(0, 600),
)
def test_recovered_and_failed_need_knowledge(
    values: list[float], age: int, since_complete: int, held: int | None
) -> None:
    """I10, whatever is read and whenever."""
    reading = result(*values, at=NOW - seconds(age))
    verdict = judged(
        reading,
        OVER_TIME,
        complete_at=NOW - seconds(since_complete),
        since=NOW - seconds(held) if held is not None else None,
    )
    known = bool(values) and all(value == value for value in values) and age <= 300  # noqa: PLR0124 - not NaN
    if verdict.outcome in ("Recovered", "Failed"):
        assert known
    if verdict.outcome == "Recovered":
        assert max(values) < 1
        assert held is not None
        assert held >= 120
    assert verdict.outcome != "Pending" or (verdict.retry_at is not None and verdict.retry_at > NOW)


RATE = Prometheus(query="rate(errors[5m])", below=1)
LOOKING_BACK = {
    "at the timeout it still sees an unsteady start": (RATE, minutes(5), "Pending"),
    "it sees only what came after that": (RATE, minutes(6), "Failed"),
    "it is below the bound however far it looks": (RATE, minutes(1), "Recovered"),
    "it still sees the time before after the longest wait": (
        replace(RATE, query="rate(errors[1h])"),
        minutes(15),
        "Inconclusive",
    ),
    "it has not waited for the longest": (replace(RATE, query="rate(errors[1h])"), minutes(14), "Pending"),
}


@pytest.mark.parametrize("name", LOOKING_BACK)
def test_what_was_before_a_step_is_not_held_against_it(name: str) -> None:
    """A heal that is taken for a failure is an action too many."""
    settings, complete, outcome = LOOKING_BACK[name]
    read = Query(text=settings.query)
    verification = trial(None, settings, complete_at=NOW - complete)
    value = 0 if outcome == "Recovered" else 2
    seen = replace(verification, situation=a_situation(readings={read: result(value)}))
    verdict = prometheus.check(checks.keep_time(seen, NOW), NOW)
    assert verdict.outcome == outcome
    assert outcome != "Inconclusive" or "looks back 1h, to before it" in verdict.message


def holding(reading: Reading | None, *, since: datetime | None = None, settings: Prometheus = OVER_TIME) -> Any:
    return prometheus.keep_time(trial(reading, settings, since=since), NOW).holding


def test_the_clock_begins_goes_on_and_is_reset() -> None:
    """It is stored, so that a restart of the operator loses nothing."""
    begun = NOW - minutes(1)
    assert holding(result(0)) == (Holding(check=0, since=NOW),)
    assert holding(result(0), since=begun) == (Holding(check=0, since=begun),)
    for reading in (result(2), result(), Unanswered(why="x"), result(float("nan"))):
        assert holding(reading, since=begun) == ()


def test_the_clock_does_not_begin_before_the_rollout_is_complete() -> None:
    looked_at = trial(result(0), OVER_TIME)
    looked_at = replace(looked_at, verifying=replace(looked_at.verifying, complete_at=None))
    assert checks.keep_time(looked_at, NOW).verifying.holding == ()


TIMES: dict[str, tuple[timedelta, timedelta, str, datetime | None]] = {
    "not for long enough": (minutes(1), minutes(3), "Pending", NOW + seconds(10)),
    "nearly long enough": (seconds(115), minutes(3), "Pending", NOW + seconds(5)),
    "long enough": (minutes(2), minutes(3), "Recovered", None),
    "begun in time, and so let finish": (minutes(1), minutes(5), "Pending", NOW + seconds(10)),
}


@pytest.mark.parametrize(("held", "complete", "outcome", "retry_at"), TIMES.values(), ids=TIMES)
def test_it_must_hold_over_time(held: timedelta, complete: timedelta, outcome: str, retry_at: datetime | None) -> None:
    verdict = judged(result(0), OVER_TIME, complete_at=NOW - complete, since=NOW - held)
    assert (verdict.outcome, verdict.retry_at) == (outcome, retry_at)


def test_the_judge_says_since_when_and_until_when() -> None:
    verdict = judged(result(0), OVER_TIME, since=NOW - minutes(1))
    assert verdict.message.endswith("is below 1 since 2026-11-21T11:59:00Z, and must be until 2026-11-21T12:01:00Z")


def test_what_waits_says_the_same_whatever_is_measured() -> None:
    """A status is written when its meaning changes, not with every sample."""
    assert judged(result(3)) == judged(result(4))
    held = {"since": NOW - minutes(1)}
    assert judged(result(0), OVER_TIME, **held) == judged(result(0.5), OVER_TIME, **held)


def test_a_verdict_says_what_was_measured() -> None:
    failed = judged(result(3, 4), complete_at=OVER)
    assert "is 4 (the worst of 2), not below 1, 5m after the rollout was complete" in failed.message
    assert "is 0, below 1 since" in judged(result(0)).message


def test_each_query_of_a_step_has_its_own_clock() -> None:
    other = Prometheus(query="up", above=0, for_=minutes(2))
    looked_at = trial(result(0), OVER_TIME, since=NOW - minutes(1))
    looked_at = replace(
        looked_at,
        verification=Verification(checks=(OVER_TIME, other)),
        situation=a_situation(readings={QUERY: result(0), Query(text="up"): result(1)}),
    )
    assert prometheus.keep_time(looked_at, NOW).holding == (
        Holding(check=0, since=NOW - minutes(1)),
        Holding(check=1, since=NOW),
    )


def test_the_question_is_about_the_target() -> None:
    assert checks.questions(Verification(checks=(ERRORS, OVER_TIME)), verifying(NOW, NOW), TARGET) == {QUERY}
    assert checks.questions(Verification(), verifying(NOW, NOW), TARGET) == frozenset()
    assert checks.questions(Verification(checks=(ERRORS,)), verifying(NOW, None), TARGET) == frozenset(), "incomplete"
