"""A first start may take long: a startup probe says how long is allowed, and as long it is no sickness."""

from platelet.model import reasons
from platelet.shell.kube import Json
from tests.scenarios.heals import effects
from tests.scenarios.incidents import MINUTE, begin, is_well, states
from tests.scenarios.manifests import on_pods, step
from tests.scenarios.simulation import Simulation

UNREADY: Json = {"pod": {"reasons": ["Unready"]}}
SHORT: Json = {"workload": {"conditions": ["ReplicasUnavailable"]}}
STUCK: Json = {"workload": {"conditions": ["RolloutStuck"]}}


def test_a_release_that_starts_slowly_is_left_alone(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[UNREADY, SHORT, STUCK, on_pods()])
    simulation.world.release("api", "app:slow-8m")
    simulation.run(40 * MINUTE)
    assert simulation.world.image("api") == "app:slow-8m"
    assert is_well(simulation)
    assert states(simulation) == []


def test_a_release_that_starts_beyond_its_deadline_is_stuck(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[STUCK])
    simulation.world.release("api", "app:slow-30m")
    simulation.run(25 * MINUTE)
    assert simulation.world.image("api") == "app:good-1", simulation.describe()


def test_a_step_whose_pods_start_slowly_is_not_followed_by_another(simulation: Simulation) -> None:
    """The verification's five minutes are over while the pods of the healthy template still start."""
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"), image="app:slow-4m")
    simulation.run(20 * MINUTE)
    simulation.world.release("api", "app:crash")
    simulation.run(40 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert is_well(simulation)
