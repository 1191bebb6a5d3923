"""An outage of something that all releases need: what ran well for long is as before when it is over."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from platelet.model import reasons
from platelet.replay import kubelet
from platelet.shell import kube
from tests.scenarios.incidents import BUSY, MINUTE, begin, images_written
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
LABELS = {"platelet.dev/heal": "true", "tier": "api", "heal": "yes"}
Outage = Callable[[Simulation, timedelta], None]


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    """What needs the dependency crashes while it is away, old pods and new ones; and is well again afterwards."""
    away = False
    behaviour_of = kubelet.behaviour_of

    def now_behaves(image: str) -> str:
        behaviour = behaviour_of(image)
        return "crash" if away and behaviour == "good" else behaviour

    monkeypatch.setattr(kubelet, "behaviour_of", now_behaves)

    def happen(simulation: Simulation, lasts: timedelta) -> None:
        nonlocal away
        away = True
        simulation.world.sicken_pods("api", "crash")
        simulation.run(lasts)
        away = False
        simulation.world.sicken_pods("api", "good")

    return happen


def history(simulation: Simulation, age: timedelta) -> None:
    """good-1 for two hours, then good-2 for `age`."""
    simulation.world.deploy("api", "app:good-1", labels=LABELS)
    simulation.run(timedelta(hours=2))
    simulation.world.release("api", "app:good-2")
    simulation.run(age)


def health(simulation: Simulation) -> dict[str, str]:
    """By image, as the records say."""
    records = simulation.world.store.view(kube.CONTROLLER_REVISIONS, SHOP)
    return {
        record["data"]["template"]["spec"]["containers"][0]["image"]: record["metadata"]["annotations"][
            "platelet.dev/health"
        ]
        for record in records
    }


@pytest.mark.parametrize("sample", ["first-policy.yaml", "stuck-rollout.yaml"])
@pytest.mark.parametrize("lasts", [6 * MINUTE, 40 * MINUTE])
def test_the_samples_leave_an_old_release_where_it_is(outage: Outage, sample: str, lasts: timedelta) -> None:
    with Simulation() as simulation:
        simulation.apply(*yaml.safe_load_all((SAMPLES / sample).read_text()))
        history(simulation, timedelta(hours=14))
        outage(simulation, lasts)
        simulation.run(timedelta(hours=3))
        assert simulation.world.image("api") == "app:good-2"
        assert images_written(simulation) == []
        assert health(simulation) == {"app:good-1": "Healthy", "app:good-2": "Healthy"}
        noted = {
            decision.reason for remediation in simulation.remediations() for decision in remediation.status.decisions
        }
        assert sample != "first-policy.yaml" or reasons.NOT_A_RECENT_RELEASE in noted


def test_a_young_release_is_undone_as_ever_and_what_the_outage_did_to_it_is_not_for_good(outage: Outage) -> None:
    """Released again when the cause is gone, it proves itself, and is the goal of the next undo."""
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"))
        simulation.run(timedelta(hours=2))
        simulation.world.release("api", "app:good-2")
        simulation.run(20 * MINUTE)
        outage(simulation, 3 * MINUTE)
        simulation.run(40 * MINUTE)
        assert images_written(simulation) == ["app:good-1"]
        simulation.world.release("api", "app:good-2")
        simulation.run(30 * MINUTE)
        assert health(simulation)["app:good-2"] == "Healthy"
        simulation.world.release("api", "app:crash-3")
        simulation.run(30 * MINUTE)
        assert images_written(simulation)[-1] == "app:good-2"


def test_what_people_release_in_the_outage_of_an_old_release_is_not_undone_past_it(
    outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their attempt to mend it fails like all else; going back two releases would not help either."""
    del outage
    with Simulation() as simulation:
        simulation.apply(runbook(step("rolloutUndo")), policy(limits={"maxConcurrent": 1, "giveUpAfter": "4h"}))
        history(simulation, timedelta(hours=14))
        simulation.world.annotate("api", {"platelet.dev/suspend": "we are at it"})
        monkeypatch.setattr(kubelet, "behaviour_of", lambda _image: "crash")
        simulation.world.sicken_pods("api", "crash")
        simulation.run(5 * MINUTE)
        simulation.world.release("api", "app:good-3")
        simulation.run(5 * MINUTE)
        simulation.world.annotate("api", {"platelet.dev/suspend": None})
        simulation.run(30 * MINUTE)
        assert images_written(simulation) == []


def test_a_release_that_people_put_back_is_young_again() -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"))
        simulation.run(timedelta(hours=5))
        simulation.world.release("api", "app:good-2")
        simulation.run(timedelta(hours=5))
        simulation.world.release("api", "app:good-1")
        simulation.run(10 * MINUTE)
        simulation.world.sicken_pods("api", "crash")
        simulation.run(30 * MINUTE)
        assert images_written(simulation) == ["app:good-2"]


def test_what_platelet_put_back_is_no_release_of_people() -> None:
    """It was old and well: another fault a moment later is not its own."""
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"))
        simulation.world.release("api", "app:good-2")
        simulation.run(timedelta(hours=5))
        simulation.world.release("api", "app:crash-3")
        simulation.run(40 * MINUTE)
        assert images_written(simulation) == ["app:good-2"]
        simulation.world.sicken_pods("api", "crash")
        simulation.run(30 * MINUTE)
        assert images_written(simulation) == ["app:good-2"]


def test_that_an_action_was_held_up_makes_no_release_old() -> None:
    """It crashes in its first hour; people answer in the second one."""
    with Simulation() as simulation:
        limits: Any = {"giveUpAfter": "4h"}
        begin(simulation, step("rolloutUndo", {"within": "20m"}), limits=limits)
        simulation.world.annotate("api", {"platelet.dev/suspend": "freeze"})
        simulation.world.release("api", "app:crash-2")
        simulation.run(90 * MINUTE)
        assert images_written(simulation) == []
        simulation.world.annotate("api", {"platelet.dev/suspend": None})
        simulation.run(10 * MINUTE)
        assert images_written(simulation) == ["app:good-1"]


def test_an_old_release_that_was_never_healthy_is_undone() -> None:
    """Nobody looked for what it does; then an alert did."""
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"), triggers=[on_alert("Busy")])
        simulation.world.release("api", "app:crash-2")
        simulation.run(timedelta(hours=6))
        simulation.alerts.fire("f1", BUSY, lasts=30 * MINUTE)
        simulation.run(20 * MINUTE)
        assert images_written(simulation) == ["app:good-1"]


def test_an_operator_that_comes_into_an_outage_does_not_take_what_it_never_saw_well_for_bad(outage: Outage) -> None:
    with Simulation() as simulation:
        history(simulation, timedelta(hours=14))
        simulation.world.sicken_pods("api", "crash")
        simulation.run(MINUTE)
        simulation.apply(runbook(step("rolloutUndo", {"to": "Previous"})), policy())
        outage(simulation, 30 * MINUTE)
        assert images_written(simulation) == []
