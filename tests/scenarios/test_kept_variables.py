"""An undo keeps variables that platelet has set: written once, with values that no Remediation shows."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import HEAL, LIMITS, is_over, moments, sample
from tests.scenarios.incidents import BUSY, MINUTE, images_written, states
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

OLD, NEW = {"name": "RATE_LIMIT", "value": "old-and-secret"}, {"name": "RATE_LIMIT", "value": "new-and-secret"}
MODE = {"name": "MODE", "value": "strict-and-secret"}
SET = step("setEnv", {"env": [NEW, MODE]})
UNDO = step("rolloutUndo", {"keepAdjustments": True})
WITHIN = timedelta(hours=2)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def strike(simulation: Simulation) -> None:
    """Variables are set; before that could prove itself, people release something that fails, and there is an undo."""
    triggers = [on_alert("Busy"), on_pods("CrashLoopBackOff")]
    simulation.apply(runbook(SET), policy(limits={**LIMITS, "cooldown": "0s"}, triggers=triggers))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.world.set_up("api", env=[OLD])
    simulation.run(2 * MINUTE)
    simulation.alerts.fire("f1", BUSY, lasts=MINUTE)
    simulation.run_until(lambda: simulation.world.container("api") == {"env": [NEW, MODE]})
    simulation.world.store.patch(kube.RUNBOOKS, SHOP, "heal", {"spec": {"steps": [UNDO]}})
    simulation.world.release("api", "app:crash")


def heal(simulation: Simulation) -> None:
    simulation.run_until(lambda: bool(images_written(simulation)) and is_over(simulation), within=WITHIN)


def test_they_are_in_the_template_that_comes_back_and_in_no_remediation(simulation: Simulation) -> None:
    strike(simulation)
    heal(simulation)
    assert (simulation.world.image("api"), simulation.world.container("api")) == ("app:good-1", {"env": [NEW, MODE]})
    assert states(simulation)[-1] == ("Closed", "Recovered")
    (undo,) = [
        attempt
        for remediation in simulation.remediations()
        for attempt in remediation.status.attempts
        if attempt.action == "rolloutUndo"
    ]
    assert "it keeps what platelet has adjusted: app.env.RATE_LIMIT as set, app.env.MODE as set" in undo.summary
    assert "drops" not in undo.summary
    shown = [remediation.status for remediation in simulation.remediations()]
    bodies = [call.body for call in simulation.world.server.audit if call.resource in ("events", "actionbudgets")]
    assert "and-secret" not in json.dumps([str(shown), bodies], default=str)


def test_a_kill_at_every_call_of_such_an_undo_changes_nothing(simulation: Simulation) -> None:
    """It is written once, with what it keeps."""
    strike(simulation)
    first = simulation.world.server.index
    heal(simulation)
    for index, kind in sample(moments(range(first, simulation.world.server.index), simulation.world.server.audit), 12):
        with Simulation() as again:
            again.world.server.faults.at[index] = kind
            strike(again)
            heal(again)
            assert again.world.container("api") == {"env": [NEW, MODE]}, (index, kind)
            assert images_written(again) == ["app:good-1"], (index, kind)
            assert history.offences(again.world.server.audit) == [], (index, kind)


def test_the_record_of_their_values_is_kept_as_long_as_the_remediation(simulation: Simulation) -> None:
    strike(simulation)
    heal(simulation)

    def kept() -> list[str]:
        stored = simulation.world.store.view(kube.CONTROLLER_REVISIONS)
        names = [record["metadata"]["name"] for record in stored]
        return [name for name in names if name.startswith("platelet-values-")]

    before = kept()
    assert len(before) == 2
    simulation.run(timedelta(hours=6))
    assert kept() == before
