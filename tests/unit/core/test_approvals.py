"""AwaitingApproval: the plan is shown, and a yes to exactly this plan carries it out, if the guards still allow it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from platelet.core import approvals, retry_requests
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model import approval, reasons
from platelet.model.approval import Approval
from platelet.model.effects import Deliver, Publish, Reserve, Settle
from platelet.model.intent import TEMPLATE
from platelet.model.policy import ApprovalRules, Mode, Step
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.situation import DeliveryResult, Situation
from tests.unit.core.runbooks import restart_step, scale_step, undo_step
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    RELEASED,
    a_budget,
    a_listening_policy,
    a_policy,
    a_record,
    a_remediation,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
    an_entry,
    minutes,
    seconds,
)

ANN = "ann@example.com"


def situation(
    *steps: Step, status: RemediationStatus | None = None, annotations: Any = None, **changes: Any
) -> Situation:
    """Mode Approve; `said` are the annotations on the Remediation."""
    usual = a_remediation(status=status or a_status(), annotations=annotations or {})
    remediation = replace(usual, spec=replace(usual.spec, mode="Approve"))
    whole: dict[str, Any] = {"policy": a_policy(mode="Approve"), "steps": steps or (undo_step(),)}
    return a_situation(remediation=remediation, **(whole | changes))


def asked(*steps: Step, **changes: Any) -> tuple[RemediationStatus, Approval]:
    """The status in which the plan is shown."""
    status = decide(situation(*steps, **changes), NOW).status
    assert status.approval is not None
    return status, status.approval


def yes(shown: Approval, by: str = ANN) -> dict[str, str]:
    return {approval.APPROVE: shown.token, approval.APPROVED_BY: by}


def no(shown: Approval, why: str = "wait for the fix") -> dict[str, str]:
    return {approval.REJECT: shown.token, approval.REJECTED_BY: ANN, approval.REJECT_REASON: why}


def begun(decision: Decision) -> bool:
    """Whether a place is asked for, or an intent is made."""
    return bool(decision.status.attempts) or any(isinstance(effect, Reserve) for effect in decision.effects)


def test_the_plan_is_shown_and_nothing_is_done() -> None:
    decision = decide(situation(), NOW)
    shown = decision.status.approval
    assert shown is not None
    assert not begun(decision)
    assert (decision.status.state, decision.status.reason) == ("AwaitingApproval", reasons.APPROVAL_NEEDED)
    assert (shown.action, shown.attempt, shown.step, shown.answer) == ("rolloutUndo", "rem-1/0/1", 0, None)
    assert "undo the template" in shown.summary
    assert (shown.pre.template_hash, shown.changes[0].meant) == (BAD, {TEMPLATE: GOOD})
    assert (shown.asked_at, shown.expires_at) == (NOW, NOW + minutes(30))
    assert "platelet approve remediation/deployment-api-1 -n shop" in decision.status.message


def test_people_hear_of_it_by_events_at_once() -> None:
    events = [effect for effect in decide(situation(), NOW).effects if isinstance(effect, Publish)]
    assert {event.reason for event in events} == {reasons.APPROVAL_NEEDED}
    assert all("platelet approve remediation/deployment-api-1" in event.note for event in events)


def test_the_webhook_is_told_until_it_has_answered_and_once_for_each_plan() -> None:
    listening = a_listening_policy(mode="Approve")
    status, shown = asked(policy=listening)
    (first,) = decide(situation(status=status, policy=listening), NOW).effects
    assert isinstance(first, Deliver)
    assert first.correlation.id == f"rem-1/approvalneeded/{shown.token}"
    assert first.request.body["data"]["approval"]["token"] == shown.token
    failed = DeliveryResult(id=first.correlation.id, sink="webhook", delivered=False, message="503")
    later = decide(situation(status=status, policy=listening, results=(failed,)), NOW)
    assert not later.effects
    again = decide(situation(status=later.status, policy=listening), NOW + seconds(6))
    assert [type(effect) for effect in again.effects] == [Deliver]
    taken = replace(failed, delivered=True)
    delivered = decide(situation(status=status, policy=listening, results=(taken,)), NOW)
    assert not decide(situation(status=delivered.status, policy=listening), NOW + minutes(9)).effects


def test_asking_on_writes_nothing_new() -> None:
    """Status is written on a change of meaning only."""
    status, _ = asked()
    assert decide(situation(status=status), NOW + minutes(3)) == Decision(status=status, again_at=NOW + minutes(30))


def test_a_yes_is_on_record_before_anything_is_done() -> None:
    status, shown = asked()
    heard = decide(situation(status=status, annotations=yes(shown)), NOW + minutes(1))
    assert not begun(heard)
    given = heard.status.approval
    assert given is not None
    assert (given.answer, given.by, given.answered_at) == ("Approved", ANN, NOW + minutes(1))
    assert (heard.status.state, heard.status.decisions[-1].reason) == ("Waiting", reasons.APPROVED)


def approved(*steps: Step, **changes: Any) -> tuple[RemediationStatus, Approval]:
    status, shown = asked(*steps, **changes)
    return decide(situation(*steps, status=status, annotations=yes(shown), **changes), NOW).status, shown


def test_the_approved_plan_is_reserved_then_intended_with_the_persons_name() -> None:
    status, shown = approved()
    decision = decide(situation(status=status, annotations=yes(shown)), NOW)
    (reserve,) = decision.effects
    assert isinstance(reserve, Reserve)
    assert reserve.entry.id == shown.attempt
    held = replace(reserve.entry, reserved_at=NOW)
    intended = decide(situation(status=decision.status, annotations=yes(shown), budget=a_budget(held)), NOW).status
    (attempt,) = intended.attempts
    assert (attempt.id, attempt.approved_by, attempt.approved_at) == (shown.attempt, ANN, NOW)
    assert intended.state == "Acting"


def test_the_guards_are_asked_again_after_the_yes() -> None:
    status, shown = approved()
    stopped = situation(status=status, annotations=yes(shown), namespace_suspended="freeze")
    decision = decide(stopped, NOW)
    assert not begun(decision)
    assert (decision.status.state, decision.status.reason) == ("Waiting", reasons.SUSPENDED)
    assert decision.again_at == shown.expires_at
    again = decide(situation(status=decision.status, annotations=yes(shown)), NOW + minutes(9))
    assert begun(again)


NOT_A_YES: dict[str, Callable[[Approval], dict[str, str]]] = {
    "of another token": lambda shown: {**yes(shown), approval.APPROVE: f"0-1-{'0' * 16}"},
    "without a name": lambda shown: {approval.APPROVE: shown.token},
    "with an empty name": lambda shown: {**yes(shown), approval.APPROVED_BY: ""},
    "of an empty token": lambda shown: {**yes(shown), approval.APPROVE: ""},
    "of the plan's hash alone": lambda shown: {**yes(shown), approval.APPROVE: shown.plan_hash},
    "of the token in capitals": lambda shown: {**yes(shown), approval.APPROVE: shown.token.upper() + "X"},
    "by the name alone": lambda _shown: {approval.APPROVED_BY: ANN},
}


@pytest.mark.parametrize("name", NOT_A_YES)
def test_what_is_no_yes_to_this_plan_leads_to_nothing(name: str) -> None:
    status, shown = asked()
    annotations = NOT_A_YES[name](shown)
    decision = decide(situation(status=status, annotations=annotations), NOW)
    assert not begun(decision)
    assert decision.status.approval is not None
    assert decision.status.approval.answer is None
    following = decide(situation(status=decision.status, annotations=annotations), NOW)
    assert not begun(following)
    assert following.status.state == "AwaitingApproval"


def test_an_answer_to_an_older_plan_is_told_so_once() -> None:
    status, shown = asked()
    annotations = {**yes(shown), approval.APPROVE: "0-1-feedfeedfeedfeed"}
    heard = decide(situation(status=status, annotations=annotations), NOW).status
    assert heard.decisions[-1].reason == reasons.NOT_THIS_PLAN
    shows = decide(situation(status=heard, annotations=annotations), NOW).status
    assert f"the answer of {ANN} is to another plan (0-1-feedfeedfeedfeed), this one is {shown.token}" in shows.message
    assert decide(situation(status=shows, annotations=annotations), NOW + seconds(9)).status == shows


CHANGES: dict[str, dict[str, Any]] = {
    "another release is live": {
        "workload": a_workload(template_hash="worse"),
        "records": (a_record("worse", first_seen=RELEASED, health="Unknown", ever_healthy=False), a_record()),
    },
    "the workload was created anew": {"workload": a_workload(uid="uid-new")},
    "another template is healthy": {
        "records": (
            a_record(BAD, health="Unknown", health_since=None, ever_healthy=False),
            a_record("better", health_since=NOW - minutes(5)),
        )
    },
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("answered", [False, True], ids=["before the yes", "after the yes"])
def test_a_plan_that_changes_is_void_and_people_are_asked_anew(name: str, *, answered: bool) -> None:
    status, shown = approved() if answered else asked()
    decision = decide(situation(status=status, annotations=yes(shown) if answered else {}, **CHANGES[name]), NOW)
    after = decision.status
    assert not begun(decision)
    assert after.approval is not None
    assert after.approval.token != shown.token
    assert (after.state, after.approval.answer) == ("AwaitingApproval", None)
    assert reasons.PLAN_CHANGED in {decision.reason for decision in after.decisions}
    follow = decide(situation(status=after, annotations=yes(shown), **CHANGES[name]), NOW)
    assert not begun(follow), "an old yes never counts for the new plan"


@pytest.mark.parametrize("name", CHANGES)
def test_a_yes_that_is_void_stays_so_where_the_plan_is_again_what_it_was(name: str) -> None:
    status, shown = approved()
    status = decide(situation(status=status, annotations=yes(shown), **CHANGES[name]), NOW).status
    for _ in range(2):  # told that the answer is to another plan; asked anew
        status = decide(situation(status=status, annotations=yes(shown)), NOW + minutes(1)).status
    assert status.approval is not None
    assert (status.approval.plan_hash, status.approval.answer) == (shown.plan_hash, None)
    follow = decide(situation(status=status, annotations=yes(shown)), NOW + minutes(1))
    assert follow.status.state == "AwaitingApproval"
    assert not begun(follow)


SAME_PLAN: dict[str, tuple[Step, dict[str, Any]]] = {
    "a restart, whose stamp is that of the act": (restart_step(), {}),
    "a scale, whose revert runs from the act": (scale_step(), {}),
    "an undo, whatever the replicas": (
        undo_step(),
        {"workload": a_workload(replicas=7, status_replicas=7, updated_replicas=7)},
    ),
    "an undo, whatever the annotations": (undo_step(), {"workload": a_workload(annotations={"a": "b"})}),
}


@pytest.mark.parametrize("name", SAME_PLAN)
def test_time_and_what_the_action_does_not_touch_make_no_other_plan(name: str) -> None:
    step, later = SAME_PLAN[name]
    status, shown = approved(step)
    assert begun(decide(situation(step, status=status, annotations=yes(shown), **later), NOW + minutes(20)))


def test_an_attempt_is_approved_once_only() -> None:
    """The write was lost: a second attempt has a number of its own, and so a token of its own."""
    status, shown = approved()
    lost = replace(status, attempts=(an_attempt(id=shown.attempt, phase="Unknown", approved_by=ANN),))
    decision = decide(situation(status=lost, annotations=yes(shown)), NOW)
    assert not [effect for effect in decision.effects if isinstance(effect, Reserve)]
    assert decision.status.approval is not None
    assert decision.status.approval.attempt == "rem-1/0/2"
    assert decision.status.approval.answer is None
    heard = decide(situation(status=decision.status, annotations=yes(shown)), NOW)
    assert heard.status.approval is not None
    assert heard.status.approval.message == "", "the yes to the first attempt was no mistake"


def test_a_place_of_an_older_plan_is_given_up() -> None:
    status, shown = approved()
    held = an_entry(id=shown.attempt, reserved_at=NOW, outcome=None, outcome_at=None, settled_at=None)
    moved = situation(
        status=status, annotations=yes(shown), budget=a_budget(held), **CHANGES["another release is live"]
    )
    decision = decide(moved, NOW)
    settled = [effect for effect in decision.effects if isinstance(effect, Settle)]
    assert [(effect.attempt, effect.outcome) for effect in settled] == [(shown.attempt, "Abandoned")]
    assert not begun(decision)


def test_a_rejection_ends_automation_with_who_and_why() -> None:
    status, shown = asked()
    decision = decide(situation(status=status, annotations=no(shown)), NOW)
    after = decision.status
    assert (after.state, after.reason) == ("Escalated", reasons.REJECTED)
    assert after.message.startswith(f"rejected by {ANN}: wait for the fix")
    assert after.approval is not None
    assert (after.approval.answer, after.approval.by) == ("Rejected", ANN)
    assert not begun(decide(situation(status=after, annotations=yes(shown)), NOW))


def test_a_rejection_counts_while_a_guard_says_no_and_beats_a_yes() -> None:
    status, shown = approved()
    both = {**yes(shown), **no(shown)}
    assert decide(situation(status=status, annotations=both, namespace_suspended="f"), NOW).status.state == "Escalated"


EXPIRED: dict[str, datetime] = {"at the moment": NOW + minutes(30), "after it": NOW + minutes(31)}


@pytest.mark.parametrize("moment", EXPIRED.values(), ids=EXPIRED)
@pytest.mark.parametrize("late", [False, True], ids=["without an answer", "with a yes that comes too late"])
def test_expiry_is_for_people(moment: datetime, *, late: bool) -> None:
    status, shown = asked()
    decision = decide(situation(status=status, annotations=yes(shown) if late else {}), moment)
    assert (decision.status.state, decision.status.reason) == ("Escalated", reasons.APPROVAL_EXPIRED)
    assert "nobody approved within 30m" in decision.status.message
    assert not begun(decision)


def test_a_yes_that_could_not_be_carried_out_in_time_expires_with_the_reason() -> None:
    status, shown = approved()
    held_up = decide(situation(status=status, annotations=yes(shown), namespace_suspended="freeze"), NOW).status
    late = decide(situation(status=held_up, annotations=yes(shown)), NOW + minutes(30)).status
    assert (late.state, late.reason) == ("Escalated", reasons.APPROVAL_EXPIRED)
    assert f"approved by {ANN}, but not carried out within 30m" in late.message
    assert reasons.SUSPENDED in late.message


def test_the_policy_says_how_long_an_answer_is_awaited() -> None:
    patient = a_policy(mode="Approve", approval=ApprovalRules(expires_after=timedelta(hours=3)))
    status, shown = asked(policy=patient)
    assert shown.expires_at == NOW + timedelta(hours=3)
    waits = decide(situation(status=status, policy=patient), NOW + timedelta(hours=2, minutes=30)).status
    assert waits.state == "AwaitingApproval", "people's time is not giveUpAfter's"


def test_a_yes_from_before_a_hand_back_holds_no_more() -> None:
    """It would expire at once, and call people again."""
    status, shown = approved()
    anew = retry_requests.begin_anew(situation(), status, ANN, NOW + minutes(1))
    assert approvals.resolved(anew) is None
    assert anew.approval is not None
    assert (anew.approval.token, anew.approval.answer) == (shown.token, "Void")


def test_a_question_that_its_step_left_open_does_not_trouble_the_next() -> None:
    """The step was passed over meanwhile: its expiry is nobody's."""
    status, _ = asked()
    moved_on = replace(status, step=1, state="Waiting")
    after = decide(situation(undo_step(), restart_step(), status=moved_on), NOW + minutes(40)).status
    assert after.approval is not None
    assert (after.state, after.approval.action) == ("AwaitingApproval", "rolloutRestart")


def test_a_question_is_withdrawn_when_nothing_is_wrong_any_more() -> None:
    status, _ = asked()
    closed = decide(situation(status=status, signals=()), NOW).status
    assert (closed.state, closed.reason) == ("Closed", reasons.RESOLVED_BY_ITSELF)
    assert closed.approval is not None
    assert closed.approval.answer == "Void"


NEEDED: dict[str, tuple[Mode, str, Step, ApprovalRules, bool]] = {
    "every step in mode Approve": ("Approve", "Deployment", scale_step(), ApprovalRules(), True),
    "no step in mode Enforce": ("Enforce", "Deployment", undo_step(), ApprovalRules(), False),
    "a restart of a data store": ("Enforce", "StatefulSet", restart_step(), ApprovalRules(), True),
    "an undo of a data store": ("Enforce", "StatefulSet", undo_step(), ApprovalRules(), True),
    "more replicas of a data store": ("Enforce", "StatefulSet", scale_step(), ApprovalRules(), False),
    "a data store whose policy says otherwise": (
        "Enforce",
        "StatefulSet",
        restart_step(),
        ApprovalRules(kinds=()),
        False,
    ),
    "Deployments whose policy says so": (
        "Enforce",
        "Deployment",
        undo_step(),
        ApprovalRules(kinds=("Deployment",)),
        True,
    ),
}


@pytest.mark.parametrize("name", NEEDED)
def test_who_needs_a_yes(name: str) -> None:
    """TRAPS 45."""
    mode, kind, step, rules, wanted = NEEDED[name]
    policy = a_policy(mode=mode, approval=rules)
    usual: Remediation = a_remediation()
    target = replace(usual.spec.target_ref, kind=kind)  # type: ignore[arg-type]
    of_kind = a_situation(policy=policy, remediation=replace(usual, spec=replace(usual.spec, target_ref=target)))
    assert bool(approvals.why_needed(of_kind, step)) == wanted


def test_a_step_may_ask_for_it_in_mode_enforce() -> None:
    status = decide(a_situation(steps=(restart_step(needs_approval=True),)), NOW).status
    assert status.state == "AwaitingApproval"
    assert "the step rolloutRestart asks for it" in status.decisions[-1].message


def test_the_modes_that_act_may_be_exchanged_under_way() -> None:
    """Approve -> Enforce: nobody is waited for any more; and back: the next plan is asked for."""
    status, _ = asked()
    lowered = situation(status=status, policy=a_policy(mode="Enforce"))
    decision = decide(lowered, NOW)
    assert begun(decision)
    raised = decide(a_situation(policy=a_policy(mode="Approve"), steps=(undo_step(),)), NOW).status
    assert raised.state == "AwaitingApproval"
