"""Turns for those who wait for a place: the oldest first, as many as there are places, and nobody is forgotten."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from platelet.model import reasons
from platelet.model.budget import Budget, BudgetSpec
from platelet.model.policy import Rate
from platelet.model.remediation import Remediation, Waiting
from platelet.shell.run.turns import Key, Turns
from tests.unit.situations import NOW, a_budget, a_remediation, a_status, an_entry, minutes

HOUR = timedelta(hours=1)


def waiter(number: int, reason: str = reasons.OPERATOR_RATE_LIMITED) -> Remediation:
    """One that was opened so many minutes after the first."""
    waiting = Waiting(by="operatorRate", reason=reason, message="no")
    status = a_status(state="Waiting", waiting=waiting, opened_at=NOW - HOUR + minutes(number))
    return a_remediation(name=f"api-{number}", uid=f"rem-{number}", status=status)


def key(number: int) -> Key:
    return "shop", f"api-{number}"


def budget(places: int, taken: int = 0, version: str = "1") -> Budget:
    spent = (an_entry(id=f"done-{n}/0/1", reserved_at=NOW, outcome_at=NOW, settled_at=NOW) for n in range(taken))
    spec = BudgetSpec(limits=(Rate(max_actions=places, per=HOUR),))
    return replace(a_budget(*spent, spec=spec), resource_version=version)


def called(turns: Turns, seen: Budget) -> tuple[Key, ...]:
    return turns.call(seen, {}, NOW).turns


def test_the_oldest_come_first_and_as_many_as_there_are_places() -> None:
    turns = Turns()
    for number in (3, 1, 4, 2, 5):
        turns.see(waiter(number))
    assert called(turns, budget(2)) == (key(1), key(2))


def test_while_they_look_the_places_are_theirs() -> None:
    turns = Turns()
    turns.see_all([waiter(number) for number in range(5)])
    called(turns, budget(2))
    assert called(turns, budget(2)) == ()
    assert called(turns, budget(3)) == (key(2),)


def test_who_had_a_turn_and_still_waits_lets_the_next_one_pass() -> None:
    turns = Turns()
    turns.see_all([waiter(number) for number in range(3)])
    assert called(turns, budget(1)) == (key(0),)
    assert turns.end(key(0))
    assert called(turns, budget(1)) == (key(1),)


def test_and_has_another_turn_once_the_budget_is_another_one() -> None:
    turns = Turns()
    turns.see(waiter(0))
    called(turns, budget(1))
    turns.end(key(0))
    assert called(turns, budget(1)) == ()
    assert called(turns, budget(1, version="2")) == (key(0),)


def test_or_once_an_incident_has_changed() -> None:
    """What was sick may be well: more than the budget tells whether a place can be used."""
    turns = Turns()
    turns.see(waiter(0))
    called(turns, budget(1))
    turns.end(key(0))
    assert turns.stir()
    assert called(turns, budget(1)) == (key(0),)


def test_who_is_over_or_waits_for_something_of_its_own_leaves_the_line() -> None:
    turns = Turns()
    turns.see_all([waiter(number) for number in range(3)])
    assert turns.see(waiter(0, reasons.COOLDOWN))
    turns.see_all([waiter(0, reasons.COOLDOWN), waiter(2)])
    assert called(turns, budget(5)) == (key(2),)


def test_where_no_place_is_free_time_alone_says_when_to_count_again() -> None:
    turns = Turns()
    turns.see(waiter(0))
    call = turns.call(budget(2, taken=2), {}, NOW)
    assert (call.turns, call.again_at) == ((), NOW + HOUR)


def test_a_look_that_was_no_turn_is_none() -> None:
    turns = Turns()
    turns.see(waiter(0))
    assert not turns.end(key(0))


@given(useless=st.sets(st.integers(0, 11)), places=st.integers(1, 4), start=st.permutations(range(12)))
def test_nobody_starves_behind_those_that_cannot_use_a_place(useless: set[int], places: int, start: list[int]) -> None:
    """Each of those that can act has its place in the end, the oldest of them first."""
    turns, acted = Turns(), list[int]()
    for number in start:
        turns.see(waiter(number))
    for _ in range(100):
        seen = budget(places, version=str(len(acted)))
        for _, name in called(turns, seen):
            number = int(name.removeprefix("api-"))
            turns.end(key(number))
            if number not in useless:
                acted.append(number)
                turns.leave(key(number))
    assert acted == sorted(set(range(12)) - useless)
