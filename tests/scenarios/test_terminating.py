"""Pods that hang in Terminating: people are told with evidence, and nothing is ever deleted by force."""

import pytest

from platelet.model import reasons
from platelet.shell import kube
from platelet.shell.kube import Json
from tests.scenarios.heals import effects
from tests.scenarios.incidents import MINUTE, begin, states
from tests.scenarios.manifests import on_pods, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

HANGS = on_pods("StuckTerminating", **{"for": "5m"})


def hang(simulation: Simulation) -> list[str]:
    """Pods that are to go, and that a finalizer holds."""
    store = simulation.world.server.store
    names = [pod["metadata"]["name"] for pod in store.find(kube.PODS, SHOP)]
    held: Json = {"metadata": {"finalizers": ["example.com/holds"]}}
    for name in names:
        store.patch(kube.PODS, SHOP, name, held)
    simulation.world.release("api", "app:good-2")
    return names


@pytest.mark.parametrize("action", ["rolloutUndo", "rolloutRestart"])
def test_people_get_it_and_nothing_is_done(simulation: Simulation, action: str) -> None:
    begin(simulation, step(action), triggers=[HANGS])
    names = hang(simulation)
    simulation.run(4 * MINUTE)
    assert states(simulation) == []
    simulation.run(4 * MINUTE)
    assert states(simulation) == [("Escalated", reasons.CAUSE_ELSEWHERE)]
    (fact,) = simulation.remediation().status.evidence
    assert "hang in Terminating" in fact.message
    assert "finalizer example.com/holds" in fact.message
    assert any(name in fact.message for name in names)
    assert effects(simulation.world.server.audit) == {}
    store = simulation.world.server.store
    assert {pod["metadata"]["name"] for pod in store.find(kube.PODS, SHOP)} > set(names)


def test_once_they_are_gone_it_is_over(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[HANGS])
    names = hang(simulation)
    simulation.run(8 * MINUTE)
    for name in names:
        simulation.world.server.store.patch(kube.PODS, SHOP, name, {"metadata": {"finalizers": None}})
    simulation.run(24 * 60 * MINUTE)
    assert [state for state, _ in states(simulation)] == ["Closed"]
    assert effects(simulation.world.server.audit) == {}


def test_a_workload_that_is_sick_as_well_is_healed(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[HANGS, on_pods()])
    simulation.world.release("api", "app:crash")
    hang(simulation)
    simulation.world.release("api", "app:crash-2")
    simulation.run_until(lambda: "app:crash" not in simulation.world.image("api"))


def test_without_the_trigger_nobody_minds(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"))
    hang(simulation)
    simulation.run(60 * MINUTE)
    assert states(simulation) == []
