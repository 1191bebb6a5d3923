"""The ActionBudget is deleted, replaced or wiped: what was lent for a time is reverted all the same, once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from platelet.shell import kube
from platelet.shell.leader import lease
from tests.scenarios.heals import RAISE, look
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR

Loss = Callable[[Simulation], None]


def replace_it(simulation: Simulation) -> None:
    """`kubectl replace --force`."""
    simulation.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    simulation.budget_spec({})


def delete_it_for_a_while(simulation: Simulation) -> None:
    simulation.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    simulation.run(3 * MINUTE)
    simulation.budget_spec({})


def wipe_it(simulation: Simulation) -> None:
    """As a restore by a backup tool does."""
    store = simulation.world.store
    stored = store.get(kube.BUDGETS, OPERATOR, "platelet")
    store.replace(kube.BUDGETS, OPERATOR, "platelet", {**stored, "status": {}}, subresource="status")


def replace_it_under_a_new_leader(simulation: Simulation) -> None:
    simulation.world.server.faults.at = {simulation.world.server.index: "kill before"}
    replace_it(simulation)


def lose_the_lease_with_it(simulation: Simulation) -> None:
    """The whole namespace was made anew, its Lease included."""
    simulation.world.store.delete(kube.LEASES, OPERATOR, lease.NAME)
    replace_it(simulation)


LOSSES: dict[str, Loss] = {
    lose.__name__: lose
    for lose in (
        replace_it,
        delete_it_for_a_while,
        wipe_it,
        replace_it_under_a_new_leader,
        lose_the_lease_with_it,
    )
}


def lend(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4, "revertAfter": "30m"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.alerts.resolve("f1")
    simulation.run(5 * MINUTE)


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_what_was_lent_is_reverted(simulation: Simulation, lose: Loss) -> None:
    lend(simulation)
    lose(simulation)
    simulation.run(timedelta(hours=2))
    assert simulation.world.replicas("api") == 2, simulation.describe()
    assert {state for state, _ in states(simulation)} == {"Closed"}
    assert look(simulation).unsettled == []


@pytest.mark.parametrize("lose", [replace_it, wipe_it])
def test_it_is_reverted_while_the_alert_still_fires(simulation: Simulation, lose: Loss) -> None:
    """The proof of the step runs when the history is lost."""
    begin(simulation, step("scale", {"to": 4, "revertAfter": "30m"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    lose(simulation)
    simulation.run(10 * MINUTE)
    simulation.alerts.resolve("f1")
    simulation.run(timedelta(hours=2))
    assert simulation.world.replicas("api") == 2, simulation.describe()


@pytest.mark.parametrize("lose", [replace_it, wipe_it])
def test_raised_bounds_are_given_back(simulation: Simulation, lose: Loss) -> None:
    begin(simulation, step("scale", RAISE), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.bounds("api") == (5, 5))
    simulation.alerts.resolve("f1")
    simulation.run(MINUTE)
    lose(simulation)
    simulation.run(timedelta(hours=2))
    assert simulation.world.bounds("api") == (2, 4), simulation.describe()


@pytest.mark.parametrize("lose", [replace_it, wipe_it])
def test_what_was_reverted_is_not_reverted_again(simulation: Simulation, lose: Loss) -> None:
    """People have chosen the same number since, for good."""
    lend(simulation)
    simulation.run(timedelta(hours=1))
    assert simulation.world.replicas("api") == 2
    simulation.world.scale("api", 4)
    lose(simulation)
    simulation.run(timedelta(hours=2))
    assert simulation.world.replicas("api") == 4


@pytest.mark.parametrize("lose", [replace_it, wipe_it])
def test_what_was_left_to_people_stays_theirs(simulation: Simulation, lose: Loss) -> None:
    """They changed the number before it was due, and have come to ours by themselves afterwards."""
    lend(simulation)
    simulation.world.scale("api", 7)
    simulation.run(timedelta(hours=1))
    simulation.world.scale("api", 4)
    lose(simulation)
    simulation.run(timedelta(hours=2))
    assert simulation.world.replicas("api") == 4
