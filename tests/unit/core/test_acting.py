"""ACT: one write per attempt, and what a crash or a lost answer leaves."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import target_state
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Reserve, Write
from platelet.model.intent import REPLICAS, RESTART_STAMP, TEMPLATE, Values
from platelet.model.maintenance import MaintenanceWindow
from platelet.model.remediation import Attempt
from platelet.model.situation import Situation, StoredWrite, WriteFailure
from tests.unit.core.runbooks import undo_step
from tests.unit.pins import Changes, precondition, restarted, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_budget,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
    an_entry,
    change,
    limits,
    minutes,
    seconds,
)

ID = "rem-1/0/1"
STAMP = "2026-11-21T11:59:59Z"


def intended(changes: Changes = (), **pre: Any) -> Attempt:
    done = an_attempt()
    return replace(
        done,
        phase="Intended",
        intended_at=NOW - seconds(1),
        outcome_at=None,
        pre=replace(done.pre, **pre),
        changes=changes or done.changes,
    )


def acting(attempt: Attempt, *, sent: bool = False, **changes: Any) -> Situation:
    """The intent is on record; `sent`: this process does not know that the write never left."""
    remediation = a_remediation(status=a_status(state="Acting", attempts=(attempt,)))
    place = an_entry(id=ID, outcome=None, outcome_at=None, settled_at=None, reserved_at=NOW - seconds(2))
    known: dict[str, Any] = {
        "remediation": remediation,
        "budget": a_budget(place),
        "never_sent": frozenset() if sent else frozenset({ID}),
    }
    return a_situation(**(known | changes))


def sent_by(decision: Decision) -> list[Write]:
    return [effect for effect in decision.effects if isinstance(effect, Write)]


UNDO, RESTART, SCALE = intended(), intended(restarted(STAMP)), intended(scaled(5))
GOES_OUT = {
    "an undo on what it was planned on": acting(UNDO),
    "a restart on what it was planned on": acting(RESTART),
    "a scale on what it was planned on": acting(SCALE),
    "after an annotation by others, if it was never sent": acting(UNDO, workload=a_workload(generation=9)),
    "an undo after others have scaled": acting(UNDO, workload=a_workload(replicas=7)),
    "a scale on a paused workload": acting(SCALE, workload=a_workload(paused=True)),
    "again after a crash, when nothing was written since": acting(UNDO, sent=True),
    "again after a crash, when only the status has moved": acting(
        UNDO, sent=True, workload=a_workload(resource_version="200", available_replicas=1)
    ),
}


@pytest.mark.parametrize("situation", GOES_OUT.values(), ids=GOES_OUT)
def test_the_pinned_write_goes_out(situation: Situation) -> None:
    """Once, with the resourceVersion and the uid just read; the status stays until the outcome is seen."""
    decision = decide(situation, NOW)
    (write,) = sent_by(decision)
    workload, attempt = situation.snapshot.workload, situation.remediation.status.attempts[0]
    assert workload is not None
    assert (write.id, precondition(write)) == (ID, (workload.uid, workload.resource_version))
    assert write.change == attempt.changes[0]
    assert decision.status.attempts == situation.remediation.status.attempts


LOST = {
    "the workload was re-created": {"workload": a_workload(uid="uid-new")},
    "the workload is being deleted": {"workload": a_workload(deleting=True)},
    "the workload was paused": {"workload": a_workload(paused=True)},
    "others have released": {"workload": a_workload(template_hash="newer", generation=3)},
}


@pytest.mark.parametrize("changes", LOST.values(), ids=LOST)
def test_a_write_that_surely_never_left_is_superseded_when_the_world_has_changed(changes: dict[str, Any]) -> None:
    """Nothing is sent; the step is decided anew."""
    decision = decide(acting(UNDO, **changes), NOW)
    assert not sent_by(decision)
    assert (decision.status.attempts[0].phase, decision.status.state) == ("Superseded", "Waiting")


@pytest.mark.parametrize("changes", LOST.values(), ids=LOST)
def test_a_write_that_may_have_left_is_unknown_when_the_world_has_changed(changes: dict[str, Any]) -> None:
    """The attempt is used up: nobody can prove that it did nothing."""
    decision = decide(acting(UNDO, sent=True, **changes), NOW)
    assert not sent_by(decision)
    assert (decision.status.attempts[0].phase, decision.status.reason) == ("Unknown", reasons.UNKNOWN_OUTCOME)


def test_nothing_is_sent_once_a_maintenance_window_has_begun() -> None:
    """Whoever decided a moment before it looks again after it; a revert is not held up."""
    window = MaintenanceWindow(schedule="0 12 * * *", duration=minutes(30))
    closed = a_policy(limits=limits(maintenance_windows=(window,)))
    decision = decide(acting(UNDO, policy=closed), NOW)
    assert not sent_by(decision)
    assert (decision.status.attempts[0].phase, decision.status.state) == ("Superseded", "Waiting")
    back = replace(SCALE, id=f"{ID}/back", kind="Revert")
    assert sent_by(decide(acting(back, policy=closed, never_sent=frozenset({back.id})), NOW))


CHANGED_BY_OTHERS = {
    "a restart, and others have restarted": (RESTART, a_workload(restart_stamp="2026-11-21T11:58:00Z")),
    "a restart, and others have released": (RESTART, a_workload(template_hash="newer")),
    "a scale, and others have scaled": (SCALE, a_workload(replicas=3)),
    "a scale, and others have released": (SCALE, a_workload(template_hash="newer")),
}


@pytest.mark.parametrize(("attempt", "workload"), CHANGED_BY_OTHERS.values(), ids=CHANGED_BY_OTHERS)
def test_the_fields_that_an_action_writes_are_its_precondition(attempt: Attempt, workload: Any) -> None:
    decision = decide(acting(attempt, workload=workload), NOW)
    assert not sent_by(decision)
    assert decision.status.attempts[0].phase == "Superseded"


def test_after_a_crash_a_moved_generation_stops_the_second_send() -> None:
    """Same meaning, but something was written: whether by us cannot be told (TRAPS 47)."""
    decision = decide(acting(UNDO, sent=True, workload=a_workload(generation=3)), NOW)
    assert not sent_by(decision)
    assert decision.status.attempts[0].phase == "Unknown"


LANDED = {
    "an undo": (UNDO, a_workload(template_hash=GOOD, generation=3)),
    "a restart": (RESTART, a_workload(restart_stamp=STAMP, generation=3)),
    "a scale": (SCALE, a_workload(replicas=5, generation=3)),
    "an undo, paused right afterwards": (UNDO, a_workload(template_hash=GOOD, generation=4, paused=True)),
}


@pytest.mark.parametrize("sent", [False, True], ids=["not sent by us", "sent, answer lost"])
@pytest.mark.parametrize(("attempt", "workload"), LANDED.values(), ids=LANDED)
def test_what_has_landed_is_recorded_and_never_sent_again(attempt: Attempt, workload: Any, sent: bool) -> None:  # noqa: FBT001 - a table's column
    decision = decide(acting(attempt, workload=workload, sent=sent), NOW)
    assert not sent_by(decision)
    done = decision.status.attempts[0]
    assert (done.phase, done.outcome_at) == ("Done", NOW)
    assert decision.status.state == "Verifying"
    assert decision.status.verifying is not None
    assert decision.status.verifying.started_at == NOW


def test_what_has_landed_on_a_namesake_is_not_ours() -> None:
    """A re-created workload that happens to have the wanted template was not written by this attempt."""
    decision = decide(acting(UNDO, workload=a_workload(uid="uid-new", template_hash=GOOD)), NOW)
    assert decision.status.attempts[0].phase == "Superseded"


def test_a_refused_write_ends_the_step_and_says_what_the_api_server_said() -> None:
    failure = WriteFailure(attempt=ID, code=403, message="deployments.apps is forbidden")
    decision = decide(acting(UNDO, failure=failure), NOW)
    assert not sent_by(decision)
    assert (decision.status.attempts[0].phase, decision.status.step) == ("Refused", 1)
    assert "403 deployments.apps is forbidden" in decision.status.message


def test_another_attempts_refusal_is_not_ours() -> None:
    failure = WriteFailure(attempt="rem-9/0/1", code=403, message="no")
    assert sent_by(decide(acting(UNDO, failure=failure), NOW))


def test_a_deleted_target_ends_the_attempt() -> None:
    decision = decide(acting(UNDO, workload=None), NOW)
    assert not sent_by(decision)
    assert decision.status.attempts[0].phase == "Superseded"


def test_people_see_an_event_once_it_is_done() -> None:
    decision = decide(acting(UNDO, workload=a_workload(template_hash=GOOD, generation=3)), NOW)
    assert {getattr(effect, "reason", "") for effect in decision.effects} >= {reasons.ACTED}


def test_a_write_is_sent_soon_or_not_at_all() -> None:
    """A decision that is minutes old was made about another world."""
    old = replace(UNDO, intended_at=NOW - minutes(5))
    for sent, phase in ((False, "Superseded"), (True, "Unknown")):
        decision = decide(acting(old, sent=sent), NOW)
        assert not sent_by(decision)
        assert decision.status.attempts[0].phase == phase


def test_the_kill_switch_stops_a_second_send() -> None:
    """After a crash nobody insists on what people have stopped since."""
    decision = decide(acting(UNDO, sent=True, namespace_suspended="freeze"), NOW)
    assert not sent_by(decision)
    assert decision.status.attempts[0].phase == "Unknown"


def test_another_uid_is_another_workload_whatever_it_looks_like() -> None:
    assert target_state.same_meaning(a_situation(), UNDO)
    assert not target_state.same_meaning(a_situation(workload=a_workload(uid="uid-new")), UNDO)
    assert not target_state.landed(a_situation(workload=a_workload(uid="uid-new", template_hash=GOOD)), UNDO)


def test_no_second_intent_under_an_id_whose_attempt_has_ended() -> None:
    """Even while the budget has not heard of the end."""
    status = a_status(attempts=(an_attempt(phase="Superseded"),))
    place = an_entry(id=ID, outcome=None, outcome_at=None, settled_at=None, reserved_at=NOW - seconds(2))
    situation = a_situation(steps=(undo_step(),), remediation=a_remediation(status=status), budget=a_budget(place))
    assert [attempt.id for attempt in decide(situation, NOW).status.attempts if attempt.phase == "Intended"] == []


def test_a_step_that_was_superseded_is_decided_anew_with_the_next_number() -> None:
    """At most one effect per id: the next try has another one."""
    status = a_status(attempts=(an_attempt(phase="Superseded"),))
    spent = an_entry(id=ID, outcome="Superseded", reserved_at=NOW, outcome_at=NOW, settled_at=NOW)
    situation = a_situation(remediation=a_remediation(status=status), budget=a_budget(spent))
    situation = change(situation, workload=a_workload(template_hash=BAD))
    (effect,) = decide(change(situation, steps=(undo_step(),)), NOW).effects
    assert isinstance(effect, Reserve)
    assert effect.entry.id == "rem-1/0/2"


def answered(attempt: Attempt, values: Values, template_hash: str | None = None, **changes: Any) -> Situation:
    """The API server took the write, and said what it stored; the workload is as it was seen after that."""
    stored = StoredWrite(attempt=ID, values=values, template_hash=template_hash)
    return acting(attempt, sent=True, stored=stored, **changes)


AS_SENT = {
    "an undo": (UNDO, {TEMPLATE: GOOD}, GOOD),
    "a restart": (RESTART, {RESTART_STAMP: STAMP}, BAD),
    "a scale": (SCALE, {REPLICAS: "5"}, BAD),
}


@pytest.mark.parametrize(("attempt", "values", "template"), AS_SENT.values(), ids=AS_SENT)
def test_the_answer_of_a_write_is_its_outcome_whatever_the_target_is_by_now(
    attempt: Attempt, values: Values, template: str
) -> None:
    """Whoever has changed it since is seen by the verification, which begins."""
    for changes in ({}, {"workload": a_workload(template_hash="newer", replicas=9, generation=9)}):
        decision = decide(answered(attempt, values, template, **changes), NOW)
        assert not sent_by(decision)
        assert decision.status.attempts[0].phase == "Done"
        assert decision.status.attempts[0].changes == attempt.changes
        assert decision.status.state == "Verifying"


ADMITTED = {
    "a template that was added to": (UNDO, {TEMPLATE: "good and more"}, "good and more"),
    "a number that was capped": (SCALE, {REPLICAS: "3"}, BAD),
    "a stamp that was changed": (RESTART, {RESTART_STAMP: "now"}, BAD),
}


@pytest.mark.parametrize(("attempt", "values", "template"), ADMITTED.values(), ids=ADMITTED)
def test_what_an_admission_made_of_a_write_is_what_was_done(attempt: Attempt, values: Values, template: str) -> None:
    done = decide(answered(attempt, values, template), NOW).status.attempts[0]
    assert done.phase == "Done"
    assert done.changes == (replace(attempt.changes[0], meant=values),)
    assert "an admission of this cluster changed what was written" in done.message


def test_a_restart_that_an_admission_added_to_leaves_the_template_that_is_stored() -> None:
    status = decide(answered(RESTART, {RESTART_STAMP: STAMP}, "bad and more"), NOW).status
    assert status.attempts[0].changes == RESTART.changes
    assert target_state.expected_template(status) == "bad and more"


def test_a_restart_leaves_no_other_template() -> None:
    """What is live then is what people have released, and may be to blame."""
    status = decide(answered(RESTART, {RESTART_STAMP: STAMP}, BAD), NOW).status
    assert status.attempts[0].left_template == ""
    assert target_state.expected_template(status) == BAD


CHANGED_BACK = {
    "a template": (UNDO, {TEMPLATE: BAD}, BAD),
    "a number": (SCALE, {REPLICAS: "2"}, BAD),
    "a stamp": (RESTART, {RESTART_STAMP: ""}, BAD),
}


@pytest.mark.parametrize(("attempt", "values", "template"), CHANGED_BACK.values(), ids=CHANGED_BACK)
def test_what_the_api_server_has_changed_back_was_refused(attempt: Attempt, values: Values, template: str) -> None:
    decision = decide(answered(attempt, values, template), NOW)
    assert not sent_by(decision)
    assert decision.status.attempts[0].phase == "Refused"
    assert decision.status.step == 1


def test_another_attempts_answer_is_not_ours() -> None:
    stored = StoredWrite(attempt="rem-9/0/1", values={TEMPLATE: GOOD})
    assert sent_by(decide(acting(UNDO, stored=stored), NOW))
