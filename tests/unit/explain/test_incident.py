"""One Remediation explained: every step, every guard in order, and words that people can act on."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import guards
from platelet.actions.rollout_undo import RolloutUndo
from platelet.explain import incident, incident_text
from platelet.model.budget import BudgetSpec, PendingRevert, Suspension
from platelet.model.escalation import EscalationRecord
from platelet.model.escalation_levels import Level
from platelet.model.log_tail import LogTail
from platelet.model.remediation import DecisionRecord, RemediationStatus, Waiting
from platelet.model.situation import Situation
from tests.unit.pins import scaled
from tests.unit.situations import (
    A_MINUTE_AGO,
    NOW,
    a_budget,
    a_notification,
    a_policy,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    a_step,
    a_workload,
    an_attempt,
    an_entry,
    evidence_of,
    minutes,
)

UNDO = a_step(settings=RolloutUndo())
RESTART = a_step("rolloutRestart")
FREEZE = BudgetSpec(suspended=Suspension(reason="freeze", until=NOW + minutes(30)))


def told(**changes: Any) -> str:
    """Explain a situation in words."""
    return "\n".join(incident_text.text(explained(**changes)))


def explained(*, status: RemediationStatus | None = None, **changes: Any) -> incident.Incident:
    """Explain the bad release."""
    defaults: dict[str, Any] = {"steps": (UNDO,), "remediation": a_remediation(status=status or a_status())}
    situation: Situation = a_situation(**(defaults | changes))
    return incident.explain(situation, NOW)


def test_what_a_job_has_said_stands_with_its_attempt() -> None:
    tail = LogTail(pod="mend-x", container="mend", read_at=NOW, lines=("no lock on the table",))
    text = told(status=a_status(attempts=(an_attempt(log_tail=tail),)))
    below = text.partition("Attempts")[2]
    assert "the end of the log of container mend of pod mend-x:" in below
    assert "no lock on the table" in below


def test_every_guard_answers_in_its_order_whatever_the_first_no_is() -> None:
    """Who mends the first obstacle sees the next one at once."""
    seen = explained(budget=a_budget(spec=FREEZE), workload=a_workload(paused=True, deleting=True))
    judgement = seen.ladder[0].judgement
    assert judgement is not None
    assert [name for name, _ in judgement.verdicts] == [guard.name for guard in guards.GUARDS]
    denials = [denial.reason for _, denial in judgement.verdicts if denial is not None]
    assert denials == ["Suspended", "BeingDeleted", "Paused"]
    assert not judgement.allowed


def test_guards_that_allow_share_a_line_around_those_that_deny() -> None:
    """Short, and still in order."""
    lines = told(budget=a_budget(spec=FREEZE)).splitlines()
    at = next(number for number, line in enumerate(lines) if "DENY" in line)
    assert lines[at - 1].split() == ["ok", "clock,", "busy,", "policyLive"]
    assert lines[at].strip() == (
        "DENY      suspended: Suspended: everything is suspended by people until 2026-11-21T12:30:00Z: freeze;"
        " asked again at 2026-11-21T12:30:00Z (in 30m)"
    )
    assert lines[at + 1].split()[:2] == ["ok", "protectedNamespace,"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "plan      undo the template, with the same images (revision 1), released", id="a plan"),
        pytest.param({"records": ()}, "refused   NoHealthyRevision: ", id="an action that cannot be planned"),
        pytest.param(
            {"steps": (a_step(settings=RolloutUndo(), when="target.replicas > 5"),)},
            "no        ConditionFalse: when target.replicas > 5",
            id="a condition that does not hold",
        ),
        pytest.param(
            {"steps": (a_step(settings=RolloutUndo(), when="target.replicas < 5"),)},
            "ok        when target.replicas < 5",
            id="a condition that holds",
        ),
        pytest.param(
            {"steps": (UNDO, RESTART)}, "2. rolloutRestart: rolloutRestart (if it comes to that)", id="a later step"
        ),
        pytest.param({"workload": None}, "(does not exist any more)", id="the target is gone"),
        pytest.param({"policy": None}, "policy   shop/heal-api (deleted, or its spec", id="the policy is gone"),
        pytest.param(
            {"policy": a_policy(ready=False, not_ready_reason="RunbookNotFound: create it")},
            "(mode Enforce, not ready: RunbookNotFound: create it)",
            id="the policy is not ready",
        ),
        pytest.param({"policy": a_policy(suspended="holiday")}, "suspended: holiday", id="the policy is suspended"),
        pytest.param({"signals": ()}, "none: nothing is wrong that the policy's triggers look for", id="no signal"),
        pytest.param(
            {"signals": (a_signal(holds_at=NOW + minutes(1)),)},
            "old enough to act on 2026-11-21T12:01:00Z (in 1m)",
            id="a young signal",
        ),
        pytest.param({"status": RemediationStatus()}, "not looked at by an operator yet", id="a new one"),
        pytest.param(
            {"status": RemediationStatus()},
            "What changed before\n  the template was released",
            id="the release",
        ),
        pytest.param(
            {
                "status": a_status(
                    waiting=Waiting(by="cooldown", reason="Cooldown", message="m", until=NOW + minutes(2))
                )
            },
            "waiting  for cooldown: Cooldown, until 2026-11-21T12:02:00Z (in 2m)",
            id="what it waits for",
        ),
        pytest.param(
            {"status": a_status(evidence=(evidence_of(a_signal(), count=41, resolved_at=NOW),), evidence_dropped=3)},
            "seen 41 times, resolved 2026-11-21T12:00:00Z (now)\n  and 3 older ones that were dropped",
            id="evidence with first, last, count, and what was dropped",
        ),
        pytest.param(
            {
                "budget": a_budget(
                    an_entry(
                        id="rem-1/0/1",
                        revert=PendingRevert(
                            action="scale",
                            changes=scaled(4, before=2),
                            due_at=NOW + minutes(5),
                            when_resolved=True,
                        ),
                    )
                )
            },
            "4 replicas to 2 replicas (attempt rem-1/0/1), at 2026-11-21T12:05:00Z (in 5m) or when the alert",
            id="what is to be reverted, and when",
        ),
    ],
)
def test_what_is_told(changes: dict[str, Any], words: str) -> None:
    """Each row is a fact of the situation and the words for it."""
    assert words in told(**changes)


def test_an_attempt_is_told_with_before_after_and_verdict() -> None:
    """What was written, on what, and whether it helped."""
    attempt = an_attempt(verdict="Failed", verdict_at=NOW, verdict_message="pods restarted")
    note = DecisionRecord(by="rolloutUndo", reason="Written", message="done", first_at=NOW, last_at=NOW, count=2)
    text = told(
        status=a_status(state="Waiting", step=1, attempts=(attempt,), decisions=(replace(note, step="rolloutUndo"),))
    )
    for words in (
        "1. rolloutUndo: rolloutUndo (behind us)",
        "recorded  rolloutUndo: Written: done; 2026-11-21T12:00:00Z (now), 2 times",
        "rem-1/0/1 rolloutUndo: undo",
        "before   template bad, 2 replicas, generation 2",
        "after    template good of record api-good",
        "write    Done 2026-11-21T11:59:00Z (1m ago)",
        "verdict  Failed 2026-11-21T12:00:00Z (now): pods restarted",
    ):
        assert words in text


def test_an_escalation_is_told_with_what_became_of_the_webhook() -> None:
    """A message that did not arrive must not look as if it had."""
    escalation = EscalationRecord(reason="NoStepLeft", message="no step", at=A_MINUTE_AGO)
    failed = a_notification(tries=2, next_try_at=NOW + minutes(2), error="502")
    text = told(status=a_status(state="Escalated", escalation=escalation, notifications=(failed,)))
    assert "webhook  not delivered after 2 tries: 502, again at 2026-11-21T12:02:00Z (in 2m)" in text
    known = replace(failed, state="Acknowledged", acknowledged_by="ann")
    text = told(status=a_status(state="Escalated", escalation=escalation, notifications=(known,)))
    assert "webhook  acknowledged by ann" in text


def test_a_step_that_is_still_to_come_is_not_denied() -> None:
    """What its guards look at is read when it is reached; until then its plan is told, and no red word."""
    status = a_status(state="Verifying", attempts=(an_attempt(),))
    text = told(steps=(UNDO, RESTART), status=status, scope=None, budget=a_budget(spec=FREEZE))
    assert "2. rolloutRestart: rolloutRestart (if it comes to that)\n    then      rolling restart" in text
    assert "DENY" not in text


def test_a_later_step_that_would_be_passed_over_says_why() -> None:
    """In the words of its action."""
    text = told(steps=(RESTART, UNDO), records=())
    assert "then      passed over, as things are: " in text


@pytest.mark.parametrize("state", ["Escalated", "Closed"])
def test_when_automation_has_stopped_no_step_is_judged(state: Any) -> None:
    """It would only raise hopes."""
    assert all(rung.judgement is None for rung in explained(status=a_status(state=state)).ladder)


def test_explaining_changes_nothing_that_it_was_given() -> None:
    """The situation is a value, and stays the same one."""
    situation = a_situation(steps=(UNDO,))
    before = replace(situation)
    incident.explain(situation, NOW)
    assert situation == before


def test_what_is_next_stands_last() -> None:
    """Where the eye rests."""
    lines = told(budget=a_budget(spec=FREEZE)).splitlines()
    assert lines[-3] == "Next"
    assert "in 30m" in lines[-2]


def test_an_escalation_says_level_by_level_who_was_told_and_who_is_next() -> None:
    levels = tuple(
        Level(after=minutes(after), sinks=(sink,)) for after, sink in ((0, "oncall"), (30, "lead"), (60, "manager"))
    )
    known = (
        a_notification(sink="oncall", state="Delivered", told_at=NOW - minutes(40)),
        a_notification(id="rem-1/escalated/1/level-2", sink="lead", level=2, tries=2, error="lead answered 503"),
    )
    escalation = EscalationRecord(reason="NoStepLeft", message="m", at=NOW - minutes(40))
    status = a_status(state="Escalated", escalation=escalation, notifications=known)
    text = told(status=status, policy=a_policy(levels=levels, sinks=dict.fromkeys(("oncall", "lead", "manager"))))
    assert "level 1: oncall  delivered 2026-11-21T11:20:00Z (40m ago)" in text
    assert "level 2: lead    not delivered after 2 tries: lead answered 503" in text
    assert "(in 20m): tell level 3, manager, unless it is over or acknowledged before" in text
