"""What is left of workloads that are gone goes after some days; who comes again in time finds it."""

from datetime import timedelta
from typing import Any

from platelet.api.readers import records
from platelet.shell import kube
from tests.scenarios.heals import HEAL, is_over
from tests.scenarios.incidents import MINUTE, begin, images_written
from tests.scenarios.manifests import step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR, SHOP

DAY = timedelta(days=1)


def remembered(simulation: Simulation) -> tuple[int, int]:
    """How many records there are, and how many attestations."""
    store = simulation.world.store
    return len(store.find(kube.CONTROLLER_REVISIONS, SHOP)), len(store.find(kube.CONTROLLER_REVISIONS, OPERATOR))


def a_released_one(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: is_over(simulation))
    simulation.run(30 * MINUTE)


def test_the_records_of_a_workload_that_is_gone_go_after_days(simulation: Simulation) -> None:
    """And nothing of them is left in the operator's own namespace."""
    a_released_one(simulation)
    simulation.world.delete("api")
    simulation.run(1.5 * DAY)
    assert remembered(simulation)[0] == 2
    simulation.run(DAY)
    assert remembered(simulation) == (0, 0)


def test_a_workload_that_comes_again_finds_its_history(simulation: Simulation) -> None:
    """It was deleted over a night; the days count anew when it is deleted again."""
    a_released_one(simulation)
    before = remembered(simulation)
    simulation.world.delete("api")
    simulation.run(DAY)
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(4 * DAY)
    assert remembered(simulation) == before
    simulation.world.delete("api")
    simulation.run(DAY)
    assert remembered(simulation) == before
    simulation.world.deploy("api", "app:crash-2", labels=HEAL)
    simulation.run(30 * MINUTE)
    assert images_written(simulation)[-1] == "app:good-1"


def test_attestations_whose_records_are_gone_go_within_hours(simulation: Simulation) -> None:
    """The namespace was deleted with all that was in it."""
    a_released_one(simulation)
    simulation.world.delete("api")
    for record in simulation.world.store.find(kube.CONTROLLER_REVISIONS, SHOP):
        simulation.world.store.delete(kube.CONTROLLER_REVISIONS, SHOP, record["metadata"]["name"])
    simulation.run(timedelta(hours=3))
    assert remembered(simulation) == (0, 0)


def of_another(simulation: Simulation, **annotations: str) -> str:
    """A ControllerRevision of somebody's, with our labels, of a workload that there is not."""
    labels = {records.TARGET_KIND: "Deployment", records.TARGET: "nothing"}
    metadata: dict[str, Any] = {"name": "theirs", "labels": labels, "annotations": annotations}
    body = {"metadata": metadata, "revision": 1, "data": {"template": {"spec": {}}}}
    simulation.world.store.create(kube.CONTROLLER_REVISIONS, SHOP, body)
    return "theirs"


def test_what_is_not_ours_is_not_removed(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"))
    name = of_another(simulation)
    simulation.run(5 * DAY)
    assert simulation.world.store.get(kube.CONTROLLER_REVISIONS, SHOP, name)


def test_what_cannot_be_read_is_not_gone(simulation: Simulation) -> None:
    a_released_one(simulation)
    before = remembered(simulation)
    outage = (simulation.world.now, simulation.world.now + DAY)
    simulation.world.server.faults.outages.append(outage)
    simulation.run(3 * DAY)
    assert remembered(simulation) == before
