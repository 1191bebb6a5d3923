"""Users of a namespace may write ControllerRevisions there: nothing that they write becomes a template to restore."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from platelet.api.readers import records
from platelet.model import templates
from platelet.model.durations import format_time
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from tests.scenarios.heals import is_over
from tests.scenarios.incidents import MINUTE, begin, images_written
from tests.scenarios.manifests import step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR, SHOP

API = WorkloadRef(kind="Deployment", namespace=SHOP, name="api")
PRIVILEGED = {
    "metadata": {"labels": {"app": "api"}},
    "spec": {"hostNetwork": True, "containers": [{"name": "app", "image": "app:good-intruder"}]},
}


def image_of(template: kube.Json) -> str:
    return str(template["spec"]["containers"][0]["image"])


def stored_record(simulation: Simulation, image: str) -> kube.Json:
    """The record of the template with this image."""
    records = simulation.world.store.find(kube.CONTROLLER_REVISIONS, SHOP)
    return next(record for record in records if image_of(record["data"]["template"]) == image)


def claim(since: str) -> dict[str, str]:
    """What a record says that has proven itself."""
    return {records.HEALTH: "Healthy", records.HEALTH_SINCE: since, records.EVER_HEALTHY: "true"}


def plant(simulation: Simulation, template: kube.Json, since: str, **labels: str) -> None:
    """Create a record as the operator would, of whatever template."""
    metadata: dict[str, Any] = {
        "name": records.record_name(API, templates.hash_template(template)),
        "labels": {records.TARGET_KIND: API.kind, records.TARGET: API.name, **labels},
        "annotations": {records.TARGET: API.name, **claim(since)},
    }
    body = {"metadata": metadata, "revision": 1, "data": {"template": template}}
    simulation.world.store.create(kube.CONTROLLER_REVISIONS, SHOP, body)


def remake(simulation: Simulation, record: kube.Json) -> None:
    """Delete a record and create another one of the same name and data."""
    simulation.world.store.delete(kube.CONTROLLER_REVISIONS, SHOP, record["metadata"]["name"])
    plant(simulation, record["data"]["template"], format_time(simulation.world.now))


def relabel(simulation: Simulation, record: kube.Json, annotations: dict[str, str]) -> None:
    """Edit the annotations of a record."""
    name = record["metadata"]["name"]
    simulation.world.store.patch(kube.CONTROLLER_REVISIONS, SHOP, name, {"metadata": {"annotations": annotations}})


def plant_a_privileged_one(simulation: Simulation) -> None:
    plant(simulation, PRIVILEGED, format_time(simulation.world.now))


def plant_one_of_tomorrow(simulation: Simulation) -> None:
    plant(simulation, PRIVILEGED, format_time(simulation.world.now + timedelta(days=1)))


def plant_one_that_poses_as_an_attestation(simulation: Simulation) -> None:
    plant(simulation, PRIVILEGED, format_time(simulation.world.now), **{"platelet.dev/target-namespace": SHOP})


def praise_the_one_that_was_bad(simulation: Simulation) -> None:
    relabel(simulation, stored_record(simulation, "app:crash-1"), claim(format_time(simulation.world.now)))


def remake_the_one_that_was_bad(simulation: Simulation) -> None:
    remake(simulation, stored_record(simulation, "app:crash-1"))


FORGERIES: dict[str, Callable[[Simulation], None]] = {
    plant.__name__: plant
    for plant in (
        plant_a_privileged_one,
        plant_one_of_tomorrow,
        plant_one_that_poses_as_an_attestation,
        praise_the_one_that_was_bad,
        remake_the_one_that_was_bad,
    )
}


@pytest.mark.parametrize("restarted", [False, True], ids=["same leader", "another leader"])
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_an_undo_restores_only_what_the_operator_saw_well(
    simulation: Simulation,
    forge: Callable[[Simulation], None],
    restarted: bool,  # noqa: FBT001 - a table
) -> None:
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash-1")
    simulation.run_until(lambda: is_over(simulation))
    simulation.run(60 * MINUTE)
    forge(simulation)
    if restarted:
        simulation.world.server.faults.at = {simulation.world.server.index: "kill before"}
    simulation.run(5 * MINUTE)
    simulation.world.release("api", "app:crash-2")
    simulation.run(60 * MINUTE)
    assert set(images_written(simulation)) == {"app:good-1"}
    assert simulation.world.image("api") == "app:good-1"


def test_an_older_template_is_not_preferred_because_somebody_says_so(simulation: Simulation) -> None:
    """Both were well; a vulnerable one comes back only if people release it."""
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:good-2")
    simulation.run(10 * MINUTE)
    relabel(simulation, stored_record(simulation, "app:good-1"), claim(format_time(simulation.world.now + MINUTE)))
    simulation.run(10 * MINUTE)
    simulation.world.release("api", "app:crash-1")
    simulation.run_until(lambda: is_over(simulation))
    assert images_written(simulation) == ["app:good-2"]


def test_a_template_does_not_grow_young_by_an_annotation(simulation: Simulation) -> None:
    """`changedWithin` would open the door to an undo."""
    begin(simulation, {**step("rolloutUndo"), "when": 'target.changedWithin("30m")'}, step("rolloutRestart"))
    simulation.world.release("api", "app:good-2")
    simulation.run(120 * MINUTE)
    now = format_time(simulation.world.now)
    for image in ("app:good-1", "app:good-2"):
        young = {records.FIRST_SEEN: now, records.LIVE_SINCE: now, records.RELEASED_AT: now}
        relabel(simulation, stored_record(simulation, image), young)
        simulation.run(MINUTE)
    remake(simulation, stored_record(simulation, "app:good-2"))
    simulation.world.sicken_pods("api", "crash")
    simulation.run(30 * MINUTE)
    assert images_written(simulation) == []


def test_a_template_whose_record_was_removed_proves_itself_anew(simulation: Simulation) -> None:
    """People may delete a snapshot: what runs well is known again once the workload is looked at."""
    begin(simulation, step("rolloutUndo"))
    name = stored_record(simulation, "app:good-1")["metadata"]["name"]
    simulation.world.store.delete(kube.CONTROLLER_REVISIONS, SHOP, name)
    simulation.world.annotate("api", {"people": "were here"})
    simulation.run(10 * MINUTE)
    simulation.world.release("api", "app:crash-1")
    simulation.run_until(lambda: is_over(simulation))
    assert images_written(simulation) == ["app:good-1"]
    attested = simulation.world.store.find(kube.CONTROLLER_REVISIONS, OPERATOR)
    assert len({record["metadata"]["name"] for record in attested}) == len(attested) == 2
