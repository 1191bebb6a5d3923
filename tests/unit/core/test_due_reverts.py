"""Temporary changes are reverted: once, when due, only if the value is still ours, and not while people stop us."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.changes.config_value import CONFIG_MAPS
from platelet.core import obligations, reservation
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, Entry, EntryKind, Leaving, PendingRevert, Suspension
from platelet.model.effects import Reserve, Settle, Write
from platelet.model.intent import PinnedChange, PreState
from platelet.model.remediation import Revert, State
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.verifying import Verifying
from tests.unit.core.runbooks import scale_step
from tests.unit.pins import meant, scaled
from tests.unit.situations import (
    GOOD,
    NOW,
    a_budget,
    a_remediation,
    a_situation,
    a_status,
    a_well_workload,
    an_alert,
    an_attempt,
    an_autoscaler,
    an_entry,
    change,
    evidence_of,
    minutes,
    seconds,
)

BACK = "rem-1/0/1/back"


def lent(**changes: Any) -> Entry:
    """A scale from 2 to 5, done ten minutes ago, due now."""
    owed = PendingRevert(action="scale", changes=scaled(5, before=2), due_at=NOW)
    return an_entry(id="rem-1/0/1", revert=replace(owed, **changes))


def recovered(*entries: Entry, **changes: Any) -> Situation:
    """The target is well with its five replicas, and is watched."""
    workload = a_well_workload(replicas=5, updated_replicas=5, status_replicas=5, available_replicas=5)
    status = a_status(state="Monitoring", recovered_at=NOW - minutes(5), attempts=(an_attempt(action="scale"),))
    known: dict[str, Any] = {
        "remediation": a_remediation(status=status),
        "steps": (scale_step(),),
        "workload": workload,
        "signals": (),
        "budget": a_budget(*(entries or (lent(),))),
    }
    return a_situation(**(known | changes))


def asked(decision: Decision) -> list[Entry]:
    return [effect.entry for effect in decision.effects if isinstance(effect, Reserve)]


def settled(decision: Decision) -> list[str]:
    return [effect.attempt for effect in decision.effects if isinstance(effect, Settle) and effect.reverted]


def test_what_is_due_is_reserved_as_a_revert() -> None:
    (entry,) = asked(decide(recovered(), NOW))
    assert (entry.id, entry.kind) == (BACK, "Revert")


def test_the_value_from_before_is_pinned_and_written() -> None:
    reserved = an_entry(id=BACK, kind="Revert", outcome=None, outcome_at=None, settled_at=None)
    first = decide(recovered(lent(), reserved), NOW)
    attempt = first.status.attempts[-1]
    assert (attempt.id, attempt.kind, meant(attempt.changes), attempt.phase) == (
        BACK,
        "Revert",
        meant(scaled(2)),
        "Intended",
    )
    stored = recovered(lent(), reserved, remediation=a_remediation(status=first.status), never_sent=frozenset({BACK}))
    (write,) = [effect for effect in decide(stored, NOW).effects if isinstance(effect, Write)]
    assert (write.id, write.change) == (BACK, attempt.changes[0])


NOT_NOW = {
    "it is not due yet": recovered(lent(due_at=NOW + seconds(1))),
    "it was reverted": recovered(lent(done=True)),
    "the scale never happened": recovered(replace(lent(), outcome="Refused", refunded=True)),
    "the scale was given up": recovered(replace(lent(), outcome="Abandoned")),
    "the kill switch is on": recovered(budget=a_budget(lent(), spec=BudgetSpec(suspended=Suspension(reason="freeze")))),
    "the namespace is suspended": recovered(namespace_suspended="freeze"),
    "the time is not known": recovered(clock_age_seconds=61.0),
    "an older Remediation of the target is open, which does it under the same id": recovered(older_open="api-1"),
    "it waits for an alert that still fires": recovered(
        lent(due_at=None, when_resolved=True),
        remediation=a_remediation(
            status=a_status(state="Monitoring", recovered_at=NOW, evidence=(evidence_of(an_alert()),))
        ),
    ),
}


@pytest.mark.parametrize("situation", NOT_NOW.values(), ids=NOT_NOW)
def test_nothing_is_reverted_while(situation: Situation) -> None:
    decision = decide(situation, NOW)
    assert not asked(decision)
    assert not settled(decision)
    assert all(attempt.kind == "Act" for attempt in decision.status.attempts)


HELD_UP = {
    "by the kill switch": (
        recovered(budget=a_budget(lent(), spec=BudgetSpec(suspended=Suspension(reason="freeze")))),
        reasons.SUSPENDED,
    ),
    "by an older Remediation, which nobody can read, maybe": (recovered(older_open="poison"), reasons.TARGET_BUSY),
    "by an unknown time": (recovered(clock_age_seconds=61.0), reasons.CLOCK_UNKNOWN),
}


@pytest.mark.parametrize(("situation", "reason"), HELD_UP.values(), ids=HELD_UP)
def test_what_holds_up_a_revert_is_said_once(situation: Situation, reason: str) -> None:
    first = decide(situation, NOW)
    notes = [decision for decision in first.status.decisions if decision.by == "revert"]
    assert [(note.reason, note.count) for note in notes] == [(reason, 1)]
    assert notes[0].message.startswith("due, and not reverted yet: ")
    again = replace(situation, remediation=a_remediation(status=first.status))
    assert [
        decision for decision in decide(again, NOW + seconds(1)).status.decisions if decision.by == "revert"
    ] == notes


def test_another_cause_of_the_same_kind_is_said_anew() -> None:
    """The record names what holds it up now."""
    first = decide(recovered(older_open="poison"), NOW)
    again = decide(recovered(older_open="api-1", remediation=a_remediation(status=first.status)), NOW + seconds(1))
    (note,) = [decision for decision in again.status.decisions if decision.by == "revert"]
    assert (note.count, "remediation api-1 of" in note.message) == (2, True)


def test_a_revert_that_people_hold_up_does_not_spin() -> None:
    """It is due, and yet nothing is due by time: the next resync asks again."""
    again_at = decide(recovered(namespace_suspended="freeze"), NOW).again_at
    assert again_at is None or again_at > NOW


def test_it_is_due_when_the_alert_has_resolved() -> None:
    resolved = evidence_of(an_alert(), resolved_at=NOW - seconds(1))
    status = a_status(state="Monitoring", recovered_at=NOW, opened_at=NOW, evidence=(resolved,))
    situation = recovered(lent(due_at=None, when_resolved=True), remediation=a_remediation(status=status))
    assert [reservation.id for reservation in asked(decide(situation, NOW))] == [BACK]


def test_a_value_that_others_have_changed_is_left_alone() -> None:
    """And the obligation ends, with a word in the trace."""
    decision = decide(recovered(workload=a_well_workload(replicas=7)), NOW)
    assert not asked(decision)
    assert settled(decision) == ["rem-1/0/1"]
    assert decision.status.decisions[-1].reason == reasons.NOT_OURS_ANYMORE


LATER = lent(changes=scaled(5, before=4), due_at=NOW + minutes(10))
ABOVE = replace(LATER, id="rem-1/1/1", reserved_at=NOW - minutes(20))
BELOW = lent(changes=scaled(4))


def test_what_was_lent_on_top_of_it_goes_first() -> None:
    """Until then it is not ours, but it will be."""
    waits = decide(recovered(BELOW, ABOVE), NOW)
    assert (asked(waits), settled(waits)) == ([], [])
    both_due = decide(recovered(BELOW, ABOVE), NOW + minutes(10))
    assert [entry.id for entry in asked(both_due)] == ["rem-1/1/1/back"]


NOT_ON_TOP = {
    "is reverted already": replace(
        ABOVE, revert=replace(LATER.revert or PendingRevert(action="", changes=()), done=True)
    ),
    "never came to be": replace(ABOVE, outcome="Refused"),
    "is to last": replace(ABOVE, revert=None),
    "is older": replace(ABOVE, reserved_at=NOW - minutes(40)),
    "is of another workload": replace(ABOVE, target=replace(ABOVE.target, name="other")),
}


@pytest.mark.parametrize("other", NOT_ON_TOP.values(), ids=NOT_ON_TOP)
def test_nothing_is_waited_for_that(other: Entry) -> None:
    assert settled(decide(recovered(BELOW, other), NOW)) == ["rem-1/0/1"]


def test_a_value_without_its_record_is_for_people() -> None:
    """Whether it is still ours nobody can tell."""
    record = {"key": "A", "record": "platelet-values-1"}
    named = CONFIG_MAPS.named("api")
    pinned = PinnedChange(
        kind="SetConfigKey", object=named, uid="uid-1", before={"A": "1"}, meant={"A": "2"}, how=record
    )
    stored = {"metadata": {"name": "api", "uid": "uid-1", "resourceVersion": "1"}, "data": {"A": "x"}}
    decision = decide(recovered(lent(action="setConfig", changes=(pinned,)), objects={named: stored}), NOW)
    assert (decision.status.state, decision.status.reason) == ("Escalated", reasons.NOT_REVERTED)
    assert "the temporary setConfig was not reverted: the record platelet-values-1" in decision.status.message
    assert settled(decision) == ["rem-1/0/1"]


def test_what_may_not_be_read_is_waited_for_and_then_for_people_and_holds_up_no_other() -> None:
    """A role may have lost a rule; an API server that has just begun refuses what it will allow."""
    named = CONFIG_MAPS.named("api")
    how = {"key": "A", "record": "platelet-values-1"}
    pinned = PinnedChange(kind="SetConfigKey", object=named, uid="uid-1", before={"A": "1"}, meant={"A": "2"}, how=how)
    hidden = replace(lent(action="setConfig", changes=(pinned,)), id="rem-1/1/1")
    alone = recovered(hidden, unreadable=frozenset({named}))
    first = decide(alone, NOW + minutes(10))
    assert (asked(first), settled(first)) == ([], [])
    assert first.status.decisions[-1].message == "due, and not reverted yet: ConfigMap api may not be read any more"
    late = decide(alone, NOW + minutes(10) + seconds(1))
    assert (late.status.state, late.status.reason) == ("Escalated", reasons.NOT_REVERTED)
    assert [entry.id for entry in asked(decide(recovered(hidden, lent(), unreadable=frozenset({named})), NOW))] == [
        BACK
    ]


def test_what_was_reverted_is_told_to_the_budget() -> None:
    done = an_attempt(id=BACK, kind="Revert", action="scale")
    status = a_status(state="Monitoring", recovered_at=NOW - minutes(5), attempts=(done,))
    decision = decide(recovered(remediation=a_remediation(status=status)), NOW)
    assert "rem-1/0/1" in settled(decision)
    assert not asked(decision)


def test_a_deleted_target_owes_nothing() -> None:
    """One that is created anew has replicas of its own; the budget must not remember the debt for ever."""
    decision = decide(recovered(workload=None), NOW)
    assert (decision.status.state, decision.status.reason) == ("Closed", reasons.TARGET_GONE)
    assert settled(decision) == ["rem-1/0/1"]
    assert obligations.owed([replace(a_remediation(), status=decision.status)]) == ()


def test_a_deleted_target_owes_nothing_to_a_budget_that_is_made_anew() -> None:
    """Else its Remediation would be kept for ever."""
    attempt = an_attempt(id="rem-1/0/1", revert=Revert(due_at=NOW))
    indebted = a_remediation(status=a_status(state="Monitoring", attempts=(attempt,)))
    closed = decide(a_situation(remediation=indebted, workload=None, budget=a_budget()), NOW).status
    assert obligations.owed([a_remediation(status=closed)]) == ()


def test_an_incident_is_not_closed_while_something_is_to_be_reverted() -> None:
    status = a_status(state="Monitoring", recovered_at=NOW - minutes(60))
    situation = recovered(lent(due_at=NOW + minutes(5)), remediation=a_remediation(status=status))
    decision = decide(situation, NOW)
    assert decision.status.state == "Monitoring"
    assert decision.again_at == NOW + minutes(5)


def test_the_debt_of_an_earlier_remediation_is_paid_by_the_open_one() -> None:
    """The obligation outlives its Remediation."""
    situation = recovered(replace(lent(), id="rem-0/0/1"))
    assert [reservation.id for reservation in asked(decide(situation, NOW))] == ["rem-0/0/1/back"]


def test_an_observing_remediation_takes_nothing_back() -> None:
    situation = recovered()
    spec = replace(situation.remediation.spec, mode="Observe")
    observing = replace(situation, remediation=replace(situation.remediation, spec=spec))
    assert not asked(decide(observing, NOW))


def leaving(how: Leaving, **changes: Any) -> Situation:
    """People are about to remove platelet, and what was lent is due in an hour only."""
    spec = BudgetSpec(suspended=Suspension(reason="uninstall", leaving=how))
    return recovered(budget=a_budget(lent(due_at=NOW + minutes(60)), spec=spec), **changes)


def test_what_was_lent_is_reverted_at_once_when_platelet_is_about_to_be_removed() -> None:
    """Whatever else is suspended: nobody would revert it later."""
    (entry,) = asked(decide(leaving("Revert", namespace_suspended="freeze"), NOW))
    assert (entry.id, entry.kind) == (BACK, "Revert")


def test_a_value_that_others_have_changed_is_left_alone_by_a_removal_too() -> None:
    decision = decide(leaving("Revert", workload=a_well_workload(replicas=7)), NOW)
    assert (asked(decision), settled(decision)) == ([], ["rem-1/0/1"])


def test_a_verification_is_broken_off_by_a_removal_so_that_what_was_lent_goes_back_at_once() -> None:
    """It could take a quarter of an hour, and prove what is reverted."""
    attempt = an_attempt(action="scale", verdict=None)
    status = a_status(state="Verifying", verifying=Verifying(started_at=NOW), attempts=(attempt,))
    decision = decide(leaving("Revert", remediation=a_remediation(status=status)), NOW)
    assert (decision.status.state, decision.status.attempts[0].verdict) == ("Waiting", "Inconclusive")
    again = leaving("Revert", remediation=a_remediation(status=decision.status))
    assert [reservation.id for reservation in asked(decide(again, NOW))] == [BACK]


@pytest.mark.parametrize("state", ["Monitoring", "Verifying", "Escalated"])
def test_what_people_let_stay_is_settled_and_not_written(state: State) -> None:
    situation = leaving("Drop", remediation=a_remediation(status=a_status(state=state)))
    decision = decide(situation, NOW)
    assert (asked(decision), settled(decision)) == ([], ["rem-1/0/1"])
    assert not [effect for effect in decision.effects if isinstance(effect, Write)]
    assert decision.status.decisions[-1].reason == reasons.NOT_REVERTED


@pytest.mark.parametrize(("kind", "granted"), [("Revert", True), ("Act", False)])
def test_a_removal_lets_reverts_through_the_kill_switch_and_nothing_else(kind: EntryKind, granted: bool) -> None:  # noqa: FBT001 - a table
    situation = leaving("Revert")
    assert situation.budget is not None
    budget = replace(situation.budget, status=replace(situation.budget.status, epoch=1))
    entry = an_entry(id=BACK, kind=kind, epoch=1, outcome=None, outcome_at=None, settled_at=None)
    answer = reservation.reserve(budget, entry, situation, NOW)
    assert isinstance(answer, Deny) is not granted


@pytest.mark.parametrize("kind", ["Act", "Revert"])
def test_what_was_intended_is_not_sent_under_an_autoscaler_that_came_since(kind: EntryKind) -> None:
    """Between the intent and the write, too, a number of replicas belongs to whoever scales the workload."""
    intent = an_attempt(
        id=BACK,
        kind=kind,
        action="scale",
        phase="Intended",
        pre=PreState(uid="uid-api", generation=2, template_hash=GOOD, replicas=5),
        changes=scaled(2, before=5),
        intended_at=NOW,
    )
    status = a_status(state="Monitoring", recovered_at=NOW - minutes(5), attempts=(intent,))
    situation = recovered(remediation=a_remediation(status=status), never_sent=frozenset({BACK}))
    assert [type(effect) for effect in decide(situation, NOW).effects] == [Write]
    taken = decide(change(situation, autoscalers=(an_autoscaler(),)), NOW)
    assert not any(isinstance(effect, Write) for effect in taken.effects)
    assert [attempt.phase for attempt in taken.status.attempts] == ["Superseded"]
