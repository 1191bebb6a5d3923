"""The guards that count reservations on the ActionBudget: cooldown, concurrency, rates, lost history."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.guards import cooldown, max_concurrent, operator_rate, policy_rate, target_rate
from platelet.model import reasons
from platelet.model.budget import ROOM_FOR_ACTS, BudgetSpec, Entry
from platelet.model.policy import Rate
from platelet.model.situation import Situation
from platelet.model.workload import WorkloadRef
from tests.unit.situations import (
    NOW,
    a_budget,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    an_attempt,
    an_entry,
    limits,
    minutes,
    seconds,
)

HOUR = timedelta(hours=1)
A_MINUTE = timedelta(minutes=1)
OTHER_TARGET = WorkloadRef(kind="Deployment", namespace="shop", name="web")


def spent(ago: timedelta, **changes: Any) -> Entry:
    """Build a reservation that was made and done this long ago."""
    return an_entry(**({"reserved_at": NOW - ago, "outcome_at": NOW - ago, "settled_at": NOW - ago} | changes))


def running(ago: timedelta = A_MINUTE, **changes: Any) -> Entry:
    """Build a reservation whose attempt has no outcome yet."""
    return an_entry(**({"reserved_at": NOW - ago, "outcome": None, "outcome_at": None, "settled_at": None} | changes))


def with_entries(*entries: Entry, **limit_changes: Any) -> Situation:
    return a_situation(budget=a_budget(*entries), policy=a_policy(limits=limits(**limit_changes)))


COOLED = {
    "nothing was done": with_entries(),
    "the cooldown is over this very moment": with_entries(spent(minutes(10))),
    "the last action is long ago": with_entries(spent(HOUR)),
    "the last action was a step of this remediation": with_entries(spent(seconds(1), id="rem-1/0/1")),
    "the last action was on another target": with_entries(spent(seconds(1), target=OTHER_TARGET)),
    "the last action was refused by the API server": with_entries(spent(seconds(1), refunded=True)),
    "only something was reverted": with_entries(spent(seconds(1), kind="Revert", id="rem-0/0/1/back")),
    "the policy wants no cooldown": with_entries(spent(seconds(1)), cooldown=timedelta()),
    "the policy wants a shorter one": with_entries(spent(minutes(2)), cooldown=minutes(2)),
}


@pytest.mark.parametrize("situation", COOLED.values(), ids=COOLED)
def test_cooldown_allows(situation: Situation) -> None:
    """It runs between remediations of one target, not between steps of one."""
    assert cooldown.deny(situation, NOW) is None


COOLING = {
    "the last action was a moment ago": (with_entries(spent(seconds(1))), NOW - seconds(1) + minutes(10)),
    "a second is missing": (with_entries(spent(minutes(10) - seconds(1))), NOW + seconds(1)),
    "the outcome counts, not the reservation": (
        with_entries(spent(minutes(12), outcome_at=NOW - minutes(4))),
        NOW + minutes(6),
    ),
    "the latest of several counts": (
        with_entries(spent(minutes(9)), spent(minutes(3), id="rem-9/0/1")),
        NOW + minutes(7),
    ),
    "it came from another policy": (with_entries(spent(minutes(4), policy="shop/other")), NOW + minutes(6)),
    "an action is under way": (with_entries(running(minutes(2))), NOW + minutes(8)),
    "an action has been under way for longer than the cooldown": (with_entries(running(HOUR)), None),
    "its outcome is unknown": (with_entries(spent(minutes(4), outcome="Unknown")), NOW + minutes(6)),
    "a remediation whose uid only begins like this one's": (
        with_entries(spent(minutes(4), id="rem-11/0/1")),
        NOW + minutes(6),
    ),
}


@pytest.mark.parametrize(("situation", "until"), COOLING.values(), ids=COOLING)
def test_cooldown_denies(situation: Situation, until: Any) -> None:
    """Until the cooldown after the last outcome is over."""
    denial = cooldown.deny(situation, NOW)
    assert denial is not None
    assert (denial.reason, denial.retry_at) == (reasons.COOLDOWN, until)
    assert "the cooldown is 10m" in denial.message


def test_the_cooldown_names_the_last_action() -> None:
    """Of several the latest by outcome, or by reservation where there is none."""
    slow = spent(minutes(30), outcome_at=NOW - minutes(2), id="rem-8/0/1")
    denial = cooldown.deny(with_entries(spent(minutes(9)), slow, running(minutes(5), id="rem-9/0/1")), NOW)
    assert denial is not None
    assert denial.message == (
        "the last action on shop/deployment/api was at 2026-11-21T11:58:00Z; "
        "the cooldown is 10m, until 2026-11-21T12:08:00Z"
    )


FREE_PLACES = {
    "nothing runs": with_entries(),
    "the others are verified": with_entries(spent(minutes(1))),
    "this remediation's own attempt is being verified": with_entries(
        spent(minutes(1), id="rem-1/0/1", settled_at=None)
    ),
    "another policy's attempt is being verified": with_entries(spent(minutes(1), policy="shop/other", settled_at=None)),
    "one was refused": with_entries(spent(minutes(1), settled_at=None, refunded=True)),
    "one was superseded, so there is nothing to verify": with_entries(
        spent(minutes(1), outcome="Superseded", settled_at=None)
    ),
    "one was abandoned": with_entries(spent(minutes(1), outcome="Abandoned", settled_at=None)),
    "something is being reverted": with_entries(running(kind="Revert", id="rem-0/0/1/back")),
    "one runs and two may": with_entries(running(), max_concurrent=2),
    "two attempts of one remediation are one": with_entries(
        running(id="rem-0/0/1"), running(id="rem-0/0/2"), max_concurrent=2
    ),
}


@pytest.mark.parametrize("situation", FREE_PLACES.values(), ids=FREE_PLACES)
def test_max_concurrent_allows(situation: Situation) -> None:
    """Other remediations of the policy whose verification is not over take the places."""
    assert max_concurrent.deny(situation, NOW) is None


TAKEN_PLACES = {
    "one is reserved": with_entries(running()),
    "one is being verified": with_entries(spent(minutes(1), settled_at=None)),
    "one has been verified for hours": with_entries(spent(timedelta(hours=20), settled_at=None)),
    "one is on the same target": with_entries(running(id="rem-0/0/1")),
    "two run and two may": with_entries(running(), running(id="rem-2/0/1"), max_concurrent=2),
}


@pytest.mark.parametrize("situation", TAKEN_PLACES.values(), ids=TAKEN_PLACES)
def test_max_concurrent_denies(situation: Situation) -> None:
    """With the numbers and what is being verified."""
    denial = max_concurrent.deny(situation, NOW)
    assert denial is not None
    assert denial.reason == reasons.TOO_MANY_CONCURRENT
    assert "shop/deployment/api" in denial.message


ONE_PER_HOUR = Rate(max_actions=1, per=HOUR)
RATES: dict[str, Any] = {
    "targetRate": (target_rate, reasons.TARGET_RATE_LIMITED, {"rate": ONE_PER_HOUR}, {}),
    "policyRate": (policy_rate, reasons.POLICY_RATE_LIMITED, {"per_policy": ONE_PER_HOUR}, {"target": OTHER_TARGET}),
    "operatorRate": (
        operator_rate,
        reasons.OPERATOR_RATE_LIMITED,
        {},
        {"target": OTHER_TARGET, "policy": "bank/other"},
    ),
}
"""Guard, reason, limits of the policy, and what an entry may differ in and still count."""


def limited(rate: str, *entries: Entry, **changes: Any) -> Situation:
    """Build a situation in which only the named rate is one action per hour, and these entries are what it counts."""
    _, _, policy_limits, differs = RATES[rate]
    budget = a_budget(
        *(replace(entry, **differs) for entry in entries),
        spec=BudgetSpec(limits=(ONE_PER_HOUR,)) if rate == "operatorRate" else None,
    )
    return a_situation(**({"budget": budget, "policy": a_policy(limits=limits(**policy_limits))} | changes))


STILL_COUNTS = {
    "a moment ago": (spent(seconds(1)), NOW + HOUR - seconds(1)),
    "a second less than the window ago": (spent(HOUR - seconds(1)), NOW + seconds(1)),
    "its outcome came late": (spent(minutes(80), outcome_at=NOW - minutes(50)), NOW + minutes(10)),
    "no outcome yet": (running(minutes(5)), NOW + minutes(55)),
    "no outcome for longer than the window": (running(minutes(90)), None),
    "no outcome for exactly the window": (running(HOUR), None),
    "unknown outcome": (spent(minutes(5), outcome="Unknown"), NOW + minutes(55)),
    "superseded, which nobody can prove to have done nothing": (
        spent(minutes(5), outcome="Superseded"),
        NOW + minutes(55),
    ),
    "an earlier attempt of this remediation": (spent(minutes(5), id="rem-1/0/1"), NOW + minutes(55)),
    "an outcome before the reservation": (spent(minutes(5), outcome_at=NOW - minutes(30)), NOW + minutes(55)),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("entry", "until"), STILL_COUNTS.values(), ids=STILL_COUNTS)
def test_a_full_rate_denies_until_the_slot_is_free(rate: str, entry: Entry, until: Any) -> None:
    """A slot is free one window after the outcome, at least one after the reservation."""
    guard, reason, _, _ = RATES[rate]
    denial = guard.deny(limited(rate, entry), NOW)
    assert denial is not None
    assert (denial.reason, denial.retry_at) == (reason, until)
    assert "1 action; " in denial.message
    assert "1 per 1h" in denial.message


DOES_NOT_COUNT = {
    "exactly one window ago": spent(HOUR),
    "refused by the API server": spent(seconds(1), refunded=True),
    "reverted": spent(seconds(1), kind="Revert", id="rem-0/0/1/back"),
    "this very attempt": running(seconds(1), id="rem-1/0/1"),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("entry", DOES_NOT_COUNT.values(), ids=DOES_NOT_COUNT)
def test_what_does_not_count_against_a_rate(rate: str, entry: Entry) -> None:
    """What is over, undone by the API server, a restoration, or the attempt that is being decided itself."""
    assert RATES[rate][0].deny(limited(rate, entry), NOW) is None


NOT_THIS_VERY_ATTEMPT = {
    "reserved for an earlier step": (running(seconds(1), id="rem-1/0/1"), a_status(step=1)),
    "known to have ended, which the budget has not heard of yet": (
        running(seconds(1), id="rem-1/0/1"),
        a_status(attempts=(an_attempt(phase="Unknown"),)),
    ),
    "reserved by the leader before": (running(seconds(1), id="rem-1/0/1", epoch=0), a_status()),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("entry", "status"), NOT_THIS_VERY_ATTEMPT.values(), ids=NOT_THIS_VERY_ATTEMPT)
def test_an_older_attempt_without_an_outcome_counts(rate: str, entry: Entry, status: Any) -> None:
    """Only the attempt that is being decided is left out; when in doubt it counts."""
    situation = limited(rate, entry, remediation=a_remediation(status=status))
    assert RATES[rate][0].deny(situation, NOW) is not None


def test_an_intended_attempt_does_not_count_against_itself() -> None:
    """After a crash between intent and write the same attempt goes on."""
    status = a_status(attempts=(an_attempt(phase="Intended", outcome_at=None),))
    situation = limited("operatorRate", running(seconds(1), id="rem-1/0/1"), remediation=a_remediation(status=status))
    assert operator_rate.deny(situation, NOW) is None


def test_each_rate_counts_only_its_own() -> None:
    """Per target over all policies; per policy over all targets."""
    apart = a_budget(an_entry(target=OTHER_TARGET, policy="bank/other"))
    only_target = a_situation(budget=apart, policy=a_policy(limits=limits(rate=ONE_PER_HOUR, per_policy=ONE_PER_HOUR)))
    assert target_rate.deny(only_target, NOW) is None
    assert policy_rate.deny(only_target, NOW) is None


def test_a_target_cannot_get_a_fresh_rate_from_another_policy_or_by_being_recreated() -> None:
    """The key is namespace, kind and name."""
    situation = a_situation(
        budget=a_budget(an_entry(policy="bank/other")), policy=a_policy(limits=limits(rate=ONE_PER_HOUR))
    )
    assert target_rate.deny(situation, NOW) is not None


def test_without_a_limit_per_policy_nothing_is_counted() -> None:
    """`perPolicy` is optional."""
    entries = [spent(minutes(1), id=f"rem-{number}/0/1", target=OTHER_TARGET) for number in range(2, 9)]
    assert policy_rate.deny(with_entries(*entries), NOW) is None


def five_per_hour(*entries: Entry, **status: Any) -> Situation:
    return a_situation(budget=a_budget(*entries, spec=BudgetSpec(limits=(Rate(max_actions=5, per=HOUR),)), **status))


def test_thirty_crash_loops_and_five_actions_name_the_limit_and_until_when() -> None:
    """The 25 that wait say which limit and the moment at which the first slot is free."""
    entries = [
        running(seconds(10 - number), id=f"other-{number}/0/1", policy=f"shop/{number}", target=OTHER_TARGET)
        for number in range(5)
    ]
    denial = operator_rate.deny(five_per_hour(*entries), NOW)
    assert denial is not None
    assert denial.message == (
        "the operator took 5 actions; the limit of the ActionBudget is 5 per 1h, until 2026-11-21T12:59:50Z"
    )
    assert denial.retry_at == NOW + HOUR - seconds(10)


def test_the_fifth_of_five_is_allowed() -> None:
    """The limit itself may be used up."""
    entries = [spent(minutes(1), id=f"other-{number}/0/1") for number in range(4)]
    assert operator_rate.deny(five_per_hour(*entries), NOW) is None


def test_a_limit_that_was_lowered_waits_for_as_many_slots_as_it_needs() -> None:
    """With seven used of now five, three have to end before one more may start."""
    entries = [spent(minutes(number), id=f"other-{number}/0/1") for number in range(1, 8)]
    denial = operator_rate.deny(five_per_hour(*entries), NOW)
    assert denial is not None
    assert denial.retry_at == NOW + HOUR - minutes(5)


def test_every_operator_wide_limit_holds() -> None:
    """A short window may be free while a long one is full."""
    spec = BudgetSpec(limits=(Rate(max_actions=1, per=minutes(10)), Rate(max_actions=2, per=timedelta(hours=24))))
    entries = (spent(HOUR), spent(HOUR * 2, id="rem-2/0/1"))
    denial = operator_rate.deny(a_situation(budget=a_budget(*entries, spec=spec)), NOW)
    assert denial is not None
    assert "2 per 24h" in denial.message


def test_lost_history_is_full_until_the_longest_window_is_over() -> None:
    """A budget that forgot says so, and when it may act again."""
    until = NOW + minutes(30)
    denial = operator_rate.deny(five_per_hour(full_until=until, full_reason="ActionBudget was re-created"), NOW)
    assert denial is not None
    assert (denial.reason, denial.retry_at) == (reasons.HISTORY_LOST, until)
    assert "ActionBudget was re-created" in denial.message
    assert operator_rate.deny(five_per_hour(full_until=NOW), NOW) is None


def test_lost_history_without_a_reason_says_what_it_means() -> None:
    """The sentence is never empty."""
    denial = operator_rate.deny(five_per_hour(full_until=NOW + minutes(30)), NOW)
    assert denial is not None
    assert "was deleted or lost its status" in denial.message


def test_a_budget_without_room_denies_all_but_what_is_reserved_already() -> None:
    """Forgetting is worse than waiting."""
    old = tuple(spent(HOUR * 3, id=f"old-{number}/0/1") for number in range(ROOM_FOR_ACTS))
    denial = operator_rate.deny(five_per_hour(*old), NOW)
    assert denial is not None
    assert denial.reason == reasons.BUDGET_FULL
    reserved = (*old[1:], running(seconds(1), id="rem-1/0/1"))
    assert operator_rate.deny(five_per_hour(*reserved), NOW) is None
    others_reserved = (*old[1:], running(seconds(1), id="rem-2/0/1"))
    assert operator_rate.deny(five_per_hour(*others_reserved), NOW) is not None
    ended_before = (*old[1:], spent(HOUR * 3, id="rem-1/0/1"))
    assert operator_rate.deny(five_per_hour(*ended_before), NOW) is not None


def test_a_budget_of_long_names_is_full_before_its_list_is() -> None:
    """An object of the API server has an end, too."""
    long = {"policy": f"{'n' * 63}/{'p' * 253}", "target": replace(OTHER_TARGET, namespace="n" * 63, name="w" * 253)}
    old = tuple(spent(HOUR * 3, id=f"old-{number}/0/1", **long) for number in range(1200))
    denial = operator_rate.deny(five_per_hour(*old), NOW)
    assert denial is not None
    assert denial.reason == reasons.BUDGET_FULL
    assert operator_rate.deny(five_per_hour(*old[:600]), NOW) is None
