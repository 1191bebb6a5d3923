"""To do nothing for a while: until when, what ends it, and what it came to."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from platelet.actions import wait
from platelet.actions.wait import Wait
from platelet.core import idle_steps
from platelet.model import reasons
from platelet.model.outside import Outside
from platelet.model.reading import Judged, Reading, Result, Sample, Unanswered
from platelet.model.remediation import Waiting
from platelet.model.situation import Situation
from platelet.model.until import Until
from platelet.model.verdict import Plan, Refusal
from tests.unit.situations import NOW, a_remediation, a_situation, a_status, a_step, change, minutes, seconds

UP = Until(query="up", above=0)
TIMED, CONDITIONAL = Wait(for_=minutes(5)), Wait(for_=minutes(5), until=UP)
SILENT = Unanswered(why="no answer")


def waits(by: str = "wait", since: datetime = NOW, **known: Any) -> Situation:
    """The incident has begun to wait then, for five minutes."""
    waiting = Waiting(by=by, reason="x", message="x", until=since + minutes(5))
    situation = a_situation(remediation=a_remediation(status=a_status(waiting=waiting)))
    return change(situation, **known)


def answered(reading: Reading | None, since: datetime) -> Situation:
    question = UP.question(a_situation().target)
    assert question is not None
    return waits(since=since, readings={} if reading is None else {question: reading})


def value(*values: float) -> Result:
    return Result(samples=tuple(Sample(value=number, at=NOW) for number in values))


def test_its_time_begins_when_it_is_first_planned() -> None:
    plan = wait.plan(TIMED, a_situation(), NOW)
    assert isinstance(plan, Plan)
    assert plan.changes == ()
    assert plan.summary == "wait for 5m"
    assert plan.pause is not None
    assert (plan.pause.until, plan.pause.look_at) == (NOW + minutes(5), NOW + minutes(5))


def test_its_time_goes_on_as_it_was_noted() -> None:
    plan = wait.plan(TIMED, waits(since=NOW - minutes(3)), NOW)
    assert isinstance(plan, Plan)
    assert plan.pause is not None
    assert plan.pause.until == NOW + minutes(2)


def test_it_begins_anew_after_another_no() -> None:
    plan = wait.plan(TIMED, waits(by="occurrence", since=NOW - minutes(3)), NOW)
    assert isinstance(plan, Plan)
    assert plan.pause is not None
    assert plan.pause.until == NOW + minutes(5)


def test_when_its_time_is_over_the_next_step_follows() -> None:
    refusal = wait.plan(TIMED, waits(since=NOW - minutes(5)), NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.outcome) == (reasons.WAITED, "PassedOver")


EARLY, LATE = NOW - minutes(3), NOW - minutes(5)
CONDITIONS = {
    "it holds": (value(1), EARLY, reasons.WAITED),
    "it holds when the time is over": (value(1), LATE, reasons.WAITED),
    "it does not hold yet": (value(0), EARLY, None),
    "one of several does not hold": (value(1, 0), EARLY, None),
    "it is not known yet": (SILENT, EARLY, None),
    "nobody was asked": (None, EARLY, None),
    "it gives nothing": (Result(samples=()), EARLY, None),
    "it does not hold in time": (value(0), LATE, reasons.WAITED_IN_VAIN),
    "it is not known in time": (SILENT, LATE, reasons.CHECK_UNKNOWN),
}


@pytest.mark.parametrize(("reading", "since", "reason"), CONDITIONS.values(), ids=CONDITIONS)
def test_it_goes_on_as_soon_as_its_condition_holds(
    reading: Reading | None, since: datetime, reason: str | None
) -> None:
    plan = wait.plan(CONDITIONAL, answered(reading, since), NOW)
    if reason is not None:
        assert isinstance(plan, Refusal)
        assert plan.reason == reason
        return
    assert isinstance(plan, Plan)
    assert plan.pause is not None
    assert (plan.pause.until, plan.pause.look_at) == (NOW + minutes(2), NOW + seconds(10))
    assert plan.summary == "wait for 5m, or until up is above 0"


READY = Until(expression="object.status.availableReplicas > 0")
FOR_READY = Wait(for_=minutes(5), until=READY)
NO_FIELD = Unanswered(why="there is no field availableReplicas: ask for it with has()")
EXPRESSIONS = {
    "it is true": (Judged(holds=True), EARLY, reasons.WAITED, "is true: it goes on"),
    "it is false": (Judged(holds=False), EARLY, None, "or until object.status.availableReplicas > 0 is true"),
    "it cannot be evaluated": (NO_FIELD, EARLY, None, "is true; not known at present: there is no field available"),
    "nobody was asked": (None, EARLY, None, "or until object.status.availableReplicas > 0 is true"),
    "it is still false": (Judged(holds=False), LATE, reasons.WAITED_IN_VAIN, "> 0 is false, after 5m"),
    "it is still unknown": (NO_FIELD, LATE, reasons.CHECK_UNKNOWN, "is not known after 5m: there is no field"),
    "what else was read": (value(1), LATE, reasons.CHECK_UNKNOWN, "is not known after 5m: it was not asked"),
}


@pytest.mark.parametrize(("reading", "since", "reason", "words"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_it_goes_on_as_soon_as_its_expression_is_true(
    reading: Reading | None, since: datetime, reason: str | None, words: str
) -> None:
    question = READY.question(a_situation().target)
    assert question is not None
    plan = wait.plan(FOR_READY, waits(since=since, readings={} if reading is None else {question: reading}), NOW)
    if reason is not None:
        assert isinstance(plan, Refusal)
        assert (plan.reason, words in plan.message) == (reason, True)
        return
    assert isinstance(plan, Plan)
    assert plan.pause is not None
    assert words in plan.pause.message
    assert (plan.pause.until, plan.pause.look_at) == (NOW + minutes(2), NOW + seconds(10))
    assert plan.summary == "wait for 5m, or until object.status.availableReplicas > 0 is true"


LEADS = {
    "a condition that came to nothing goes on": (value(0), {}, None),
    "or to people": (value(0), {"on_failure": "Escalate"}, reasons.WAITED_IN_VAIN),
    "or ends on record": (value(0), {"on_failure": "Stop"}, reasons.STOPPED),
    "one that is not known goes to people": (SILENT, {}, reasons.INCONCLUSIVE),
    "or on": (SILENT, {"on_inconclusive": "Next"}, None),
}


@pytest.mark.parametrize(("reading", "step", "reason"), LEADS.values(), ids=LEADS)
def test_where_it_leads_is_said_by_the_step(reading: Reading, step: dict[str, Any], reason: str | None) -> None:
    situation = answered(reading, LATE)
    refusal = wait.plan(CONDITIONAL, situation, NOW)
    assert isinstance(refusal, Refusal)
    written = replace(a_step("wait", CONDITIONAL), **step)
    decision = idle_steps.end(situation, situation.remediation.status, written, refusal, NOW)
    assert (decision.status.reason if decision is not None else None) == reason


FAULTS = {
    "no PromQL": (Until(query="up{", above=0), Outside(has_prometheus=True), reasons.INVALID_QUERY),
    "nobody to ask": (UP, Outside(), reasons.PROMETHEUS_NOT_CONFIGURED),
    "nobody is known": (UP, None, None),
    "somebody to ask": (UP, Outside(has_prometheus=True), None),
    "no condition": (None, Outside(), None),
    "no CEL": (Until(expression="object.status ="), Outside(), reasons.INVALID_CONDITION),
    "CEL, with nobody to ask": (READY, Outside(), None),
}


@pytest.mark.parametrize(("until", "outside", "reason"), FAULTS.values(), ids=FAULTS)
def test_what_can_never_be_asked_is_told(until: Until | None, outside: Outside | None, reason: str | None) -> None:
    fault = wait.ACTION.find_fault(Wait(until=until), outside)
    assert (fault.reason if fault is not None else None) == reason
