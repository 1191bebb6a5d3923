"""What people have named in `blockWhile` is over; what is not known blocks."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import blocks, questions
from platelet.guards import block_while
from platelet.model import reasons
from platelet.model.alert import Alert
from platelet.model.blocking import Block, BlockingQuery, FiringAlert, KnownAlerts, Running, RunningWork
from platelet.model.budget import Budget, BudgetSpec
from platelet.model.reading import Result, Sample, Unanswered
from platelet.model.situation import Situation
from tests.unit.situations import NOW, TARGET, a_budget, a_policy, a_situation, limits, minutes

BACKUP = FiringAlert(matchers=('alertname="BackupRunning"',))
LOAD = BlockingQuery(query="load", above=5)
MIGRATION = RunningWork(match_labels={"for": "migration", "app": "api"})
SELECTOR = "app=api,for=migration"
FIRES = Alert(fingerprint="1", status="firing", labels={"alertname": "BackupRunning"}, starts_at=NOW - minutes(7))
RUNS = Running(kind="Job", name="migrate-1", since=NOW - minutes(3))


def blocked_by(block: Block, **known: Any) -> Situation:
    """The policy names it."""
    return a_situation(policy=a_policy(limits=limits(block_while=(block,))), **known)


def gauge(*values: float, age: int = 0) -> dict[str, Any]:
    question = LOAD.question(TARGET)
    samples = tuple(Sample(value=value, at=NOW - minutes(age)) for value in values)
    return {"readings": {question: Result(samples=samples)}}


ALERT, QUERY, RUNNING = Block(alert=BACKUP), Block(query=LOAD), Block(running=MIGRATION)
ALLOWED = {
    "no list": (a_situation(),),
    "no such alert fires": (blocked_by(ALERT, firing={BACKUP: ()}),),
    "the result is at the bound": (blocked_by(QUERY, **gauge(5)),),
    "no result is beyond it": (blocked_by(QUERY, **gauge(1, 4)),),
    "nothing runs": (blocked_by(RUNNING, running={SELECTOR: ()}),),
}


@pytest.mark.parametrize("case", ALLOWED.values(), ids=ALLOWED)
def test_it_allows_what_nothing_blocks(case: tuple[Situation]) -> None:
    assert block_while.deny(case[0], NOW) is None


DENIED = {
    "an alert fires": (
        blocked_by(ALERT, firing={BACKUP: (FIRES,)}),
        reasons.BLOCKED,
        "alert BackupRunning fires since 2026-11-21T",
    ),
    "one result of several is beyond the bound": (
        blocked_by(QUERY, **gauge(1, 7, 6)),
        reasons.BLOCKED,
        "load is 7, above 5",
    ),
    "a Job runs": (
        blocked_by(RUNNING, running={SELECTOR: (RUNS,)}),
        reasons.BLOCKED,
        "Job migrate-1 runs since 2026-11-21T",
    ),
    "which alerts fire is not known": (blocked_by(ALERT), reasons.BLOCK_UNKNOWN, "Alertmanager has not told lately"),
    "nobody has answered": (
        blocked_by(QUERY, readings={LOAD.question(TARGET): Unanswered(why="no answer")}),
        reasons.BLOCK_UNKNOWN,
        "no answer",
    ),
    "nobody was asked": (blocked_by(QUERY), reasons.BLOCK_UNKNOWN, "it was not asked"),
    "there is no result": (blocked_by(QUERY, **gauge()), reasons.BLOCK_UNKNOWN, "no sample"),
    "the result is old": (blocked_by(QUERY, **gauge(1, age=6)), reasons.BLOCK_UNKNOWN, "its sample is of"),
    "the result is no number": (blocked_by(QUERY, **gauge(1, float("nan"))), reasons.BLOCK_UNKNOWN, "NaN"),
    "what runs may not be read": (blocked_by(RUNNING), reasons.BLOCK_UNKNOWN, "may not be read"),
}


@pytest.mark.parametrize(("situation", "reason", "words"), DENIED.values(), ids=DENIED)
def test_it_says_what_blocks(situation: Situation, reason: str, words: str) -> None:
    denial = block_while.deny(situation, NOW)
    assert denial is not None
    assert denial.reason == reason
    assert words in denial.message
    assert denial.message.startswith("policy shop/")
    assert (denial.look_at, denial.retry_at) == (NOW + block_while.ASK_EVERY, None)


def with_block(block: Block) -> Budget:
    budget = a_budget()
    return replace(budget, spec=BudgetSpec(limits=budget.spec.limits, block_while=(block,)))


def test_what_the_budget_names_blocks_every_policy() -> None:
    denial = block_while.deny(a_situation(budget=with_block(RUNNING), running={SELECTOR: (RUNS,)}), NOW)
    assert denial is not None
    assert denial.message.startswith("the ActionBudget: blockWhile: Job migrate-1")


def test_a_budget_that_cannot_be_read_may_name_anything() -> None:
    denial = block_while.deny(a_situation(budget=None), NOW)
    assert denial is not None
    assert denial.reason == reasons.BUDGET_UNREADABLE


def test_any_of_several_is_enough() -> None:
    policy = a_policy(limits=limits(block_while=(RUNNING, ALERT)))
    denial = block_while.deny(a_situation(policy=policy, running={SELECTOR: ()}, firing={BACKUP: (FIRES,)}), NOW)
    assert denial is not None
    assert denial.reason == reasons.BLOCKED


def test_what_it_judges_by_is_asked_for() -> None:
    situation = blocked_by(QUERY)
    asked = questions.needed(
        situation.remediation, situation.ladder.steps, situation.policy, with_block(Block(query=LOAD))
    )
    assert asked == {LOAD.question(TARGET)}
    assert blocks.selectors(blocked_by(RUNNING)) == {SELECTOR}


KNOWN = {
    "it fires": ((FIRES,), 1, (FIRES,)),
    "another one fires": ((replace(FIRES, labels={"alertname": "Other"}),), 1, ()),
    "nothing fires": ((), 1, ()),
    "it was told long ago": ((FIRES,), 4, None),
}


@pytest.mark.parametrize(("alerts", "age", "firing"), KNOWN.values(), ids=KNOWN)
def test_which_alerts_fire_is_what_alertmanager_told_lately(
    alerts: tuple[Alert, ...], age: int, firing: tuple[Alert, ...] | None
) -> None:
    known = blocks.firing(blocked_by(ALERT), KnownAlerts(alerts=alerts, at=NOW - minutes(age)), NOW)
    assert known.get(BACKUP) == firing


def test_of_what_cannot_be_matched_nothing_is_known() -> None:
    """A matcher on the ActionBudget, which nobody judges."""
    broken = FiringAlert(matchers=("severity",))
    situation = blocked_by(Block(alert=broken))
    assert blocks.firing(situation, KnownAlerts(alerts=(FIRES,), at=NOW), NOW) == {}
    assert blocks.firing(situation, None, NOW) == {}


REFUSED = {
    "nothing": ({}, "say what blocks"),
    "two": ({"alert": BACKUP, "query": LOAD}, "one thing that blocks per entry"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_an_entry_names_one_thing(written: dict[str, Any], fix: str) -> None:
    with pytest.raises(ValueError, match=fix):
        Block(**written)
