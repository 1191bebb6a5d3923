"""A URL answers as expected; no answer proves nothing."""

from typing import Any

import pytest

from platelet import checks
from platelet.checks import http_endpoint
from platelet.checks.http_endpoint import Http
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.reading import Answered, Reading, Result, Unanswered
from platelet.model.rules import Trial
from platelet.model.verdict import Verdict
from tests.unit.situations import NOW, TARGET, a_situation, an_attempt, minutes, seconds, verifying

SECRET = "t0ken"
A_MINUTE = minutes(1)
HEALTH = Http(url=f"https://api.example.com/health?key={SECRET}")
OTHER = Http(url="http://web.shop.svc/", expect_status=(204, 301))


def judged(*settings: Http, complete: Any = A_MINUTE, **readings: Reading) -> Verdict:
    """Judge what the hosts `api` and `web` answer, so long after the complete rollout; the timeout is 5 minutes."""
    probes = {"api": HEALTH.probe, "web": OTHER.probe}
    trial = Trial(
        situation=a_situation(readings={probes[name]: reading for name, reading in readings.items()}),
        verification=Verification(checks=settings),
        verifying=verifying(NOW - minutes(20), NOW - complete),
        attempt=an_attempt(),
    )
    return http_endpoint.check(trial, NOW)


def test_an_expected_answer_is_recovery() -> None:
    verdict = judged(HEALTH, OTHER, api=Answered(status=200), web=Answered(status=301))
    assert (verdict.outcome, verdict.message) == ("Recovered", "api.example.com answers 200; web.shop.svc answers 301")


def test_another_answer_is_waited_out_and_then_failed() -> None:
    waiting = judged(HEALTH, api=Answered(status=503))
    assert (waiting.outcome, waiting.reason, waiting.retry_at) == (
        "Pending",
        reasons.CHECK_PENDING,
        NOW + seconds(10),
    )
    failed = judged(OTHER, complete=minutes(5), web=Answered(status=200))
    assert (failed.outcome, failed.reason) == ("Failed", reasons.CHECK_FAILED)
    assert failed.message == "web.shop.svc answers 200, not 204 or 301, 5m after the rollout was complete"


UNKNOWN: dict[str, dict[str, Reading]] = {
    "no answer": {"api": Unanswered(why="api.example.com could not be reached: ConnectError")},
    "a host that is not allowed": {"api": Unanswered(why="api.example.com is not in allowedHosts")},
    "not asked": {},
    "an answer of another kind": {"api": Result(samples=())},
}


@pytest.mark.parametrize("readings", UNKNOWN.values(), ids=UNKNOWN)
def test_without_an_answer_nothing_is_known(readings: dict[str, Reading]) -> None:
    """Never the next step by itself."""
    waiting, late = judged(HEALTH, **readings), judged(HEALTH, complete=minutes(5), **readings)
    assert (waiting.outcome, waiting.reason) == ("Pending", reasons.CHECK_UNKNOWN)
    assert (late.outcome, late.reason) == ("Inconclusive", reasons.CHECK_UNKNOWN)


@pytest.mark.parametrize("reading", [Answered(status=200), Answered(status=500), Unanswered(why="x")])
def test_no_verdict_repeats_the_url(reading: Reading) -> None:
    """Its query may hold a secret; Remediations are read by many."""
    for complete in (minutes(1), minutes(5)):
        assert SECRET not in judged(HEALTH, complete=complete, api=reading).message


def test_all_must_answer() -> None:
    assert judged(HEALTH, OTHER, api=Answered(status=200), web=Answered(status=500)).outcome == "Pending"
    assert judged(HEALTH, OTHER, web=Answered(status=204)).reason == reasons.CHECK_UNKNOWN


def test_the_questions() -> None:
    assert checks.questions(Verification(checks=(HEALTH, OTHER, HEALTH)), verifying(NOW, NOW), TARGET) == {
        HEALTH.probe,
        OTHER.probe,
    }
