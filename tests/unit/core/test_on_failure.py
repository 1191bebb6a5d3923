"""What follows when a step has no proof: onFailure and onInconclusive."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.checks.http_endpoint import Http
from platelet.checks.prometheus import Prometheus
from platelet.core import escalating, signals, verifying
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.budget import PendingRevert
from platelet.model.effects import Annotate, Deliver, Publish, Reserve, Settle, Write
from platelet.model.intent import PreState
from platelet.model.policy import Step, Verification
from platelet.model.reading import Answered, Query, Question, Reading, Result, Sample, Unanswered
from platelet.model.remediation import Attempt
from platelet.model.situation import Situation
from tests.unit.core.runbooks import restart_step, scale_step, undo_step
from tests.unit.pins import meant, restarted, restored, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_budget,
    a_listening_policy,
    a_pod,
    a_record,
    a_remediation,
    a_revision,
    a_signal,
    a_situation,
    a_status,
    a_well_workload,
    an_attempt,
    an_entry,
    change,
    minutes,
    seconds,
)
from tests.unit.situations import verifying as clocks

HEALTH = Http(url="https://api.example.com/health")
CHECKED = Verification(checks=(HEALTH,))
BEFORE = NOW - minutes(6)  # written, complete, and everything well since
WELL: dict[str, Any] = {
    "workload": a_well_workload(generation=3, observed_generation=3),
    "signals": (),
    "revisions": (a_revision(3, GOOD, replicas=2), a_revision(2, BAD)),
    "pods": tuple(a_pod(name, created_at=BEFORE, ready_changed_at=BEFORE, containers=()) for name in "ab"),
    "records": (a_record(), a_record(BAD, health="Suspect")),
}
SCALED = an_attempt(
    action="scale",
    summary="scale from 2 to 5 replicas",
    pre=PreState(uid="uid-api", generation=2, template_hash=GOOD, replicas=2),
    changes=scaled(5),
)

_LENT = PendingRevert(action="scale", changes=scaled(5, before=2), uid="uid-api")


def verified(step: Step, reading: Reading, attempt: Attempt | None = None, **changes: Any) -> Situation:
    """The verification of a step at its timeout, with everything well but what the check reads."""
    status = a_status(state="Verifying", attempts=(attempt or an_attempt(),), verifying=clocks(BEFORE, BEFORE))
    readings = {HEALTH.probe: reading}
    parts: dict[str, Any] = {
        "remediation": a_remediation(status=status),
        "steps": (replace(step, verify=CHECKED), restart_step()),
        "readings": readings,
    }
    return a_situation(**(WELL | parts | changes))


DOWN, UNKNOWN = Answered(status=503), Unanswered(why="api.example.com could not be reached: ConnectError")


def follow(decision: Decision, situation: Situation) -> Situation:
    """The situation after the status was stored."""
    return replace(situation, remediation=replace(situation.remediation, status=decision.status))


FOLLOWS: dict[str, tuple[dict[str, Any], Reading, tuple[str, int, str]]] = {
    "the next step by itself": ({}, DOWN, ("Waiting", 1, reasons.CHECK_FAILED)),
    "people at once": ({"on_failure": "Escalate"}, DOWN, ("Escalated", 0, reasons.CHECK_FAILED)),
    "nothing any more": ({"on_failure": "Stop"}, DOWN, ("Escalated", 0, reasons.STOPPED)),
    "what is not known is for people": ({}, UNKNOWN, ("Escalated", 0, reasons.INCONCLUSIVE)),
    "whatever a failure would lead to": ({"on_failure": "Stop"}, UNKNOWN, ("Escalated", 0, reasons.INCONCLUSIVE)),
    "unless the step says so": ({"on_inconclusive": "Next"}, UNKNOWN, ("Waiting", 1, reasons.CHECK_UNKNOWN)),
}


@pytest.mark.parametrize(("changes", "reading", "expected"), FOLLOWS.values(), ids=FOLLOWS)
def test_what_follows_a_step_without_a_proof(
    changes: dict[str, Any], reading: Reading, expected: tuple[str, int, str]
) -> None:
    status = decide(verified(undo_step(**changes), reading), NOW).status
    assert (status.state, status.step, status.reason) == expected
    assert status.attempts[0].verdict == ("Failed" if reading == DOWN else "Inconclusive")


def test_who_stops_calls_nobody() -> None:
    """On record only: no Event, no mark on the workload, no webhook; it closes when the target was well for hours."""
    situation = verified(undo_step(on_failure="Stop"), DOWN, policy=a_listening_policy())
    stopped = decide(situation, NOW)
    assert stopped.effects == ()
    assert [condition.type for condition in stopped.status.conditions] == ["Settled"]
    sick = change(follow(stopped, situation), signals=(a_signal(),), pods=a_situation().snapshot.pods)
    later = decide(sick, NOW + minutes(1))
    assert later.status.state == "Escalated"
    assert not any(isinstance(effect, Annotate | Deliver | Publish | Write) for effect in later.effects)
    well = follow(decide(follow(stopped, situation), NOW), situation)
    assert decide(well, NOW + minutes(2)).status.state == "Escalated"
    closed = decide(well, NOW + escalating.QUIET_FOR).status
    assert (closed.state, closed.reason) == ("Closed", reasons.RESOLVED_BY_ITSELF)


def test_a_failed_check_is_a_reason_to_go_on_that_no_pod_shows() -> None:
    """Pods that are all well would otherwise say that the incident is over, though its proof has failed."""
    situation = verified(undo_step(), DOWN)
    failed = decide(situation, NOW)
    fact = failed.status.evidence[-1]
    assert (fact.source, fact.reason, fact.resolved_at) == ("check", reasons.CHECK_FAILED, None)
    workload = WELL["workload"]
    seen = signals.current((), failed.status.evidence[-1:], workload, WELL["revisions"], WELL["pods"], NOW)
    assert [signal.source for signal in seen] == ["check"]
    following = decide(replace(follow(failed, situation), signals=seen), NOW)
    assert isinstance(following.effects[-1], Reserve)
    assert following.effects[-1].entry.id == "rem-1/1/1"


def test_a_failed_check_is_not_acted_on_for_long() -> None:
    """It is not asked in Waiting: whether it still fails is not known after five minutes, and then people decide."""
    situation = verified(undo_step(), DOWN)
    failed = decide(situation, NOW)
    later = NOW + minutes(5) + seconds(1)
    seen = signals.current((), failed.status.evidence[-1:], WELL["workload"], WELL["revisions"], WELL["pods"], later)
    assert seen == ()
    status = decide(follow(failed, situation), later).status
    assert (status.state, status.reason) == ("Escalated", reasons.INCONCLUSIVE)
    assert "api.example.com answers 503" in status.message


def test_what_others_have_reverted_is_for_people_whatever_the_step_says() -> None:
    reverted = verified(undo_step(on_failure="Revert"), DOWN, workload=a_well_workload(template_hash="theirs"))
    assert decide(reverted, NOW).status.reason == reasons.REVERTED_BY_OTHERS


def reverting(step: Step, attempt: Attempt, **changes: Any) -> tuple[Situation, Decision]:
    """The step has failed and is to be reverted: the situation then, and what is decided in it."""
    situation = verified(replace(step, on_failure="Revert"), DOWN, attempt, **changes)
    failed = decide(situation, NOW)
    assert (failed.status.state, failed.status.step, failed.status.reverting) == ("Waiting", 1, attempt.id)
    situation = follow(failed, situation)
    return situation, decide(situation, NOW)


SCALED_LIVE = a_well_workload(generation=3, observed_generation=3, replicas=5, status_replicas=5, updated_replicas=5)
SCALED_LIVE = replace(SCALED_LIVE, ready_replicas=5, available_replicas=5)
FIVE = tuple(a_pod(name, created_at=BEFORE, ready_changed_at=BEFORE, containers=()) for name in "abcde")
SCALED_UP: dict[str, Any] = {"workload": SCALED_LIVE, "pods": FIVE}


def test_a_step_is_reverted_under_the_protocol_and_then_the_next_one_is_tried() -> None:
    """Reserved but not counted, intended, sent with its precondition, recorded."""
    situation, reserving = reverting(scale_step(), SCALED, **SCALED_UP)
    (reserve,) = [effect for effect in reserving.effects if isinstance(effect, Reserve)]
    assert (reserve.entry.id, reserve.entry.kind) == ("rem-1/0/1/back", "Revert")
    reserved = replace(situation, budget=a_budget(replace(reserve.entry, reserved_at=NOW)))
    intended = decide(reserved, NOW)
    attempt = intended.status.attempts[-1]
    assert (attempt.id, attempt.kind, attempt.phase) == ("rem-1/0/1/back", "Revert", "Intended")
    assert (attempt.pre.replicas, meant(attempt.changes)) == (5, meant(scaled(2)))
    assert not any(isinstance(effect, Settle) for effect in intended.effects)
    sending = change(follow(intended, reserved), never_sent=frozenset({attempt.id}))
    (write,) = [effect for effect in decide(sending, NOW).effects if isinstance(effect, Write)]
    assert (write.id, write.change) == (attempt.id, attempt.changes[0])
    landed = change(sending, workload=WELL["workload"], pods=WELL["pods"])
    done = decide(landed, NOW)
    assert (done.status.attempts[-1].phase, done.status.reverted_at) == ("Done", None)
    over = decide(follow(done, landed), NOW)
    assert (over.status.reverting, over.status.state, over.status.step) == ("", "Waiting", 1)


def test_what_would_be_reverted_later_is_done_with_it() -> None:
    """The obligation on the budget ends: nothing is left to give back."""
    situation, _ = reverting(scale_step(), SCALED, **SCALED_UP)
    lent = an_entry(id=SCALED.id, outcome="Done", settled_at=NOW, revert=replace(_LENT, due_at=NOW + minutes(9)))
    back = an_attempt(id="rem-1/0/1/back", kind="Revert", action="scale")
    status = replace(situation.remediation.status, attempts=(SCALED, back))
    decision = decide(
        change(situation, remediation=a_remediation(status=status), budget=a_budget(lent), workload=WELL["workload"]),
        NOW,
    )
    assert [effect.attempt for effect in decision.effects if isinstance(effect, Settle) and effect.reverted] == [
        SCALED.id
    ]


NOT_REVERTED: dict[str, tuple[Step, Attempt, dict[str, Any], str]] = {
    "others have scaled since": (
        scale_step(),
        SCALED,
        {"workload": replace(SCALED_LIVE, replicas=7, updated_replicas=7, status_replicas=7, available_replicas=7)},
        reasons.NOT_OURS_ANYMORE,
    ),
    "the template that the undo left was never healthy": (
        undo_step(),
        an_attempt(),
        {"records": (a_record(), a_record(BAD, health="Unknown", ever_healthy=False))},
        reasons.NOT_REVERSIBLE,
    ),
    "the template that the undo left is known to be bad": (
        undo_step(),
        an_attempt(),
        {"records": (a_record(), a_record(BAD, health="Bad"))},
        reasons.NOT_REVERSIBLE,
    ),
    "the template that the undo left is not on record": (
        undo_step(),
        an_attempt(),
        {"records": (a_record(),)},
        reasons.NOT_REVERSIBLE,
    ),
    "a restart": (
        restart_step(),
        an_attempt(action="rolloutRestart", changes=restarted(""), pre=SCALED.pre),
        {},
        reasons.NOT_REVERSIBLE,
    ),
}


@pytest.mark.parametrize("name", NOT_REVERTED)
def test_where_it_cannot_be_reverted_the_record_says_why_and_the_next_step_follows(name: str) -> None:
    """I15: an undo is undone only to a template that was healthy once."""
    step, attempt, changes, reason = NOT_REVERTED[name]
    situation = verified(replace(step, on_failure="Revert"), DOWN, attempt, **changes)
    status = replace(
        situation.remediation.status, state="Waiting", step=1, reverting=attempt.id, verifying=None, evidence=()
    )
    decision = decide(replace(situation, remediation=a_remediation(status=status)), NOW)
    assert (decision.status.reverting, decision.status.step) == ("", 1)
    assert decision.status.decisions[-1].reason == reason
    assert not any(isinstance(effect, Reserve | Write) for effect in decision.effects)


def test_an_undo_that_did_not_help_is_undone_where_the_other_template_was_healthy_once() -> None:
    situation, reserving = reverting(undo_step(), an_attempt())
    (reserve,) = [effect for effect in reserving.effects if isinstance(effect, Reserve)]
    intended = decide(replace(situation, budget=a_budget(reserve.entry)), NOW)
    (change,) = intended.status.attempts[-1].changes
    assert (meant((change,)), change.record) == (meant(restored(BAD)), "api-bad")


def test_a_revert_waits_while_people_have_suspended_us() -> None:
    _, decision = reverting(scale_step(), SCALED, **SCALED_UP, budget=None)
    assert decision.effects == ()
    assert decision.status.waiting is not None


def test_a_template_that_was_released_meanwhile_is_not_overwritten() -> None:
    """Between intent and write: an undo of an undo is planned on the template (I4)."""
    situation, reserving = reverting(undo_step(), an_attempt())
    (reserve,) = [effect for effect in reserving.effects if isinstance(effect, Reserve)]
    intended = decide(replace(situation, budget=a_budget(reserve.entry)), NOW)
    moved = change(follow(intended, situation), workload=a_well_workload(template_hash="theirs"))
    lost = decide(change(moved, never_sent=frozenset({"rem-1/0/1/back"})), NOW)
    assert lost.status.attempts[-1].phase == "Superseded"


def test_an_older_incident_that_people_have_does_not_keep_the_step_from_being_reverted() -> None:
    """Nobody else reverts it: it is sent as it was intended."""
    situation, reserving = reverting(scale_step(), SCALED, **SCALED_UP, older_escalated="deployment-api-0")
    (reserve,) = [effect for effect in reserving.effects if isinstance(effect, Reserve)]
    reserved = replace(situation, budget=a_budget(replace(reserve.entry, reserved_at=NOW)))
    sending = change(follow(decide(reserved, NOW), reserved), never_sent=frozenset({"rem-1/0/1/back"}))
    assert [effect.id for effect in decide(sending, NOW).effects if isinstance(effect, Write)] == ["rem-1/0/1/back"]


def test_questions_are_asked_only_while_it_is_verified_and_complete() -> None:
    situation = verified(undo_step(), DOWN)
    asked = {
        state: verifying.questions(
            replace(situation.remediation, status=replace(situation.remediation.status, state=state)),
            situation.ladder.steps,
            situation.target,
        )
        for state in ("Waiting", "Acting", "Verifying", "Monitoring", "Escalated", "Closed")
    }
    assert {state for state, questions in asked.items() if questions} == {"Verifying"}
    incomplete = replace(situation.remediation.status, verifying=clocks(BEFORE, None))
    remediation = replace(situation.remediation, status=incomplete)
    assert verifying.questions(remediation, situation.ladder.steps, situation.target) == frozenset()


def test_the_clock_of_a_check_over_time_is_stored() -> None:
    """Crash-safe: the next look, by whoever leads then, goes on from it."""
    over_time = Prometheus(query="up", above=0, for_=minutes(5))
    situation = verified(undo_step(), DOWN)
    step = undo_step(verify=Verification(timeout=minutes(30), checks=(over_time,)))
    reading = Result(samples=(Sample(value=1, at=NOW),))
    situation = change(situation, steps=(step,), readings={Query(text="up"): reading})
    first = decide(situation, NOW).status
    assert first.verifying is not None
    assert [holding.since for holding in first.verifying.holding] == [NOW]
    later = NOW + minutes(5)
    fresh: dict[Question, Reading] = {Query(text="up"): Result(samples=(Sample(value=1, at=later),))}
    second = change(situation, remediation=a_remediation(status=first), readings=fresh)
    unknown = decide(change(second, readings={}), later - seconds(1)).status
    assert unknown.verifying is not None
    assert unknown.verifying.holding == ()
    assert decide(second, later).status.state == "Monitoring"
