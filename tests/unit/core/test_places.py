"""Who waits in which line for a place on the ActionBudget, and how many places there are."""

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from platelet.core.places import Line, Places, count, is_patient, line_of
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, Entry
from platelet.model.policy import Rate
from platelet.model.remediation import Remediation, Waiting
from tests.unit.situations import NOW, a_budget, a_remediation, a_status, an_entry, limits, minutes, seconds

HOUR = timedelta(hours=1)
THE_OPERATORS = Line(reasons.OPERATOR_RATE_LIMITED)


def waiting_for(reason: str, **changes: Any) -> Remediation:
    waiting = Waiting(by="a guard", reason=reason, message="no", until=NOW + minutes(5))
    return a_remediation(status=a_status(state="Waiting", waiting=waiting, **changes))


def spent(number: int, ago: timedelta, **changes: Any) -> Entry:
    at = NOW - ago
    return an_entry(id=f"rem-{number}/0/1", **({"reserved_at": at, "outcome_at": at, "settled_at": at} | changes))


def under_way(number: int, **changes: Any) -> Entry:
    return spent(number, minutes(1), settled_at=None, **changes)


LINES = {
    "the operator's limit": (waiting_for(reasons.OPERATOR_RATE_LIMITED), THE_OPERATORS),
    "a budget that lost its history": (waiting_for(reasons.HISTORY_LOST), THE_OPERATORS),
    "a budget that is full": (waiting_for(reasons.BUDGET_FULL), THE_OPERATORS),
    "its policy's limit": (
        waiting_for(reasons.POLICY_RATE_LIMITED),
        Line(reasons.POLICY_RATE_LIMITED, "shop/heal-api"),
    ),
    "others of its policy": (
        waiting_for(reasons.TOO_MANY_CONCURRENT),
        Line(reasons.TOO_MANY_CONCURRENT, "shop/heal-api"),
    ),
    "its own cooldown": (waiting_for(reasons.COOLDOWN), None),
    "a signal that is too young": (waiting_for(reasons.TOO_YOUNG), None),
    "nothing: it acts": (a_remediation(status=a_status(state="Acting")), None),
    "what others would have done: it only observes": (
        replace(waiting_for(reasons.OPERATOR_RATE_LIMITED), spec=replace(a_remediation().spec, mode="Observe")),
        None,
    ),
}


@pytest.mark.parametrize(("remediation", "line"), LINES.values(), ids=LINES)
def test_the_line_that_it_waits_in(remediation: Remediation, line: Line | None) -> None:
    assert line_of(remediation) == line


PATIENT = {
    reasons.OPERATOR_RATE_LIMITED: True,
    reasons.COOLDOWN: True,
    reasons.MAINTENANCE_WINDOW: True,
    reasons.TOO_YOUNG: False,
    reasons.ROLLOUT_IN_PROGRESS: False,
    reasons.CAUSE_ELSEWHERE: False,
    reasons.SUSPENDED: False,  # a workload's annotation is seen in its stream alone
    reasons.TARGET_BUSY: False,
}


@pytest.mark.parametrize(("reason", "is_so"), PATIENT.items(), ids=PATIENT)
def test_who_waits_for_a_limit_or_a_time_is_patient_with_its_pods(reason: str, *, is_so: bool) -> None:
    assert is_patient(waiting_for(reason)) is is_so


FIVE_AN_HOUR = BudgetSpec(limits=(Rate(max_actions=5, per=HOUR),))
CONCURRENT = Line(reasons.TOO_MANY_CONCURRENT, "shop/heal-api")
BY_POLICY = Line(reasons.POLICY_RATE_LIMITED, "shop/heal-api")
SICK = Line(reasons.TOO_MANY_UNHEALTHY, "shop/heal-api")
TWO_AN_HOUR = {"per_policy": Rate(max_actions=2, per=HOUR)}
COUNTED: dict[str, tuple[Line, tuple[Entry, ...], dict[str, Any], Places]] = {
    "nothing was done": (THE_OPERATORS, (), {}, Places(5)),
    "two places are left": (THE_OPERATORS, tuple(spent(n, minutes(n)) for n in (1, 2, 3)), {}, Places(2)),
    "none is left until the first of the hour is over": (
        THE_OPERATORS,
        tuple(spent(n, minutes(10 * n)) for n in (1, 2, 3, 4, 5)),
        {},
        Places(0, NOW + minutes(10)),
    ),
    "another one is being verified": (CONCURRENT, (under_way(1),), {"max_concurrent": 1}, Places(0)),
    "one of another policy is": (CONCURRENT, (under_way(1, policy="shop/other"),), {"max_concurrent": 1}, Places(1)),
    "the policy's limit is reached": (
        BY_POLICY,
        (spent(1, minutes(20)), spent(2, minutes(50))),
        TWO_AN_HOUR,
        Places(0, NOW + minutes(10)),
    ),
    "the policy's limit was lifted": (BY_POLICY, (spent(1, seconds(1)),), {"per_policy": None}, Places(sys.maxsize)),
    "one of the sick is undone": (SICK, (under_way(1),), {}, Places(0)),
    "none of the sick is undone any more": (SICK, (spent(1, minutes(1)),), {}, Places(1)),
}


@pytest.mark.parametrize(("line", "entries", "asked", "places"), COUNTED.values(), ids=COUNTED)
def test_the_places_of_a_line(line: Line, entries: tuple[Entry, ...], asked: dict[str, Any], places: Places) -> None:
    budget = a_budget(*entries, spec=FIVE_AN_HOUR)
    assert count(line, budget, {"shop/heal-api": limits(**asked)}, NOW) == places


def test_where_the_policy_is_gone_nobody_has_a_turn() -> None:
    assert count(CONCURRENT, a_budget(), {}, NOW) == Places(0)


def test_a_budget_that_lost_its_history_has_no_place_until_it_counts_again() -> None:
    until: datetime = NOW + minutes(30)
    budget = a_budget(spec=FIVE_AN_HOUR, full_until=until)
    assert count(THE_OPERATORS, budget, {}, NOW) == Places(0, until)
    assert count(THE_OPERATORS, budget, {}, until).free == 5
