"""Who owns the replicas of a workload, over the model of the API."""

from typing import Any

import pytest

from platelet.model.autoscaler import AutoscalerKind, Bounds
from platelet.shell import kube
from platelet.shell.read import autoscalers
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
    (autoscaler,) = await autoscalers.read(shell.api, API)
    assert (str(autoscaler), autoscaler.bounds.min, autoscaler.bounds.max) == ("HorizontalPodAutoscaler mine", 2, 9)


async def test_behind_kedas_hpa_the_scaled_object_is_meant() -> None:
    shell = Shell()
    make(shell, kube.SCALED_OBJECTS, "queue", {**TARGET, "maxReplicaCount": 7})
    make(shell, kube.AUTOSCALERS, "keda-hpa-queue", TARGET, labels={"scaledobject.keda.sh/name": "queue"})
    (autoscaler,) = await autoscalers.read(shell.api, API)
    assert (str(autoscaler), autoscaler.least, autoscaler.most, autoscaler.unusable) == ("ScaledObject queue", 0, 7, "")


async def test_a_scaled_object_that_is_not_there_stands_in_the_way_of_nothing_else() -> None:
    """The undo of the same Runbook goes on; only its bounds are not raised."""
    shell = Shell()
    make(shell, kube.AUTOSCALERS, "keda-hpa-queue", TARGET, labels={"scaledobject.keda.sh/name": "queue"})
    (autoscaler,) = await autoscalers.read(shell.api, API)
    assert str(autoscaler) == "ScaledObject queue"
    assert "cannot be read: 404" in autoscaler.unusable


def written(name: str = "queue", kind: AutoscalerKind = "ScaledObject") -> list[Bounds]:
    return [Bounds(kind=kind, name=name, uid="1", min=8, max=10)]


async def test_what_was_written_is_known_though_keda_has_removed_the_hpa_of_a_paused_scaled_object() -> None:
    shell = Shell()
    paused = {"autoscaling.keda.sh/paused": "true"}
    make(shell, kube.SCALED_OBJECTS, "queue", {**TARGET, "minReplicaCount": 8}, annotations=paused)
    (autoscaler,) = await autoscalers.read(shell.api, API, written())
    assert (str(autoscaler), autoscaler.bounds.min) == ("ScaledObject queue", 8)
    assert await autoscalers.read(shell.api, API) == ()


async def test_what_was_written_and_scales_another_workload_now_is_known_and_not_to_be_raised() -> None:
    shell = Shell()
    elsewhere = {"scaleTargetRef": {**TARGET["scaleTargetRef"], "name": "web"}, "minReplicas": 8, "maxReplicas": 10}
    make(shell, kube.AUTOSCALERS, "mine", elsewhere)
    (autoscaler,) = await autoscalers.read(shell.api, API, written("mine", "HorizontalPodAutoscaler"))
    assert autoscaler.unusable == f"it does not scale {API} any more"


async def test_what_was_written_and_is_gone_is_gone() -> None:
    assert await autoscalers.read(Shell().api, API, written()) == ()


async def test_what_was_written_and_cannot_be_read_is_not_gone() -> None:
    shell = Shell()
    make(shell, kube.AUTOSCALERS, "keda-hpa-queue", TARGET, labels={"scaledobject.keda.sh/name": "queue"})
    with pytest.raises(kube.Refused):
        await autoscalers.read(_Forbidding(shell.api), API, written())


class _Forbidding:
    """The API server, whose roles say nothing of KEDA."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    async def get(self, resource: kube.Resource, namespace: str, name: str) -> kube.Json:
        if resource == kube.SCALED_OBJECTS:
            raise kube.Refused(403, "Forbidden", "no right")
        stored: kube.Json = await self._api.get(resource, namespace, name)
        return stored
