"""An attempt of several changes: one after the other, each once, and nothing stays half-way."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.changes import evicted_pod
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.change import Patch
from platelet.model.effects import Settle, Write
from platelet.model.intent import REPLICAS, TEMPLATE
from platelet.model.remediation import Attempt
from platelet.model.situation import Situation, StoredWrite, WriteFailure
from platelet.model.workload import Owner, Pod, Workload
from tests.unit.pins import meant, restored, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_budget,
    a_pod,
    a_remediation,
    a_sick_pod,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
    an_entry,
    minutes,
    seconds,
)

ID = "rem-1/0/1"
FIRST, SECOND = f"{ID}/change-1", f"{ID}/change-2"
BOTH = (*restored(GOOD, "api-good"), *scaled(5))
BEGUN = an_attempt(id=ID, phase="Intended", intended_at=NOW - seconds(1), outcome_at=None, changes=BOTH)
HALF = replace(BEGUN, made=1, changes=(BOTH[0], replace(BOTH[1], version="3")))
UNDONE = a_workload(template_hash=GOOD, generation=3, resource_version="110")


def acting(attempt: Attempt, workload: Workload, *, sent: bool = False, **changes: Any) -> Situation:
    """The intent is on record; `sent`: this process does not know that the write never left."""
    place = an_entry(id=ID, outcome=None, outcome_at=None, settled_at=None, reserved_at=NOW - seconds(2))
    known: dict[str, Any] = {
        "remediation": a_remediation(status=a_status(state="Acting", attempts=(attempt,))),
        "budget": a_budget(place),
        "workload": workload,
        "never_sent": frozenset() if sent else frozenset({attempt.write_id}),
    }
    return a_situation(**(known | changes))


def sent_by(decision: Decision) -> list[str]:
    return [effect.id for effect in decision.effects if isinstance(effect, Write)]


def test_the_first_is_sent_alone() -> None:
    assert sent_by(decide(acting(BEGUN, a_workload()), NOW)) == [FIRST]


def test_when_the_first_is_made_the_second_is_pinned_anew() -> None:
    """The first was a write on the same object: its version has moved by our own hand."""
    stored = StoredWrite(attempt=FIRST, values={TEMPLATE: GOOD}, template_hash=GOOD)
    decision = decide(acting(BEGUN, UNDONE, sent=True, stored=stored), NOW)
    (attempt,) = decision.status.attempts
    assert sent_by(decision) == []
    assert (attempt.phase, attempt.made, decision.status.state) == ("Intended", 1, "Acting")
    assert (attempt.write_id, attempt.present.version) == (SECOND, "3")


def test_the_second_is_sent_on_what_the_first_has_left() -> None:
    assert sent_by(decide(acting(HALF, UNDONE), NOW)) == [SECOND]


def test_after_a_crash_only_the_one_that_was_under_way_is_sent_again() -> None:
    """And only if nothing was written on its object since."""
    assert sent_by(decide(acting(HALF, UNDONE, sent=True), NOW)) == [SECOND]
    moved = decide(acting(HALF, replace(UNDONE, generation=4), sent=True), NOW)
    assert sent_by(moved) == []
    assert moved.status.attempts[0].phase == "Unknown"


def test_with_the_last_one_the_attempt_is_done() -> None:
    stored = StoredWrite(attempt=SECOND, values={REPLICAS: "5"})
    decision = decide(acting(HALF, replace(UNDONE, replicas=5), sent=True, stored=stored), NOW)
    (attempt,) = decision.status.attempts
    assert (attempt.phase, decision.status.state) == ("Done", "Verifying")
    assert meant(attempt.landed) == meant(BOTH)


REFUSED = WriteFailure(attempt=SECOND, code=403, message="no")
STOPPED: dict[str, tuple[Situation, int]] = {
    "it was refused": (acting(HALF, UNDONE, sent=True, failure=REFUSED), 1),
    "others have scaled in between": (acting(HALF, replace(UNDONE, replicas=7)), 1),
    "others have released in between": (acting(HALF, replace(UNDONE, template_hash="third")), 1),
    "people have suspended us in between": (acting(HALF, UNDONE, namespace_suspended="freeze"), 1),
    "it came too late": (acting(replace(HALF, intended_at=NOW - minutes(5)), UNDONE), 1),
    "its answer was lost, and others have written since": (acting(HALF, replace(UNDONE, replicas=7), sent=True), 2),
}


@pytest.mark.parametrize(("situation", "landed"), STOPPED.values(), ids=STOPPED)
def test_where_the_second_comes_to_nothing_what_was_made_is_reverted(situation: Situation, landed: int) -> None:
    """The attempt has had an effect: its place is not refunded, whatever the answer was."""
    decision = decide(situation, NOW)
    (attempt,) = decision.status.attempts
    assert sent_by(decision) == []
    assert (attempt.phase, decision.status.reverting, decision.status.step) == ("Unknown", ID, 1)
    assert meant(attempt.landed) == meant(BOTH[:landed])
    recorded = replace(situation, remediation=a_remediation(status=decision.status))
    settled = [effect for effect in decide(recorded, NOW).effects if isinstance(effect, Settle)]
    assert [(effect.outcome, effect.refunded) for effect in settled] == [("Unknown", False)]


def test_the_last_one_is_reverted_first() -> None:
    done = replace(HALF, phase="Done", verdict="Failed")
    status = a_status(state="Waiting", step=1, reverting=ID, attempts=(done,))
    place = an_entry(id=f"{ID}/back", kind="Revert", outcome=None, outcome_at=None, settled_at=None)
    healthy = replace(a_situation().snapshot.records[0], ever_healthy=True, health="Suspect")
    situation = a_situation(
        remediation=a_remediation(status=status),
        workload=replace(UNDONE, replicas=5),
        budget=a_budget(place),
        records=(healthy, a_situation().snapshot.records[1]),
    )
    back = decide(situation, NOW).status.attempts[-1]
    assert (back.id, back.kind) == (f"{ID}/back", "Revert")
    assert meant(back.changes) == meant((*scaled(2), *restored(BAD)))


def test_one_change_has_the_id_of_its_attempt() -> None:
    """As it always had: what is counted in an audit log by then goes on."""
    assert an_attempt(id=ID).write_id == ID


EVICTED = tuple(replace(evicted_pod.of(a_pod(name)), before={"pod": "there"}, version=f"uid-{name}") for name in "ab")
ONE_EVICTED = replace(BEGUN, made=1, action="evictPods", changes=EVICTED)
OWNER = Owner(api_version="apps/v1", kind="ReplicaSet", name="api-2", uid="uid-rs-2")
LEFT = a_sick_pod("b", owner=OWNER)
HELD_UP: dict[str, tuple[Pod, Any]] = {
    "it was refused": (LEFT, {"failure": REFUSED}),
    "it is ready again": (replace(LEFT, ready=True), {}),
    "it belongs to nobody by now": (replace(LEFT, owner=None), {}),
}


@pytest.mark.parametrize(("pod", "known"), HELD_UP.values(), ids=HELD_UP)
def test_of_evictions_what_is_made_stays_and_is_proven(pod: Pod, known: Any) -> None:
    """There is nothing to revert, and nothing unknown about the pod that is still there."""
    decision = decide(acting(ONE_EVICTED, a_workload(), sent=True, pods=(pod,), **known), NOW)
    (attempt,) = decision.status.attempts
    assert (attempt.phase, decision.status.state, decision.status.reverting) == ("Done", "Verifying", "")
    assert attempt.changes == EVICTED[:1]
    assert "change 2 of 2 was not made" in attempt.message


def test_an_eviction_without_an_answer_is_made_where_its_uid_is_gone() -> None:
    decision = decide(acting(ONE_EVICTED, a_workload(), sent=True, pods=(a_sick_pod("b", uid="uid-next"),)), NOW)
    assert (decision.status.attempts[0].phase, len(decision.status.attempts[0].landed)) == ("Done", 2)


def test_an_eviction_without_an_answer_is_sent_again_where_its_uid_is_there() -> None:
    """Whatever was written on the pod since: a uid goes but once."""
    moved = replace(LEFT, resource_version="99")
    decision = decide(acting(ONE_EVICTED, a_workload(), sent=True, pods=(moved,)), NOW)
    (write,) = [effect for effect in decision.effects if isinstance(effect, Write)]
    assert isinstance(write.patch, Patch)
    assert isinstance(write.patch.body, dict)
    assert write.patch.body["deleteOptions"]["preconditions"] == {"uid": "uid-b", "resourceVersion": "99"}


def test_a_write_that_is_turned_away_for_now_is_tried_again_and_says_why() -> None:
    away = WriteFailure(attempt=SECOND, code=429, message="it would violate the disruption budget")
    decision = decide(acting(ONE_EVICTED, a_workload(), sent=True, pods=(LEFT,), failure=away), NOW)
    assert sent_by(decision) == [SECOND]
    assert decision.status.attempts == (ONE_EVICTED,)
    assert (decision.status.reason, away.message in decision.status.message) == (reasons.TURNED_AWAY, True)


def test_a_single_eviction_that_was_turned_away_for_too_long_was_surely_not_made() -> None:
    away = WriteFailure(attempt=ID, code=429, message="it would violate the disruption budget")
    alone = replace(BEGUN, action="evictPods", changes=EVICTED[1:], intended_at=NOW - minutes(3))
    decision = decide(acting(alone, a_workload(), sent=True, pods=(LEFT,), failure=away), NOW)
    assert (decision.status.attempts[0].phase, decision.status.state) == ("Superseded", "Waiting")
    assert away.message in decision.status.attempts[0].message
