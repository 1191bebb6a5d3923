"""Nodes have clocks of their own: one that leads or lags makes no action too many, and none too early."""

from datetime import timedelta

import pytest

from platelet.model import reasons
from tests.scenarios.heals import effects
from tests.scenarios.incidents import MINUTE, begin, is_well, states
from tests.scenarios.manifests import on_alert, on_pods, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

OFF = {
    "a minute ahead": MINUTE,
    "ten minutes ahead": 10 * MINUTE,
    "a day ahead": timedelta(days=1),
    "ten minutes behind": -10 * MINUTE,
    "a day behind": timedelta(days=-1),
}


@pytest.mark.parametrize("ahead", OFF.values(), ids=OFF)
def test_a_step_that_helped_is_proven_and_not_followed_by_another(simulation: Simulation, ahead: timedelta) -> None:
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"), triggers=[on_pods(), on_alert("Down")])
    simulation.world.set_clock("node-1", ahead)
    simulation.world.release("api", "app:crash")
    simulation.run(20 * timedelta(seconds=1))
    labels = {"alertname": "Down", "namespace": SHOP, "deployment": "api"}
    simulation.alerts.fire("f1", labels, lasts=4 * MINUTE)
    simulation.run(40 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert is_well(simulation)


@pytest.mark.parametrize("ahead", OFF.values(), ids=OFF)
def test_what_must_fail_for_five_minutes_fails_for_five_minutes(simulation: Simulation, ahead: timedelta) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[on_pods("Unready", **{"for": "5m"})])
    simulation.world.set_clock("node-1", ahead)
    simulation.world.release("api", "app:unready")
    released = simulation.world.now
    simulation.run_until(lambda: bool(effects(simulation.world.server.audit)), within=7 * MINUTE)
    assert simulation.world.now >= released + 5 * MINUTE


@pytest.mark.parametrize("ahead", OFF.values(), ids=OFF)
def test_a_crash_loop_counts_from_when_it_began(simulation: Simulation, ahead: timedelta) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[on_pods(**{"for": "2m"})])
    simulation.world.set_clock("node-1", ahead)
    simulation.world.release("api", "app:crash")
    released = simulation.world.now
    simulation.run_until(lambda: bool(effects(simulation.world.server.audit)), within=5 * MINUTE)
    assert simulation.world.now >= released + 2 * MINUTE


def test_a_new_replica_that_finds_times_in_the_future_heals_all_the_same(simulation: Simulation) -> None:
    """It has seen nothing come: what lies ahead counts from when it was first read."""
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"))
    simulation.world.set_clock("node-1", timedelta(days=1))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: bool(effects(simulation.world.server.audit)))
    simulation.processes[0].end()
    simulation.run(40 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
