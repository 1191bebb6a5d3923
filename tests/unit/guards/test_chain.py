"""The chain as a whole: its order, who answers first, and that no guard is forgotten."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from platelet import guards
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, Suspension
from platelet.model.maintenance import MaintenanceWindow
from platelet.model.policy import ActionTraits, Policy
from platelet.model.rules import Guard, Moment
from tests.unit.situations import (
    NOW,
    RESTART,
    SCALE,
    UNDO,
    a_budget,
    a_policy,
    a_signal,
    a_situation,
    a_workload,
    an_entry,
    limits,
    minutes,
    seconds,
)


def closed_in(window: MaintenanceWindow) -> Policy:
    return a_policy(limits=limits(maintenance_windows=(window,)))


def test_every_module_is_in_the_list_once() -> None:
    """A guard that is written but not listed would brake nothing."""
    modules = {path.stem for path in Path(guards.__file__).parent.glob("*.py")} - {"__init__"}
    listed = [guard.judge.__module__.rpartition(".")[2] for guard in guards.GUARDS]
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
        "blockWhile",
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
    assert all(verdict is None for _, verdict in guards.all_verdicts(a_situation(), action, NOW))


def test_the_first_no_in_order_answers() -> None:
    """Of several denials people read the one that comes first."""
    situation = a_situation(clock_age_seconds=61, budget=None, workload=a_workload(paused=True))
    denial = guards.first_denial(situation, NOW)
    assert denial is not None
    assert denial[0] == "clock"


def test_all_verdicts_say_every_no() -> None:
    """Explain shows each guard's answer, not only the first."""
    situation = a_situation(clock_age_seconds=61, workload=a_workload(paused=True))
    denied = [name for name, verdict in guards.all_verdicts(situation, UNDO, NOW) if verdict is not None]
    assert denied == ["clock", "paused"]


def test_the_reservation_asks_every_guard_that_reads_the_budget() -> None:
    """A guard that reads the budget and is not asked again at the reservation could be raced."""
    unreadable = a_situation(budget=None)
    reads = {guard.name for guard in guards.GUARDS if guard.ask(unreadable, UNDO, NOW, Moment.PLAN)}
    assert {name for name, moments in MATRIX.items() if "reserve" in moments} - {"maxUnhealthy"} == reads


MATRIX = {
    "clock": "look plan send replace revert revertStep",
    "busy": "look plan send revert revertStep",
    "policyLive": "look plan send",
    "suspended": "look plan reserve send replace revert revertStep reserveRevert",
    "protectedNamespace": "look plan send replace",
    "beingDeleted": "look plan",
    "paused": "look plan replace",
    "maintenanceWindow": "look plan send replace",
    "blockWhile": "plan reserve send",
    "causeElsewhere": "plan send",
    "rolloutInProgress": "plan",
    "managedElsewhere": "plan send",
    "occurrence": "look plan send",
    "signalKnown": "look plan",
    "nothingWrong": "look plan",
    "cooldown": "look plan reserve",
    "maxUnhealthy": "plan reserve send",
    "maxConcurrent": "plan reserve",
    "targetRate": "plan reserve",
    "policyRate": "plan reserve",
    "operatorRate": "plan reserve",
}


@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.name)
def test_a_guard_is_asked_at_these_moments(guard: Guard) -> None:
    """The policy's own brakes hold up no revert, and limits are asked where a place is taken."""
    assert [moment.value for moment in Moment if guard.is_asked(moment)] == MATRIX[guard.name].split()


@pytest.mark.parametrize("moment", Moment)
def test_at_every_moment_somebody_is_asked_and_what_could_not_be_read_is_a_no(moment: Moment) -> None:
    unknown = a_situation(
        policy=None, workload=None, budget=None, scope=None, signals=(), pods=(), revisions=(), clock_age_seconds=61
    )
    assert guards.first_denial(unknown, NOW, moment) is not None


IN_HALF_A_MINUTE = MaintenanceWindow(schedule="0 12 * * *", duration=minutes(30))
DENIED_ANYWAY: dict[str, dict[str, Any]] = {
    "it is paused": {"workload": a_workload(paused=True)},
    "people have suspended it without an end": {"namespace_suspended": "a freeze"},
    "inside a window that ends later": {"policy": closed_in(IN_HALF_A_MINUTE)},
    "only a query speaks, which is not answered": {"signals": (a_signal(source="query"),), "queries_known_at": None},
}
PERHAPS_ALLOWED: dict[str, dict[str, Any]] = {
    "nothing is in the way": {},
    "inside a window that ends at once": {"policy": closed_in(replace(IN_HALF_A_MINUTE, schedule="30 11 * * *"))},
    "a window begins at once": {"policy": closed_in(replace(IN_HALF_A_MINUTE, schedule="1 12 * * *"))},
    "its signal is old enough in a moment": {"signals": (a_signal(holds_at=NOW + seconds(20)),)},
}


@pytest.mark.parametrize("changes", DENIED_ANYWAY.values(), ids=DENIED_ANYWAY)
def test_what_lies_around_is_not_read_where_it_would_change_nothing(changes: dict[str, Any]) -> None:
    """A night inside a maintenance window costs no reads of all the policy's workloads."""
    assert guards.is_denied_anyway(a_situation(**changes), NOW, seconds(30))


@pytest.mark.parametrize("changes", PERHAPS_ALLOWED.values(), ids=PERHAPS_ALLOWED)
def test_what_lies_around_is_read_where_the_answer_may_be_yes_when_it_counts(changes: dict[str, Any]) -> None:
    """The decision falls a moment after the reads were chosen."""
    assert not guards.is_denied_anyway(a_situation(**changes), NOW, seconds(90))


@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.name)
def test_no_guard_needs_what_could_not_be_read(guard: Guard) -> None:
    """With everything unknown a guard allows or denies; it never fails."""
    unknown = a_situation(policy=None, workload=None, budget=None, scope=None, signals=(), pods=(), revisions=())
    for action in (UNDO, RESTART, SCALE):
        guard.ask(unknown, action, NOW, Moment.PLAN)


def test_with_everything_unknown_the_answer_is_no() -> None:
    """Unknown means no."""
    unknown = a_situation(policy=None, workload=None, budget=None, scope=None, signals=(), pods=(), revisions=())
    denied = {name for name, verdict in guards.all_verdicts(unknown, UNDO, NOW) if verdict is not None}
    assert denied == {
        "policyLive",
        "suspended",
        "beingDeleted",
        "maintenanceWindow",
        "blockWhile",
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
    denials = [verdict for _, verdict in guards.all_verdicts(situation, UNDO, NOW) if verdict is not None]
    assert len(denials) == 11
    assert {denial.reason for denial in denials} <= known
    assert all(denial.message for denial in denials)


def test_the_docstring_of_every_guard_says_what_it_denies() -> None:
    """The chain reads as a table of contents."""
    for guard in guards.GUARDS:
        assert (import_module(guard.judge.__module__).__doc__ or "").strip()
        assert (guard.judge.__doc__ or "").startswith("Deny")
