"""The settings of actions: what is accepted, and that each refusal tells the fix."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from platelet import actions
from platelet.actions.rollout_restart import RolloutRestart
from platelet.actions.rollout_undo import RolloutUndo
from platelet.actions.scale import Scale


def read(key: str, settings: dict[str, Any]) -> Any:
    return TypeAdapter(actions.BY_KEY[key].settings).validate_python(settings)


ACCEPTED: dict[str, tuple[str, dict[str, Any], object]] = {
    "an undo goes to the last healthy template by default": ("rolloutUndo", {}, RolloutUndo(to="LastHealthy")),
    "an undo may fall back to the previous template": (
        "rolloutUndo",
        {"ifUnknown": "Previous"},
        RolloutUndo(if_unknown="Previous"),
    ),
    "an undo may name a revision": (
        "rolloutUndo",
        {"to": "Revision", "revision": 3},
        RolloutUndo(to="Revision", revision=3),
    ),
    "a restart has no settings": ("rolloutRestart", {}, RolloutRestart()),
    "a scale to a number that is taken back after an hour": (
        "scale",
        {"to": 15, "max": 20, "revertAfter": "1h"},
        Scale(to=15, max=20, revert_after=timedelta(hours=1)),
    ),
    "a scale by a negative number": ("scale", {"by": -2, "min": 1}, Scale(by=-2, min=1)),
    "bounds that meet": ("scale", {"by": 1, "min": 4, "max": 4}, Scale(by=1, min=4, max=4)),
    "a take-back after a day": (
        "scale",
        {"to": 2, "revertAfter": "24h"},
        Scale(to=2, revert_after=timedelta(hours=24)),
    ),
}


@pytest.mark.parametrize(("key", "settings", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_is_accepted(key: str, settings: dict[str, Any], expected: object) -> None:
    """Settings as a runbook writes them are read into the action's dataclass."""
    assert read(key, settings) == expected


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an undo to a revision without its number": ("rolloutUndo", {"to": "Revision"}, "revision belongs to"),
    "a revision number without to Revision": ("rolloutUndo", {"revision": 3}, "revision belongs to"),
    "revision zero": ("rolloutUndo", {"to": "Revision", "revision": 0}, "greater than or equal to 1"),
    "a fallback without a last healthy goal": (
        "rolloutUndo",
        {"to": "Previous", "ifUnknown": "Previous"},
        "ifUnknown belongs to",
    ),
    "an unknown goal": ("rolloutUndo", {"to": "Newest"}, "'LastHealthy', 'Previous' or 'Revision'"),
    "a scale without a number": ("scale", {}, "exactly one of to and by"),
    "a scale with two numbers": ("scale", {"to": 3, "by": 1}, "exactly one of to and by"),
    "a scale by nothing": ("scale", {"by": 0}, "by: 0 changes nothing"),
    "a scale to zero": ("scale", {"to": 0}, "to: 0 switches the workload off, which heals nothing"),
    "a negative goal": ("scale", {"to": -1}, "greater than or equal to 0"),
    "a goal beyond all bounds": ("scale", {"to": 10001}, "less than or equal to 10000"),
    "a negative maximum": ("scale", {"to": 1, "max": -1}, "greater than or equal to 1"),
    "a maximum below the minimum": ("scale", {"by": 1, "min": 5, "max": 4}, "max must not be below min"),
    "bounds raised for ever": (
        "scale",
        {"to": 3, "autoscaler": "ScaledObject"},
        "add revertAfter or revertWhenResolved",
    ),
    "bounds lowered": (
        "scale",
        {"by": -1, "revertAfter": "1h", "autoscaler": "HorizontalPodAutoscaler"},
        "no negative by",
    ),
    "a take-back at once": ("scale", {"to": 3, "revertAfter": "0s"}, "longer than 0s"),
    "a take-back beyond the budget's memory": ("scale", {"to": 3, "revertAfter": "25h"}, "at most 24h"),
    "a take-back that is no duration": ("scale", {"to": 3, "revertAfter": "soon"}, "is not a duration"),
}


@pytest.mark.parametrize(("key", "settings", "fix"), REFUSED.values(), ids=REFUSED)
def test_is_refused(key: str, settings: dict[str, Any], fix: str) -> None:
    """Settings that make no sense are refused with words that tell the fix."""
    with pytest.raises(ValidationError, match=fix):
        read(key, settings)


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.key)
def test_every_rule_that_python_holds_is_held_by_the_api_server_too(action: Any) -> None:
    """Each message of the CEL rules is one of those that the dataclass raises: neither side knows more rules."""
    rules = TypeAdapter(action.settings).json_schema().get("x-kubernetes-validations", [])
    said = {rule["message"] for rule in rules}
    refused = [(key, settings) for key, settings, _ in REFUSED.values() if key == action.key]
    raised = set()
    for key, settings in refused:
        with pytest.raises(ValidationError) as failure:
            read(key, settings)
        raised |= {
            each["msg"].removeprefix("Value error, ")
            for each in failure.value.errors()
            if each["type"] == "value_error" and each["loc"] == ()
        }
    assert said == raised


def test_every_action_is_found_by_its_key() -> None:
    """The keys are those of the runbook's fields, each once."""
    assert list(actions.BY_KEY) == ["rolloutUndo", "rolloutRestart", "scale"]


def test_guards_know_what_an_action_touches() -> None:
    """A restart is no change that GitOps takes back; only the undo may act on an unfinished rollout."""
    traits = {action.key: action.traits for action in actions.ACTIONS}
    assert [key for key, each in traits.items() if each.changes_template] == ["rolloutUndo"]
    assert [key for key, each in traits.items() if each.changes_replicas] == ["scale"]
    assert [key for key, each in traits.items() if each.heals_rollout] == ["rolloutUndo"]


@pytest.mark.parametrize(
    ("key", "settings", "needs"),
    [
        ("rolloutUndo", {}, False),
        ("rolloutRestart", {}, True),
        ("scale", {"to": 5}, True),
        ("scale", {"by": 1}, True),
        ("scale", {"by": -1}, False),
    ],
)
def test_guards_know_whether_a_step_asks_for_new_pods(key: str, settings: dict[str, int], *, needs: bool) -> None:
    """An undo may ask for less than there is; fewer replicas do."""
    action = actions.BY_KEY[key]
    assert action.traits_with(action.settings(**settings)).needs_room is needs
