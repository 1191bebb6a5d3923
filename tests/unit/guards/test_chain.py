"""The chain as a whole: its order, who answers first, and that no guard is forgotten."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from platelet import guards
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, Suspension
from platelet.model.rules import Guard
from platelet.model.situation import ActionTraits
from tests.unit.situations import NOW, RESTART, SCALE, UNDO, a_budget, a_situation, a_workload, an_entry, minutes


def test_every_module_is_in_the_list_once() -> None:
    """A guard that is written but not listed would brake nothing."""
    modules = {path.stem for path in Path(guards.__file__).parent.glob("*.py")} - {"__init__"}
    listed = [guard.deny.__module__.rpartition(".")[2] for guard in guards.GUARDS]
    assert sorted(listed) == sorted(modules)


def test_the_order_is_the_one_of_the_design() -> None:
    """What needs people comes before what needs time; occurrence before cooldown and limits (TRAPS 24)."""
    assert [guard.name for guard in guards.GUARDS] == [
        "clock",
        "busy",
        "policyLive",
        "suspended",
        "protectedNamespace",
        "beingDeleted",
        "paused",
        "maintenanceWindow",
        "causeElsewhere",
        "rolloutInProgress",
        "managedElsewhere",
        "occurrence",
        "signalKnown",
        "nothingWrong",
        "cooldown",
        "maxUnhealthy",
        "maxConcurrent",
        "targetRate",
        "policyRate",
        "operatorRate",
    ]


@pytest.mark.parametrize("action", [UNDO, RESTART, SCALE], ids=lambda action: action.name)
def test_a_plain_crash_loop_is_allowed(action: ActionTraits) -> None:
    """Where nothing is wrong but the workload, all guards allow every action."""
    assert guards.first_denial(a_situation(action=action), NOW) is None
    assert all(verdict is None for _, verdict in guards.all_verdicts(a_situation(action=action), NOW))


def test_the_first_no_in_order_answers() -> None:
    """Of several denials people read the one that comes first."""
    situation = a_situation(clock_age_seconds=61, budget=None, workload=a_workload(paused=True))
    denial = guards.first_denial(situation, NOW)
    assert denial is not None
    assert denial[0] == "clock"


def test_all_verdicts_say_every_no() -> None:
    """Explain shows each guard's answer, not only the first."""
    situation = a_situation(clock_age_seconds=61, workload=a_workload(paused=True))
    denied = [name for name, verdict in guards.all_verdicts(situation, NOW) if verdict is not None]
    assert denied == ["clock", "paused"]


def test_the_reservation_asks_every_guard_that_reads_the_budget() -> None:
    """A guard that reads the budget and is not asked again at the reservation could be raced."""
    reads = [guard for guard in guards.GUARDS if guard.deny(a_situation(budget=None), NOW) is not None]
    assert reads == list(guards.ON_THE_BUDGET)


def test_a_take_back_waits_only_for_the_suspension() -> None:
    """Restoring the state before is not counted, but people's stop holds for it."""
    assert [guard.name for guard in guards.FOR_TAKING_BACK] == ["clock", "busy", "suspended"]


@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.name)
def test_no_guard_needs_what_could_not_be_read(guard: Guard) -> None:
    """With everything unknown a guard allows or denies; it never fails."""
    unknown = a_situation(policy=None, workload=None, budget=None, scope=None, signals=(), pods=(), revisions=())
    guard.deny(unknown, NOW)


def test_with_everything_unknown_the_answer_is_no() -> None:
    """Unknown means no."""
    unknown = a_situation(policy=None, workload=None, budget=None, scope=None, signals=(), pods=(), revisions=())
    denied = {name for name, verdict in guards.all_verdicts(unknown, NOW) if verdict is not None}
    assert denied == {
        "policyLive",
        "suspended",
        "beingDeleted",
        "maintenanceWindow",
        "occurrence",
        "cooldown",
        "maxUnhealthy",
        "maxConcurrent",
        "targetRate",
        "policyRate",
        "operatorRate",
    }


def test_every_denial_has_a_known_reason_and_a_sentence() -> None:
    """Reasons come from the one vocabulary; the message is never empty."""
    known = {value for name, value in vars(reasons).items() if name.isupper()}
    situation = a_situation(
        clock_age_seconds=61,
        older_open="deployment-api-0",
        workload=a_workload(paused=True, deleting=True, generation=3),
        scope=None,
        signals=(),
        missing_references=("secret/db",),
        budget=a_budget(
            an_entry(reserved_at=NOW - minutes(1), outcome_at=None, outcome=None, settled_at=None),
            spec=replace(BudgetSpec(), suspended=Suspension(reason="release freeze")),
        ),
    )
    denials = [verdict for _, verdict in guards.all_verdicts(situation, NOW) if verdict is not None]
    assert len(denials) == 11
    assert {denial.reason for denial in denials} <= known
    assert all(denial.message for denial in denials)


def test_the_docstring_of_every_guard_says_what_it_denies() -> None:
    """The chain reads as a table of contents."""
    for guard in guards.GUARDS:
        assert (import_module(guard.deny.__module__).__doc__ or "").strip()
        assert (guard.deny.__doc__ or "").startswith("Deny")
