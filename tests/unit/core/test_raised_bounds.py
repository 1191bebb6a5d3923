"""The attempt protocol on an autoscaler: the same promises as on the workload, for the object that is written."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.checks import rollout_complete
from platelet.core import target_state
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.autoscaler import Autoscaler
from platelet.model.budget import Entry, PendingRevert
from platelet.model.effects import Reserve, Settle, Write
from platelet.model.policy import Verification
from platelet.model.remediation import Attempt
from platelet.model.rules import Trial
from platelet.model.situation import Situation
from tests.unit.core.runbooks import scale_step
from tests.unit.pins import bounds_set, precondition
from tests.unit.situations import (
    NOW,
    SCALE,
    a_budget,
    a_remediation,
    a_situation,
    a_status,
    a_well_workload,
    a_workload,
    an_alert,
    an_attempt,
    an_autoscaler,
    an_entry,
    bounds,
    minutes,
    seconds,
    verifying,
)

ID = "rem-1/0/1"
BEFORE, RAISED = bounds(2, 10), bounds(8, 10)
INTENDED = an_attempt(
    id=ID,
    action="scale",
    phase="Intended",
    intended_at=NOW - seconds(1),
    outcome_at=None,
    pre=target_state.pin(a_workload()),
    changes=bounds_set(RAISED, BEFORE, version=an_autoscaler(BEFORE).resource_version),
)
DONE = replace(INTENDED, phase="Done")
LENT = PendingRevert(action="scale", changes=bounds_set(RAISED, BEFORE), uid="uid-api", due_at=NOW)


def acting(*autoscalers: Autoscaler, sent: bool = False, **changes: Any) -> Situation:
    place = an_entry(id=ID, outcome=None, outcome_at=None, settled_at=None, reserved_at=NOW - seconds(2), revert=LENT)
    known: dict[str, Any] = {
        "remediation": a_remediation(status=a_status(state="Acting", attempts=(INTENDED,))),
        "budget": a_budget(place),
        "never_sent": frozenset() if sent else frozenset({ID}),
        "autoscalers": autoscalers,
    }
    return a_situation(**(known | changes))


def sent_by(decision: Decision) -> list[Write]:
    return [effect for effect in decision.effects if isinstance(effect, Write)]


def outcome(decision: Decision) -> tuple[str, str]:
    attempt = decision.status.attempts[0]
    return attempt.phase, decision.status.state


def test_the_write_goes_to_the_autoscaler_with_its_own_version() -> None:
    (write,) = sent_by(decide(acting(an_autoscaler(BEFORE, resource_version="77")), NOW))
    assert (precondition(write), write.change) == (("uid-hpa", "77"), INTENDED.changes[0])


def test_that_the_autoscaler_has_moved_the_replicas_meanwhile_is_no_other_meaning() -> None:
    """It does so all the time."""
    assert sent_by(decide(acting(an_autoscaler(BEFORE), workload=a_workload(replicas=4, generation=9)), NOW))


OTHERS = {
    "others have raised its maximum": an_autoscaler(bounds(2, 30)),
    "it was made anew": an_autoscaler(bounds(2, 10, uid="uid-new")),
    "it is being deleted": an_autoscaler(BEFORE, deleting=True),
    "people have paused it": an_autoscaler(BEFORE, unusable="paused"),
}


@pytest.mark.parametrize("sent", [False, True], ids=["never sent", "perhaps sent"])
@pytest.mark.parametrize("autoscaler", OTHERS.values(), ids=OTHERS)
def test_nothing_is_sent_on_another_meaning(autoscaler: Autoscaler, sent: bool) -> None:  # noqa: FBT001 - a table's column
    decision = decide(acting(autoscaler, sent=sent), NOW)
    assert sent_by(decision) == []
    assert outcome(decision) == ("Unknown" if sent else "Superseded", "Waiting")


def test_an_autoscaler_that_is_gone_is_another_meaning() -> None:
    assert outcome(decide(acting(), NOW)) == ("Superseded", "Waiting")


def test_after_a_crash_it_is_sent_again_only_if_the_version_proves_that_nothing_was_written() -> None:
    """An autoscaler has no generation, and its controller moves the version, too: then nobody can tell."""
    assert sent_by(decide(acting(an_autoscaler(BEFORE), sent=True), NOW))
    moved = decide(acting(an_autoscaler(BEFORE, resource_version="51"), sent=True), NOW)
    assert sent_by(moved) == []
    assert outcome(moved) == ("Unknown", "Waiting")


@pytest.mark.parametrize("sent", [False, True], ids=["never sent", "perhaps sent"])
def test_what_has_landed_is_recorded(sent: bool) -> None:  # noqa: FBT001 - a table's column
    decision = decide(acting(an_autoscaler(RAISED, resource_version="60"), sent=sent), NOW)
    assert sent_by(decision) == []
    assert outcome(decision) == ("Done", "Verifying")


def test_the_place_remembers_both_bounds_before_anything_is_written() -> None:
    """So that they come back although the Remediation was deleted."""
    waiting = a_situation(
        steps=(scale_step(to=8, autoscaler="HorizontalPodAutoscaler"),),
        action=SCALE,
        autoscalers=(an_autoscaler(BEFORE),),
        signals=(an_alert(),),
        workload=a_well_workload(replicas=5, updated_replicas=5, status_replicas=5, available_replicas=5),
        remediation=a_remediation(status=a_status(evidence=())),
    )
    (reserve,) = [effect for effect in decide(waiting, NOW).effects if isinstance(effect, Reserve)]
    lent = reserve.entry.revert
    assert lent is not None
    assert lent.changes == bounds_set(RAISED, BEFORE, version=an_autoscaler(BEFORE).resource_version)


def recovered(*autoscalers: Autoscaler, entries: tuple[Entry, ...] = ()) -> Situation:
    """Raised ten minutes ago, due now."""
    done = an_attempt(id=ID, action="scale", pre=INTENDED.pre, changes=INTENDED.changes, verdict="Recovered")
    return a_situation(
        remediation=a_remediation(
            status=a_status(state="Monitoring", recovered_at=NOW - minutes(5), attempts=(done,), evidence=())
        ),
        steps=(scale_step(),),
        workload=a_well_workload(replicas=8, updated_replicas=8, status_replicas=8, available_replicas=8),
        signals=(),
        budget=a_budget(an_entry(id=ID, revert=LENT), *entries),
        autoscalers=autoscalers,
    )


def test_both_bounds_are_given_back_under_an_attempt_of_their_own() -> None:
    (reserve,) = [e for e in decide(recovered(an_autoscaler(RAISED)), NOW).effects if isinstance(e, Reserve)]
    assert (reserve.entry.id, reserve.entry.kind) == (f"{ID}/back", "Revert")
    held = an_entry(id=f"{ID}/back", kind="Revert", outcome=None, outcome_at=None, settled_at=None)
    intended = decide(recovered(an_autoscaler(RAISED, resource_version="70"), entries=(held,)), NOW)
    attempt = intended.status.attempts[-1]
    assert attempt.changes == bounds_set(BEFORE, RAISED, version="70")
    assert "from 8-10 replicas of HorizontalPodAutoscaler api-hpa to 2-10" in attempt.summary


LEFT_ALONE = {
    "others have changed one of them": (an_autoscaler(bounds(8, 30)), "8-30"),
    "others have put them back": (an_autoscaler(BEFORE), "2-10"),
    "it was made anew": (an_autoscaler(bounds(8, 10, uid="uid-new")), "gone"),
}


@pytest.mark.parametrize(("autoscaler", "words"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_not_ours_any_more_is_left_alone(autoscaler: Autoscaler, words: str) -> None:
    decision = decide(recovered(autoscaler), NOW)
    assert [effect.attempt for effect in decision.effects if isinstance(effect, Settle) and effect.reverted] == [ID]
    noted = decision.status.decisions[-1]
    assert noted.reason == reasons.NOT_OURS_ANYMORE
    assert words in noted.message


def judged(autoscaler: Autoscaler | None, replicas: int, attempt: Attempt = DONE) -> str:
    """Judge the rollout: a workload that is all well with so many replicas."""
    well = a_well_workload(
        replicas=replicas, updated_replicas=replicas, status_replicas=replicas, available_replicas=replicas
    )
    situation = a_situation(workload=well, autoscalers=(autoscaler,) if autoscaler else (), revisions=())
    trial = Trial(situation=situation, verification=Verification(), verifying=verifying(), attempt=attempt)
    verdict = rollout_complete.check(trial, NOW)
    return f"{verdict.outcome} {verdict.reason}"


def test_it_has_arrived_when_the_autoscaler_has_followed() -> None:
    """Not while the old number runs well."""
    assert judged(an_autoscaler(RAISED), 5) == f"Pending {reasons.ROLLOUT_INCOMPLETE}"
    assert judged(an_autoscaler(RAISED), 8) == f"Recovered {reasons.RECOVERED}"
    assert judged(an_autoscaler(bounds(9, 40)), 9) == f"Recovered {reasons.RECOVERED}"


@pytest.mark.parametrize(
    "autoscaler",
    [
        pytest.param(an_autoscaler(BEFORE), id="put back"),
        pytest.param(an_autoscaler(bounds(8, 9)), id="the maximum lowered"),
        pytest.param(None, id="deleted"),
    ],
)
def test_others_who_take_it_back_are_noticed(autoscaler: Autoscaler | None) -> None:
    """Two who undo each other: people decide (TRAPS 14)."""
    assert judged(autoscaler, 8) == f"Failed {reasons.REVERTED_BY_OTHERS}"
