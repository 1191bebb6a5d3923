"""Who owns the replicas of a workload, over the model of the API."""

from typing import Any

from platelet.shell import autoscalers, kube
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import API, Shell

TARGET = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}}


def make(shell: Shell, resource: kube.Resource, name: str, spec: Any, **metadata: Any) -> None:
    shell.world.store.create(resource, SHOP, {"metadata": {"name": name, **metadata}, "spec": spec})


async def test_the_hpa_of_the_workload_is_found_among_others() -> None:
    shell = Shell()
    make(shell, kube.AUTOSCALERS, "mine", {**TARGET, "minReplicas": 2, "maxReplicas": 9})
    other = {"scaleTargetRef": {**TARGET["scaleTargetRef"], "name": "web"}}
    make(shell, kube.AUTOSCALERS, "other", {**other, "maxReplicas": 9})
    (found,) = await autoscalers.read(shell.api, API)
    assert (str(found), found.bounds.min, found.bounds.max) == ("HorizontalPodAutoscaler mine", 2, 9)


async def test_behind_kedas_hpa_the_scaled_object_is_meant() -> None:
    shell = Shell()
    make(shell, kube.SCALED_OBJECTS, "queue", {**TARGET, "maxReplicaCount": 7})
    make(shell, kube.AUTOSCALERS, "keda-hpa-queue", TARGET, labels={"scaledobject.keda.sh/name": "queue"})
    (found,) = await autoscalers.read(shell.api, API)
    assert (str(found), found.least, found.most, found.unusable) == ("ScaledObject queue", 0, 7, "")


async def test_a_scaled_object_that_is_not_there_stands_in_the_way_of_nothing_else() -> None:
    """The undo of the same Runbook goes on; only its bounds are not raised."""
    shell = Shell()
    make(shell, kube.AUTOSCALERS, "keda-hpa-queue", TARGET, labels={"scaledobject.keda.sh/name": "queue"})
    (found,) = await autoscalers.read(shell.api, API)
    assert str(found) == "ScaledObject queue"
    assert "cannot be read: 404" in found.unusable
