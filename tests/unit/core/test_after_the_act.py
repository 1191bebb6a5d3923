"""VERIFY, MONITOR, ESCALATE, CLOSE: what follows from an act that was made."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from platelet.core import since_escalation
from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.effects import Annotate, Deliver, MarkRevision, Publish, Settle, Write
from platelet.model.escalation import EscalationRecord
from platelet.model.policy import Verification
from platelet.model.situation import DeliveryResult, Situation
from tests.unit.core.runbooks import restart_step, undo_step
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_budget,
    a_container,
    a_listening_policy,
    a_notification,
    a_pod,
    a_policy,
    a_record,
    a_remediation,
    a_revision,
    a_signal,
    a_situation,
    a_status,
    a_well_workload,
    a_workload,
    an_alert,
    an_attempt,
    an_entry,
    change,
    evidence_of,
    minutes,
    seconds,
    verifying,
)

LONG_AGO = NOW - minutes(3)
WELL: dict[str, Any] = {
    "workload": a_well_workload(generation=3, observed_generation=3),
    "signals": (),
    "revisions": (a_revision(3, GOOD, replicas=2), a_revision(2, BAD)),
    "pods": tuple(
        a_pod(name, created_at=LONG_AGO, ready_changed_at=LONG_AGO, containers=(a_container(started_at=LONG_AGO),))
        for name in ("api-3-a", "api-3-b")
    ),
    "records": (a_record(),),
}


def in_state(state: str, *, attempt: Any = None, **changes: Any) -> Situation:
    """The undo was done; `changes` of the status and of the situation."""
    parts = {name: changes.pop(name) for name in list(changes) if name in a_status().__dataclass_fields__}
    status = a_status(state=state, attempts=(attempt or an_attempt(),), **parts)
    return a_situation(
        **({"remediation": a_remediation(status=status), "steps": (undo_step(), restart_step())} | changes)
    )


def being_verified(complete_at: datetime | None = LONG_AGO, **changes: Any) -> Situation:
    return in_state("Verifying", verifying=verifying(LONG_AGO, complete_at), **changes)


def test_recovery_is_recorded_and_told() -> None:
    decision = decide(being_verified(**WELL), NOW)
    assert (decision.status.state, decision.status.recovered_at) == ("Monitoring", NOW)
    assert decision.status.attempts[0].verdict == "Recovered"
    assert [condition.type for condition in decision.status.conditions if condition.status == "True"] == ["Recovered"]
    assert any(isinstance(effect, Publish) and effect.reason == reasons.RECOVERED for effect in decision.effects)


def test_a_failed_verification_leads_to_the_next_step() -> None:
    """The rollout was not complete in time."""
    late = being_verified(None, workload=a_workload(template_hash=GOOD, updated_replicas=1))
    late = change(late, steps=(undo_step(verify=Verification(timeout=minutes(1))), restart_step()))
    status = decide(late, NOW).status
    assert (status.state, status.step, status.attempts[0].verdict) == ("Waiting", 1, "Failed")


def test_a_pending_verification_waits_for_its_moment() -> None:
    decision = decide(
        being_verified(None, **{**WELL, "workload": a_workload(template_hash=GOOD, updated_replicas=1)}), NOW
    )
    assert decision.status.state == "Verifying"
    assert decision.again_at == LONG_AGO + minutes(5)


def test_what_others_have_reverted_is_for_people() -> None:
    """Two actors reverting each other stop at once (TRAPS 14)."""
    status = decide(being_verified(workload=a_workload()), NOW).status
    assert (status.state, status.reason) == ("Escalated", reasons.REVERTED_BY_OTHERS)


def test_an_unknown_outcome_of_a_verification_never_leads_to_an_action() -> None:
    """I10."""
    heard = evidence_of(an_alert(), last_seen=NOW - minutes(60))
    situation = being_verified(NOW - minutes(20), evidence=(heard,), **WELL)
    decision = decide(situation, NOW)
    assert (decision.status.state, decision.status.reason) == ("Escalated", reasons.INCONCLUSIVE)
    assert not any(isinstance(effect, Write) for effect in decision.effects)


def watched(**changes: Any) -> Situation:
    return in_state("Monitoring", **({"recovered_at": NOW - minutes(5), **WELL} | changes))


def test_a_recovered_one_is_watched_and_then_closed() -> None:
    decision = decide(watched(), NOW)
    assert (decision.status.state, decision.again_at) == ("Monitoring", NOW + minutes(10))
    closed = decide(watched(recovered_at=NOW - minutes(15)), NOW).status
    assert (closed.state, closed.reason) == ("Closed", reasons.RECOVERED)


def test_a_recurrence_goes_to_the_next_step_and_attempts_carry_over() -> None:
    """TRAPS 25."""
    status = decide(watched(signals=(a_signal(),)), NOW).status
    assert (status.state, status.step, len(status.attempts)) == ("Waiting", 1, 1)
    assert [(condition.type, condition.status) for condition in status.conditions] == [("Recovered", "False")]


def test_a_recurrence_goes_to_the_step_that_was_reached_and_not_tried() -> None:
    status = decide(watched(signals=(a_signal(),), step=1), NOW).status
    assert (status.state, status.step) == ("Waiting", 1)


def test_a_recurrence_after_a_hand_back_begins_with_the_first_step() -> None:
    """What was tried before counts no more."""
    status = decide(watched(signals=(a_signal(),), handed_back_at=NOW - seconds(30)), NOW).status
    assert (status.state, status.step) == ("Waiting", 0)


def test_a_young_recurrence_is_waited_for() -> None:
    decision = decide(watched(signals=(a_signal(holds_at=NOW + seconds(9)),)), NOW)
    assert (decision.status.state, decision.again_at) == ("Monitoring", NOW + seconds(9))


def test_after_our_own_revert_the_step_is_applied_once_more() -> None:
    status = decide(watched(signals=(a_signal(),), reverted_at=NOW - minutes(1)), NOW).status
    assert (status.state, status.step, status.reapplied) == ("Waiting", 0, True)
    again = decide(watched(signals=(a_signal(),), reverted_at=NOW - minutes(1), reapplied=True), NOW).status
    assert (again.state, again.reason) == ("Escalated", reasons.RECURRED)


def escalated(**changes: Any) -> Situation:
    """The bad release was handed over, for whose sake a good one has come since where it is well."""
    escalation = EscalationRecord(
        reason=reasons.GAVE_UP, message="m", at=NOW - minutes(5), handed_over=since_escalation.pin(a_situation())
    )
    return in_state("Escalated", **({"escalation": escalation} | changes))


def test_the_mark_for_people_is_put_where_it_is_missing() -> None:
    """After a crash, or after somebody's apply."""
    (mark,) = [effect for effect in decide(escalated(), NOW).effects if isinstance(effect, Annotate)]
    assert mark.value is not None
    marked = escalated(workload=a_workload(annotations={mark.key: mark.value}))
    assert not any(isinstance(effect, Annotate) for effect in decide(marked, NOW).effects)


def test_an_escalated_target_that_is_well_for_a_while_is_let_go() -> None:
    """First the mark is removed, then it is closed."""
    first = decide(escalated(**WELL), NOW)
    assert (first.status.healthy_since, first.again_at) == (NOW, NOW + minutes(1))
    (mark,) = [effect for effect in decide(escalated(), NOW).effects if isinstance(effect, Annotate)]
    well_since = {**WELL, "healthy_since": NOW - minutes(1)}
    marked = replace(WELL["workload"], annotations={mark.key: mark.value})
    (removal,) = decide(escalated(**{**well_since, "workload": marked}), NOW).effects
    assert isinstance(removal, Annotate)
    assert removal.value is None
    closed = decide(escalated(**well_since), NOW).status
    assert (closed.state, closed.reason) == ("Closed", reasons.RESOLVED_BY_PEOPLE)


def test_an_escalated_target_that_is_sick_again_starts_its_time_anew() -> None:
    assert decide(escalated(healthy_since=NOW - minutes(9)), NOW).status.healthy_since is None


DELIVERIES = {
    "the first time at once": ({}, None, True),
    "not before its time": ({"next_try_at": NOW + seconds(1)}, NOW + seconds(1), False),
    "again when it is time": ({"next_try_at": NOW, "tries": 1}, None, True),
    "not when it was delivered": ({"state": "Delivered", "next_try_at": NOW}, None, False),
}


@pytest.mark.parametrize(("notification", "again_at", "sent"), DELIVERIES.values(), ids=DELIVERIES)
def test_the_webhook_is_told(notification: dict[str, Any], again_at: datetime | None, sent: bool) -> None:  # noqa: FBT001 - a table's column
    marked = a_notification(sink="annotation", state="Delivered")
    known = (marked, a_notification(**notification))
    decision = decide(escalated(notifications=known, policy=a_listening_policy()), NOW)
    assert any(isinstance(effect, Deliver) for effect in decision.effects) == sent
    assert sent or decision.again_at == again_at


def test_a_delivery_that_failed_is_tried_again_later_and_the_error_kept() -> None:
    failed = DeliveryResult(id="rem-1/escalated", sink="webhook", delivered=False, message="503")
    known = escalated(results=(failed,), notifications=(a_notification(),), policy=a_listening_policy())
    notification = next(
        notification for notification in decide(known, NOW).status.notifications if notification.sink == "webhook"
    )
    assert (notification.state, notification.tries, notification.next_try_at, notification.error) == (
        "Pending",
        1,
        NOW + seconds(5),
        "503",
    )


def test_without_a_webhook_a_retry_that_was_due_does_not_spin() -> None:
    """The policy was deleted while its webhook did not answer."""
    notification = a_notification(tries=2, next_try_at=NOW - seconds(1))
    decision = decide(escalated(notifications=(notification,), policy=None), NOW)
    assert decision.again_at is None or decision.again_at > NOW


CANCELLED = {
    "the policy was deleted": {"policy": None},
    "the policy was replaced by a namesake": {"policy": a_policy(uid="uid-new")},
    "the policy is not ready": {"policy": a_policy(ready=False)},
    "the policy only observes now": {"policy": a_policy(mode="Observe")},
}


@pytest.mark.parametrize("changes", CANCELLED.values(), ids=CANCELLED)
def test_an_incident_that_its_policy_no_longer_wants_is_cancelled(changes: dict[str, Any]) -> None:
    status = decide(a_situation(steps=(undo_step(),), **changes), NOW).status
    assert (status.state, status.reason) == ("Closed", reasons.CANCELLED)


def test_a_resolved_incident_is_cancelled_before_it_acts() -> None:
    """I22: nothing was done, so it has resolved by itself."""
    status = decide(a_situation(steps=(undo_step(),), signals=()), NOW).status
    assert (status.state, status.reason) == ("Closed", reasons.RESOLVED_BY_ITSELF)


def test_a_signal_that_goes_during_the_write_does_not_abort_half_way() -> None:
    """I22: what was intended is brought to its end."""
    attempt = an_attempt(phase="Intended", outcome_at=None, intended_at=NOW - seconds(1))
    situation = in_state("Acting", attempt=attempt, signals=(), never_sent=frozenset({attempt.id}))
    assert any(isinstance(effect, Write) for effect in decide(situation, NOW).effects)


def test_observing_says_what_it_would_do() -> None:
    situation = a_situation(steps=(undo_step(),), policy=a_policy(mode="Observe"))
    spec = replace(situation.remediation.spec, mode="Observe")
    situation = replace(situation, remediation=replace(situation.remediation, spec=spec))
    decision = decide(situation, NOW)
    assert not decision.effects
    assert decision.status.reason == reasons.WOULD_HAVE_ACTED
    assert decision.status.message.startswith("would undo the template")
    planned = replace(situation, remediation=replace(situation.remediation, status=decision.status))
    for known, reason in ((planned, reasons.WOULD_HAVE_ACTED), (situation, reasons.RESOLVED_BY_ITSELF)):
        gone = decide(replace(known, signals=()), NOW).status
        assert (gone.state, gone.reason) == ("Closed", reason)
    denied = decide(change(situation, namespace_suspended="freeze"), NOW).status
    assert denied.message.startswith("would not act: namespace shop is suspended")


UNSETTLED = {
    "an outcome that the budget lacks": (an_attempt(verdict="Recovered"), {"outcome": None}, ("Done", True)),
    "a verification that is over": (an_attempt(verdict="Failed"), {"outcome": "Done"}, (None, True)),
    "a refusal is refunded": (an_attempt(phase="Refused"), {"outcome": None}, ("Refused", True)),
    "a verification that goes on": (an_attempt(), {"outcome": None}, ("Done", False)),
}


@pytest.mark.parametrize(("attempt", "entry", "settlement"), UNSETTLED.values(), ids=UNSETTLED)
def test_the_budget_is_told(attempt: Any, entry: dict[str, Any], settlement: tuple[str | None, bool]) -> None:
    """Derived at every look, so a crash loses nothing."""
    place = an_entry(id="rem-1/0/1", settled_at=None, outcome_at=None, **entry)
    situation = in_state("Verifying", attempt=attempt, verifying=verifying(), budget=a_budget(place))
    settles = [effect for effect in decide(situation, NOW).effects if isinstance(effect, Settle)]
    assert [(settle.outcome, settle.verified) for settle in settles] == [settlement]
    assert settles[0].refunded == (attempt.phase == "Refused")


NEVER = {"health": "Unknown", "ever_healthy": False}
LEARNED: dict[str, tuple[dict[str, Any], dict[str, Any], str | None]] = {
    "an undo left it, and whether that heals is not known yet": (NEVER, {}, "Suspect"),
    "an undo left it and that healed": (NEVER, {"verdict": "Recovered"}, "Bad"),
    "an undo left it and that did not heal: the cause may be elsewhere": (NEVER, {"verdict": "Failed"}, "Suspect"),
    "an undo left it and nobody knows what came of it": (NEVER, {"verdict": "Inconclusive"}, "Suspect"),
    "it was healthy once, and leaving it healed": ({"health": "Suspect"}, {"verdict": "Recovered"}, "Bad"),
    "it was healthy once, and leaving it did not heal": ({"health": "Suspect"}, {"verdict": "Failed"}, None),
    "it is Bad already": (NEVER | {"health": "Bad"}, {}, None),
    "the undo did not happen": (NEVER, {"phase": "Superseded"}, None),
    "people have released it again since": (NEVER | {"released_at": NOW}, {"verdict": "Recovered"}, None),
}


@pytest.mark.parametrize(("record", "attempt", "health"), LEARNED.values(), ids=LEARNED)
def test_what_an_undo_shows_of_the_template_that_it_left(
    record: dict[str, Any], attempt: dict[str, Any], health: str | None
) -> None:
    known = (a_record(BAD, **record), a_record())
    situation = in_state(
        "Verifying", attempt=an_attempt(**attempt), verifying=verifying(), records=known, workload=a_well_workload()
    )
    marks = [effect for effect in decide(situation, NOW).effects if isinstance(effect, MarkRevision)]
    assert [(mark.record, mark.health) for mark in marks] == ([("api-bad", health)] if health else [])


def test_a_template_that_is_live_again_speaks_for_itself() -> None:
    """Others have put it back: whether it is well is seen on its pods."""
    known = (a_record(BAD, **NEVER), a_record())
    situation = in_state("Escalated", attempt=an_attempt(verdict="Recovered"), records=known)
    assert not [effect for effect in decide(situation, NOW).effects if isinstance(effect, MarkRevision)]
