"""What comes next and when, for each state that a Remediation can be in."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.actions.rollout_undo import RolloutUndo
from platelet.explain import outlook
from platelet.model import effects
from platelet.model.budget import BudgetSpec, PendingRevert, Suspension
from platelet.model.escalation import EscalationRecord
from platelet.model.reading import Query, Unanswered
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from tests.unit.pins import scaled
from tests.unit.situations import (
    A_MINUTE_AGO,
    NOW,
    a_budget,
    a_policy,
    a_remediation,
    a_signal,
    a_situation,
    a_status,
    a_step,
    a_well_workload,
    an_attempt,
    an_entry,
    minutes,
    seconds,
    verifying,
)

STEPS = (a_step(settings=RolloutUndo()),)
FREEZE = a_budget(spec=BudgetSpec(suspended=Suspension(reason="freeze", until=NOW + minutes(30))))
ESCALATED = EscalationRecord(reason="NoStepLeft", message="no step", at=A_MINUTE_AGO)


def situation(state: str = "Waiting", **changes: Any) -> Situation:
    """Build the bad release with its Remediation in a state; `status` holds further fields of the status."""
    status = a_status(state=state, waiting_since=A_MINUTE_AGO, **changes.pop("status", {}))
    return a_situation(**({"steps": STEPS, "remediation": a_remediation(status=status)} | changes))


def observed(**changes: Any) -> Situation:
    """The same under a policy in mode Observe."""
    seen = situation(policy=a_policy(mode="Observe"), **changes)
    spec = replace(seen.remediation.spec, mode="Observe")
    return replace(seen, remediation=replace(seen.remediation, spec=spec))


DONE = an_attempt(phase="Done", verdict="Recovered")
SCALED = an_entry(
    id="rem-1/0/1",
    revert=PendingRevert(action="scale", changes=scaled(4, before=2), due_at=NOW + minutes(5)),
)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(
            situation(
                "Verifying",
                status={"reason": "CheckPending", "message": "errors is not below 1 yet"},
                readings={Query(text="errors"): Unanswered(why="nobody was asked")},
            ),
            [
                (
                    "",
                    "verify again, by what the operator reads of others; it last said CheckPending: errors is",
                )
            ],
            id="a check is awaited: what is measured only the operator knows",
        ),
        pytest.param(
            situation(),
            [
                (
                    "now",
                    "take a place on the ActionBudget, then undo the template, with the same images (revision 1)",
                )
            ],
            id="allowed: it acts",
        ),
        pytest.param(
            situation(budget=FREEZE),
            [
                ("in 30m", "ask the guards again (suspended: Suspended)"),
                ("in 1h59m", "give up and tell people"),
            ],
            id="denied: when it is asked again, and when it is given up",
        ),
        pytest.param(
            situation(records=()),
            [("now", "stop, and tell people: NoStepLeft: "), ("", "close, when the target has been well")],
            id="no step can be planned: people",
        ),
        pytest.param(
            situation(records=(), status={"opened_at": None, "evidence": ()}),
            [("now", "stop, and tell people: NoStepLeft: "), ("", "close, when the target has been well")],
            id="the same, before an operator has looked: that it opens is told, and changes nothing",
        ),
        pytest.param(
            situation(workload=None),
            [("now", "close: TargetGone: the target was deleted")],
            id="the target is gone",
        ),
        pytest.param(situation(signals=()), [("now", "close: ResolvedByItself")], id="the fault has gone by itself"),
        pytest.param(
            situation(
                "Verifying",
                workload=a_well_workload(),
                status={"attempts": (an_attempt(),), "verifying": verifying()},
            ),
            [("", "stable 0s of 1m, until 2026-11-21T12:0"), ("in", "verify again")],
            id="a verification that is not over",
        ),
        pytest.param(
            situation("Monitoring", signals=(), status={"attempts": (DONE,), "recovered_at": A_MINUTE_AGO}),
            [("in 14m", "look again: closed if the target stayed well")],
            id="watched after its recovery",
        ),
        pytest.param(
            situation(
                "Monitoring",
                signals=(),
                budget=a_budget(SCALED),
                status={"attempts": (DONE,), "recovered_at": A_MINUTE_AGO},
            ),
            [("in 5m", "revert the temporary change")],
            id="a temporary change is due before that",
        ),
        pytest.param(
            situation("Escalated", status={"escalation": ESCALATED}),
            [("", "close, when the target has been well for 1m; until then people have it")],
            id="people have it",
        ),
        pytest.param(
            situation("Closed"),
            [("", "nothing: it is closed")],
            id="closed",
        ),
        pytest.param(
            observed(),
            [
                ("", "nothing is done in mode Observe (would undo the template, with the same images"),
                ("", "close as WouldHaveActed when every signal is gone"),
            ],
            id="observed: what would be done",
        ),
        pytest.param(
            observed(budget=FREEZE),
            [("in 30m", "nothing is done in mode Observe (would not act: everything is suspended"), ("", "close as")],
            id="observed: what would not be done, and until when",
        ),
    ],
)
def test_what_comes_next(seen: Situation, expected: list[tuple[str, str]]) -> None:
    """Each row is what happens, in order, and how soon."""
    steps = [(_when(step), step.text) for step in outlook.following(seen, NOW)]
    fitting = [
        when.startswith(at) and text.startswith(words)
        for (when, text), (at, words) in zip(steps, expected, strict=False)
    ]
    assert len(steps) == len(expected), steps
    assert all(fitting), steps


def _when(step: outlook.Next) -> str:
    if step.at is None:
        return ""
    away = step.at - NOW
    if not away:
        return "now"
    total = int(away.total_seconds())
    words = [f"{total // 3600}h" if total >= 3600 else "", f"{total % 3600 // 60}m" if total % 3600 >= 60 else ""]
    return "in " + "".join(words)


def test_a_remediation_that_nobody_has_looked_at_is_foreseen_from_its_spec() -> None:
    """Its first look would take the evidence and the step from there."""
    fresh = situation(remediation=a_remediation(status=RemediationStatus()))
    begun = outlook.begun(fresh, NOW)
    assert begun.remediation.status.evidence == (fresh.remediation.spec.signal,)
    assert [step.text[:20] for step in outlook.following(fresh, NOW)] == ["take a place on the "]


def test_nothing_that_is_foreseen_is_counted_as_done() -> None:
    """Playing forward ends before the first effect on the world."""
    expected = outlook.outlook_of(situation(), NOW)
    assert [type(effect) for effect in expected.decision.effects] == [effects.Reserve]
    assert expected.status.attempts == ()


def test_a_young_signal_is_waited_for() -> None:
    """The time is that of the trigger's `for`."""
    young = a_signal(holds_at=NOW + seconds(20))
    [first, _] = outlook.following(situation(signals=(young,)), NOW)
    assert first.at == NOW + seconds(20)
    assert "occurrence: TooYoung" in first.text


def test_a_well_target_of_an_escalation_closes_at_a_known_time() -> None:
    """From when on it is well is on record."""
    status = {"escalation": ESCALATED, "healthy_since": NOW - seconds(20)}
    well = situation("Escalated", signals=(), workload=a_well_workload(), status=status)
    steps = outlook.following(well, NOW)
    assert steps[-1].text.startswith("close, when")
