"""GUARD and INTEND: the step that applies, the brakes, the place on the budget, the pinned plan."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.budget import BudgetSpec, Entry, PendingRevert
from platelet.model.effects import Reserve, Settle
from platelet.model.intent import TEMPLATE
from platelet.model.policy import Rate, Step
from platelet.model.situation import Situation
from tests.unit.core.runbooks import restart_step, scale_step, undo_step
from tests.unit.pins import meant, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_budget,
    a_policy,
    a_record,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
    an_entry,
    limits,
    minutes,
    seconds,
)


def waiting(*steps: Step, **changes: Any) -> Situation:
    return a_situation(**({"steps": steps or (undo_step(),)} | changes))


def place(**changes: Any) -> Entry:
    """What this leader holds for the first step."""
    held = an_entry(id="rem-1/0/1", reserved_at=NOW - seconds(1), outcome=None, outcome_at=None, settled_at=None)
    return replace(held, **changes)


def asked(decision: Decision) -> list[Entry]:
    return [effect.entry for effect in decision.effects if isinstance(effect, Reserve)]


def test_a_place_is_asked_for_before_anything_is_intended() -> None:
    decision = decide(waiting(), NOW)
    (entry,) = asked(decision)
    assert (entry.id, entry.kind, entry.epoch, entry.policy) == ("rem-1/0/1", "Act", 1, "shop/heal-api")
    assert not decision.status.attempts


def test_with_a_place_the_plan_is_pinned() -> None:
    """Pre-state and post-state are on record before the write."""
    decision = decide(waiting(budget=a_budget(place())), NOW)
    assert not asked(decision)
    (attempt,) = decision.status.attempts
    assert (attempt.id, attempt.phase, decision.status.state) == ("rem-1/0/1", "Intended", "Acting")
    assert (attempt.pre.uid, attempt.pre.generation, attempt.pre.template_hash) == ("uid-api", 2, BAD)
    assert (attempt.changes[0].meant, attempt.changes[0].record) == ({TEMPLATE: GOOD}, "api-good")


NOT_OURS_TO_USE = {
    "an earlier leader's": place(epoch=0),
    "one that has ended": place(outcome="Abandoned", outcome_at=NOW - seconds(1)),
    "that of another step": place(id="rem-1/1/1"),
    "another remediation's": place(id="rem-2/0/1", policy="shop/other", target=replace(place().target, name="other")),
    "a revert's": place(id="rem-1/0/1", kind="Revert"),
}


@pytest.mark.parametrize("entry", NOT_OURS_TO_USE.values(), ids=NOT_OURS_TO_USE)
def test_no_intent_is_made_under_a_place_that_is_not_ours_now(entry: Entry) -> None:
    roomy = a_policy(limits=limits(cooldown=timedelta(), max_concurrent=9, rate=Rate(max_actions=9, per=minutes(60))))
    assert not decide(waiting(budget=a_budget(entry), policy=roomy), NOW).status.attempts


STOPPED = {
    "by the kill switch": ({"budget": None}, reasons.BUDGET_UNREADABLE),
    "by people on the namespace": ({"namespace_suspended": "freeze"}, reasons.SUSPENDED),
    "by a limit": (
        {
            "budget": a_budget(
                an_entry(target=replace(place().target, name="b")),
                spec=BudgetSpec(limits=(Rate(max_actions=1, per=minutes(60)),)),
            )
        },
        reasons.OPERATOR_RATE_LIMITED,
    ),
    "by the cooldown": ({"budget": a_budget(an_entry(outcome_at=NOW - minutes(1)))}, reasons.COOLDOWN),
    "by a pause": ({"workload": a_workload(paused=True)}, reasons.PAUSED),
    "by a signal that is too young": ({"signals": (a_signal(holds_at=NOW + seconds(1)),)}, reasons.TOO_YOUNG),
    "by an older remediation": ({"older_open": "deployment-api-0"}, reasons.TARGET_BUSY),
}


@pytest.mark.parametrize(("changes", "reason"), STOPPED.values(), ids=STOPPED)
def test_a_no_is_on_record_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    """I27: in the status, in the trace, and nothing is done."""
    decision = decide(waiting(**changes), NOW)
    status = decision.status
    assert not decision.effects
    assert status.waiting is not None
    assert (status.waiting.reason, status.reason, status.decisions[-1].reason) == (reason, reason, reason)
    assert status.state == "Waiting"


@pytest.mark.parametrize(("changes", "reason"), STOPPED.values(), ids=STOPPED)
def test_a_no_that_comes_after_the_reservation_holds_too(changes: dict[str, Any], reason: str) -> None:
    """The guards are asked again before the intent: the kill switch between the two stops it."""
    budget = changes.get("budget", a_budget())
    budget = budget and replace(budget, status=replace(budget.status, entries=(*budget.status.entries, place())))
    decision = decide(waiting(**{**changes, "budget": budget}), NOW)
    if reason == reasons.OPERATOR_RATE_LIMITED:
        assert not asked(decision)
        return
    assert not decision.status.attempts, reason


def test_a_young_signal_is_asked_again_when_it_holds() -> None:
    holds_at = NOW + seconds(20)
    assert decide(waiting(signals=(a_signal(holds_at=holds_at),)), NOW).again_at == holds_at


def test_people_are_called_after_give_up_after_with_the_last_no() -> None:
    """Waiting is bounded; whoever is called sees at once what stood in the way."""
    first = decide(waiting(namespace_suspended="freeze"), NOW).status
    assert first.waiting_since == NOW
    situation = waiting(namespace_suspended="freeze", remediation=a_remediation(status=first))
    later = decide(situation, NOW + timedelta(hours=2))
    assert (later.status.state, later.status.reason) == ("Escalated", reasons.GAVE_UP)
    assert "Suspended" in later.status.message
    assert decide(situation, NOW + timedelta(hours=2) - seconds(1)).status.state == "Waiting"


def test_a_condition_that_is_false_passes_the_step_over_and_says_so() -> None:
    never = 'signal.source == "alert"'
    decision = decide(waiting(undo_step(when=never), restart_step()), NOW)
    (entry,) = asked(decision)
    assert entry.id == "rem-1/1/1"
    assert reasons.CONDITION_FALSE in {note.reason for note in decision.status.decisions}


def test_a_condition_that_is_not_understood_is_no_yes() -> None:
    decision = decide(waiting(undo_step(when="1 +"), restart_step()), NOW)
    assert [entry.id for entry in asked(decision)] == ["rem-1/1/1"]
    assert reasons.CONDITION_ERROR in {note.reason for note in decision.status.decisions}


def test_a_condition_is_not_asked_before_the_signal_counts() -> None:
    """A step is not passed over before its time."""
    young = waiting(undo_step(when="false"), restart_step(), signals=(a_signal(holds_at=NOW + seconds(9)),))
    assert decide(young, NOW).status.step == 0


def test_an_action_that_refuses_is_passed_over() -> None:
    """Without positive evidence an undo does not guess (DESIGN 3.5)."""
    decision = decide(waiting(records=(a_record(BAD, health="Unknown"),), steps=(undo_step(), restart_step())), NOW)
    assert not decision.effects
    assert (decision.status.step, decision.status.decisions[-1].reason) == (1, reasons.NO_HEALTHY_REVISION)


def test_when_no_step_is_left_people_have_it() -> None:
    decision = decide(waiting(remediation=a_remediation(status=a_status(step=1))), NOW)
    assert (decision.status.state, decision.status.reason) == ("Escalated", reasons.NO_STEP_LEFT)
    assert decision.status.escalation is not None
    assert not decision.status.attempts


def test_three_tries_that_came_to_nothing_are_enough_for_a_step() -> None:
    """No fourth id: the next step, or people (I14)."""
    tries = tuple(an_attempt(id=f"rem-1/0/{number}", phase="Superseded") for number in (1, 2, 3))
    decision = decide(
        waiting(undo_step(), restart_step(), remediation=a_remediation(status=a_status(attempts=tries))), NOW
    )
    assert (asked(decision), decision.status.step) == ([], 1)


def test_two_writes_of_unknown_outcome_are_for_people_and_count_until_they_hand_it_back() -> None:
    lost = tuple(
        an_attempt(id=f"rem-1/0/{n}", phase="Unknown", intended_at=NOW - minutes(30 - n), message="timed out")
        for n in (1, 2)
    )
    status = decide(waiting(remediation=a_remediation(status=a_status(attempts=lost))), NOW).status
    assert (status.state, status.reason) == ("Escalated", reasons.UNKNOWN_OUTCOME)
    back = a_status(attempts=lost, handed_back_at=NOW - minutes(1))
    anew = decide(waiting(remediation=a_remediation(status=back)), NOW).status
    assert (anew.state, anew.reason) != ("Escalated", reasons.UNKNOWN_OUTCOME)


def test_a_place_for_other_replicas_than_now_is_given_up() -> None:
    """Its obligation speaks of a number that is no longer what a revert should restore."""
    lent = PendingRevert(action="scale", changes=scaled(5, before=2))
    situation = waiting(scale_step(), budget=a_budget(place(revert=lent)), workload=a_workload(replicas=3))
    (effect,) = decide(situation, NOW).effects
    assert isinstance(effect, Settle)
    assert (effect.attempt, effect.outcome, effect.refunded) == ("rem-1/0/1", "Abandoned", False)


def test_a_temporary_scale_leaves_its_obligation_on_the_budget() -> None:
    """Deleting the Remediation does not lose it."""
    (entry,) = asked(decide(waiting(scale_step()), NOW))
    assert entry.revert is not None
    assert entry.revert.changes == scaled(5, before=2)
    assert entry.revert.due_at == NOW + minutes(10)


def test_an_intent_sets_what_its_obligation_says() -> None:
    """Whatever the plan would say now, the revert restores what was reserved."""
    lent = PendingRevert(action="scale", changes=scaled(4, before=2))
    situation = waiting(scale_step(), budget=a_budget(place(revert=lent)))
    (attempt,) = decide(situation, NOW).status.attempts
    assert meant(attempt.changes) == meant(scaled(4))
