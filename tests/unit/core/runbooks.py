"""Steps with the settings that a Runbook would give them."""

from dataclasses import replace
from typing import Any

from platelet.actions.rollout_restart import RolloutRestart
from platelet.actions.rollout_undo import RolloutUndo
from platelet.actions.scale import Scale
from platelet.model.policy import Step
from tests.unit.situations import a_step, minutes


def undo_step(**changes: Any) -> Step:
    """Go back to the last healthy template."""
    return a_step("rolloutUndo", RolloutUndo(), **changes)


def restart_step(**changes: Any) -> Step:
    """Restart all pods."""
    return a_step("rolloutRestart", RolloutRestart(), **changes)


def scale_step(**settings: Any) -> Step:
    """Five replicas, reverted after ten minutes."""
    return a_step("scale", replace(Scale(to=5, revert_after=minutes(10)), **settings))
