"""Runbooks: steps are understood or refused with a sentence."""

from datetime import timedelta
from typing import Any

import pytest

from platelet.actions import ACTIONS
from platelet.actions.rollout_undo import RolloutUndo
from platelet.actions.scale import Scale
from platelet.api import invalid, runbook
from platelet.model import reasons

RESTART: dict[str, Any] = {"name": "restart", "rolloutRestart": {}}


def a_runbook(*steps: dict[str, Any]) -> runbook.Runbook:
    """A Runbook as read."""
    return runbook.Runbook(namespace="shop", name="crash-loop", uid="u", generation=1, steps=steps)


def test_a_step_is_read_with_all_its_settings() -> None:
    """Condition, action, verification."""
    (step,) = runbook.read_steps(
        [
            {
                "name": "undo",
                "when": 'target.changedWithin("30m")',
                "rolloutUndo": {"to": "Revision", "revision": 3},
                "verify": {"timeout": "2m", "stableFor": "90s", "checks": [{"alertResolved": {"timeout": "20m"}}]},
            }
        ]
    )
    assert (step.name, step.action, step.when) == ("undo", "rolloutUndo", 'target.changedWithin("30m")')
    assert step.settings == RolloutUndo(to="Revision", revision=3)
    assert (step.verify.timeout, step.verify.stable_for) == (timedelta(minutes=2), timedelta(seconds=90))
    assert (step.verify.alert_resolved, step.verify.alert_timeout) == (True, timedelta(minutes=20))


def test_what_is_left_out_has_the_defaults_of_the_design() -> None:
    """DESIGN 3.6: 5m, stable for 1m, 15m for an alert."""
    (step,) = runbook.read_steps([{"name": "add", "scale": {"by": 1}}])
    assert step.settings == Scale(by=1)
    assert (step.verify.timeout, step.verify.stable_for) == (timedelta(minutes=5), timedelta(minutes=1))
    assert (step.verify.alert_resolved, step.verify.alert_timeout) == (False, timedelta(minutes=15))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.key)
def test_every_action_of_the_list_can_be_a_step(action: Any) -> None:
    """A new action is one file and one name in its list."""
    sample = {"scale": {"to": 2}}.get(action.key, {})
    (step,) = runbook.read_steps([{"name": "try-it", action.key: sample}])
    assert step.action == action.key
    assert isinstance(step.settings, action.settings)


BAD: dict[str, tuple[list[Any], str]] = {
    "no step": ([], "steps: there are 0: write 1 to 16"),
    "too many": ([{"name": f"s{n}", "rolloutRestart": {}} for n in range(17)], "steps: there are 17: write 1 to 16"),
    "not a step": (["restart"], "steps[0]: 'restart' is not a mapping"),
    "no action": ([{"name": "a"}], "steps[0]: a step needs an action: add one of rolloutUndo, rolloutRestart, scale"),
    "two actions": ([{**RESTART, "scale": {"to": 2}}], "steps[0]: a step does one thing"),
    "a misspelt action": ([{"name": "a", "rolloutUnod": {}}], "steps[0].rolloutUnod: is not a known field"),
    "a misspelt setting": ([{"name": "a", "scale": {"to": 3, "maxx": 5}}], "steps[0].scale.maxx: is not a known field"),
    "no name": ([{"rolloutRestart": {}}], "steps[0].name: is required: add it"),
    "a name with a blank": ([{**RESTART, "name": "Re start"}], "steps[0].name: a step's name is in lower case"),
    "the same name twice": ([RESTART, RESTART], "steps: 'restart' is the name of two steps: rename one of them"),
    "max below min": ([{"name": "a", "scale": {"by": 1, "min": 3, "max": 2}}], "steps[0].scale: max must not be below"),
    "a negative duration": ([{**RESTART, "verify": {"timeout": "-5m"}}], "steps[0].verify.timeout: '-5m' is not a dur"),
    "a number as duration": ([{**RESTART, "verify": {"timeout": 300}}], "steps[0].verify.timeout: 300 is not a dur"),
    "a duration of years": ([{**RESTART, "verify": {"timeout": "9" * 19 + "h"}}], "is not a duration"),
    "a check without kind": ([{**RESTART, "verify": {"checks": [{}]}}], "steps[0].verify.checks[0]: a check needs its"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_step_is_refused_with_the_field_and_the_fix(name: str) -> None:
    """Also for pinned steps, which the API server does not look into."""
    steps, message = BAD[name]
    with pytest.raises(invalid.InvalidSpec) as failed:
        runbook.read_steps(steps)
    assert message in str(failed.value)


def test_a_runbook_keeps_its_steps_as_written() -> None:
    """They are pinned as written, with fields that this version may not know."""
    steps = [{**RESTART, "fromALaterVersion": 1}]
    metadata = {"namespace": "shop", "name": "r", "uid": "u", "generation": 7}
    read = runbook.read_runbook({"metadata": metadata, "spec": {"description": "why", "steps": steps}})
    assert (read.generation, read.description, read.steps) == (7, "why", tuple(steps))


@pytest.mark.parametrize("spec", [None, {}, {"steps": None}, {"steps": {}}, {"steps": ["x"]}])
def test_a_runbook_without_steps_says_so(spec: Any) -> None:
    """What the CRD forbids may still be there from an older CRD."""
    with pytest.raises(invalid.InvalidSpec, match=r"spec(\.steps)?: .* write"):
        runbook.read_runbook({"metadata": {"namespace": "n", "name": "r", "uid": "u"}, "spec": spec})


@pytest.mark.parametrize(
    ("step", "reason", "message"),
    [
        (RESTART, reasons.READY, "1 step"),
        ({**RESTART, "scale": {}}, reasons.INVALID_SPEC, "steps[0].scale: set exactly one of to and by"),
        (
            {**RESTART, "when": "target.replicaz > 3"},
            reasons.INVALID_CONDITION,
            "step restart: when: line 1, column 7: target has no field replicaz",
        ),
    ],
    ids=["good", "a bad step", "a bad condition"],
)
def test_a_runbook_is_judged(step: dict[str, Any], reason: str, message: str) -> None:
    """Ready, or the reason and where to look."""
    found = runbook.check_runbook(a_runbook(step))
    assert (found.ready, found.reason) == (reason == reasons.READY, reason)
    assert message in found.message
