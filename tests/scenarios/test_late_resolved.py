"""An alert's end comes late, and what the alert named is gone by then: a workload that is well is left alone.

By webhook alone, as where the settings say no `alertmanager.url`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import effects, is_over
from tests.scenarios.incidents import MINUTE, begin, images_written, is_well, states
from tests.scenarios.manifests import on_alert, on_pods, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

CRASHING = "KubePodCrashLooping"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        for process in simulation.processes:
            process.polls = False
        yield simulation


def pods(simulation: Simulation) -> set[str]:
    return {pod["metadata"]["name"] for pod in simulation.world.pods("api")}


def crash(simulation: Simulation) -> str:
    """A bad release, and the alert about one of its pods; the pod's name."""
    before = pods(simulation)
    simulation.world.release("api", "app:crash")
    simulation.run(timedelta(seconds=10))
    return min(pods(simulation) - before)


def labels_of(pod: str, **more: str) -> Mapping[str, str]:
    return {"alertname": CRASHING, "namespace": SHOP, "pod": pod, "container": "app", **more}


TRIGGERS = {
    "the alert alone": [on_alert(CRASHING)],
    "the pods and the alert": [on_pods(), on_alert(CRASHING)],
}


@pytest.mark.parametrize("late", [2 * MINUTE, 8 * MINUTE, 14 * MINUTE], ids=lambda late: f"{late} after the undo")
@pytest.mark.parametrize("triggers", TRIGGERS.values(), ids=TRIGGERS)
def test_an_undo_that_helped_is_the_only_action(
    simulation: Simulation, triggers: list[kube.Json], late: timedelta
) -> None:
    """The pod that the alert names is always gone after an undo."""
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"), triggers=triggers)
    simulation.alerts.fire("000000000000f00d", labels_of(crash(simulation)))
    simulation.run_until(lambda: bool(images_written(simulation)))
    simulation.run(late)
    simulation.alerts.resolve("000000000000f00d")
    simulation.run(60 * MINUTE)
    assert is_well(simulation)
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert len(effects(simulation.world.server.audit)) == 1
    assert simulation.world.image("api") == "app:good-1"


def test_that_it_is_told_again_while_its_pod_is_gone_calls_nobody(simulation: Simulation) -> None:
    """Alertmanager tells a whole group again when one alert in it changes."""
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"), triggers=[on_alert(CRASHING)])
    simulation.alerts.fire("000000000000f00d", labels_of(crash(simulation)))
    simulation.run_until(lambda: bool(images_written(simulation)))
    simulation.run(3 * MINUTE)
    simulation.alerts.repeat("000000000000f00d")
    simulation.run(MINUTE)
    simulation.alerts.resolve("000000000000f00d")
    simulation.run_until(lambda: is_over(simulation))
    policy = simulation.world.store.get(kube.POLICIES, SHOP, "heal")
    assert not policy["status"].get("untargetedAlerts")
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


def ask_for_another_alert(simulation: Simulation) -> None:
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"triggers": [on_alert("Another")]}})


def kill_the_leader(simulation: Simulation) -> None:
    server = simulation.world.server
    server.faults.at[server.index + 1] = "kill before"


def drop_the_autoscaler(simulation: Simulation) -> None:
    simulation.world.store.delete(kube.AUTOSCALERS, SHOP, "api")


MEANWHILE: dict[str, tuple[Mapping[str, str], Callable[[Simulation], None]]] = {
    "the policy asks for another alert": ({"deployment": "api"}, ask_for_another_alert),
    "the operator was restarted": ({"deployment": "api"}, kill_the_leader),
    "the autoscaler that it names is gone": ({"horizontalpodautoscaler": "api"}, drop_the_autoscaler),
}


@pytest.mark.parametrize(("named", "meanwhile"), MEANWHILE.values(), ids=MEANWHILE)
def test_a_restart_that_helped_is_the_only_action(
    simulation: Simulation, named: Mapping[str, str], meanwhile: Callable[[Simulation], None]
) -> None:
    begin(simulation, step("rolloutRestart"), step("scale", {"by": 1, "max": 9}), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 1, 4)
    simulation.alerts.fire("000000000000beef", {"alertname": "Busy", "namespace": SHOP, **named})
    simulation.run_until(lambda: bool(effects(simulation.world.server.audit)))
    simulation.run(MINUTE)
    meanwhile(simulation)
    simulation.run(MINUTE)
    simulation.alerts.resolve("000000000000beef")
    simulation.run(60 * MINUTE)
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert len(effects(simulation.world.server.audit)) == 1
