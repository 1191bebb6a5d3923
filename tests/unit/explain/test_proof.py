"""How far a proof is, until when it may come, and what follows if it does not: in one sentence."""

from typing import Any

import pytest

from platelet.explain import proof
from platelet.model.policy import Verification
from platelet.model.verifying import Verifying
from tests.unit.situations import (
    NOW,
    a_pod,
    a_situation,
    a_status,
    a_step,
    a_well_workload,
    an_attempt,
    minutes,
    seconds,
)

ROLLING = Verifying(started_at=NOW - minutes(1))
COMPLETE = Verifying(started_at=NOW - minutes(2), complete_at=NOW - minutes(1))
RESTART = a_step("rolloutRestart")
PROVING = Verification(timeout=minutes(5), stable_for=minutes(1))
PODS = [a_pod(name, ready_changed_at=NOW - seconds(14), containers=()) for name in ("api-2-a", "api-2-b")]

# The clocks, what else differs, and the sentence.
CASES: dict[str, tuple[Verifying | None, dict[str, Any], str]] = {
    "nothing is verified": (None, {}, ""),
    "the rollout is under way": (
        ROLLING,
        {},
        "rollout until 2026-11-21T12:04:00Z at the latest, then step 2 (rolloutRestart)",
    ),
    "well for a while": (
        COMPLETE,
        {"pods": tuple(PODS)},
        "stable 14s of 1m, until 2026-11-21T12:04:00Z at the latest, then step 2 (rolloutRestart)",
    ),
    "well for longer than is asked for": (
        COMPLETE,
        {"pods": tuple(a_pod(name, containers=()) for name in ("api-2-a", "api-2-b"))},
        "stable 1m of 1m, until 2026-11-21T12:04:00Z at the latest, then step 2 (rolloutRestart)",
    ),
    "not well": (
        COMPLETE,
        {"pods": (a_pod(ready=False),)},
        "stable 0s of 1m, until 2026-11-21T12:04:00Z at the latest, then step 2 (rolloutRestart)",
    ),
    "the last step": (ROLLING, {"steps": (a_step(),)}, "rollout until 2026-11-21T12:04:00Z at the latest, then people"),
    "a step that escalates": (
        ROLLING,
        {"steps": (a_step(on_failure="Escalate"), RESTART)},
        "rollout until 2026-11-21T12:04:00Z at the latest, then people",
    ),
    "a step that stops": (
        ROLLING,
        {"steps": (a_step(on_failure="Stop"), RESTART)},
        "rollout until 2026-11-21T12:04:00Z at the latest, then nothing: it stops, on record only",
    ),
    "a step that is reverted": (
        ROLLING,
        {"steps": (a_step(on_failure="Revert"), RESTART)},
        "rollout until 2026-11-21T12:04:00Z at the latest, then this step is reverted, then step 2 (rolloutRestart)",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_how_far_a_proof_is(name: str) -> None:
    """As whoever watches at night wants to read it."""
    clocks, changes, sentence = CASES[name]
    status = a_status(state="Verifying", verifying=clocks, attempts=(an_attempt(),))
    steps = changes.pop("steps", (a_step(verify=PROVING), RESTART))
    seen = a_situation(workload=a_well_workload(), steps=steps, **changes)
    assert proof.say_progress(seen, status, NOW) == sentence
