"""A release prunes what the one before it needs: an undo goes only where pods can start."""

import copy
from datetime import timedelta
from typing import Any

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.incidents import MINUTE, begin, images_written
from tests.scenarios.manifests import step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP


def release(simulation: Simulation, image: str, settings: str) -> None:
    """With a ConfigMap of its own, as kustomize makes them."""
    simulation.world.store.create(kube.CONFIG_MAPS, SHOP, {"metadata": {"name": settings}, "data": {"key": "private"}})
    template: Any = copy.deepcopy(simulation.world.workload("api")["spec"]["template"])
    template["spec"]["containers"][0] |= {"image": image, "envFrom": [{"configMapRef": {"name": settings}}]}
    simulation.world.edit("api", {"spec": {"template": template}})


def test_the_goal_is_the_newest_healthy_template_that_can_start() -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"))
        release(simulation, "app:good-2", "settings-2")
        simulation.run(timedelta(hours=3))
        release(simulation, "app:good-3", "settings-3")
        simulation.run(timedelta(hours=3))
        release(simulation, "app:crash-4", "settings-4")
        simulation.world.store.delete(kube.CONFIG_MAPS, SHOP, "settings-3")
        simulation.run(20 * MINUTE)
        assert images_written(simulation) == ["app:good-2"]


def test_where_none_can_start_nothing_is_written_and_people_hear_what_is_missing() -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"), image="app:crash-1")
        release(simulation, "app:good-2", "settings-2")
        simulation.run(timedelta(hours=3))
        release(simulation, "app:crash-3", "settings-3")
        simulation.world.store.delete(kube.CONFIG_MAPS, SHOP, "settings-2")
        simulation.run(20 * MINUTE)
        assert images_written(simulation) == []
        messages = [
            remediation.status.message
            for remediation in simulation.remediations()
            if remediation.status.state == "Escalated"
        ]
        assert any(
            reasons.MISSING_REFERENCE in message and "configmap/settings-2 is missing" in message
            for message in messages
        )


def test_what_may_not_be_looked_for_counts_as_missing() -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"), image="app:crash-1")
        release(simulation, "app:good-2", "settings-2")
        simulation.run(timedelta(hours=3))
        release(simulation, "app:crash-3", "settings-3")
        for process in simulation.processes:
            process.api.get = forbidding(process.api.get)  # type: ignore[method-assign]
        simulation.run(20 * MINUTE)
        assert images_written(simulation) == []


def forbidding(get: Any) -> Any:
    async def refuse(resource: kube.Resource, namespace: str, name: str) -> kube.Json:
        if resource is kube.CONFIG_MAPS:
            raise kube.Refused(403, "Forbidden", "no")
        stored: kube.Json = await get(resource, namespace, name)
        return stored

    return refuse
