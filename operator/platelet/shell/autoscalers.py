"""Reads who owns the number of a workload's replicas: its HPAs, and behind one of KEDA's the ScaledObject."""

import asyncio

from platelet.api import autoscalers as contract
from platelet.model.autoscaler import Autoscaler
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import AUTOSCALERS, SCALED_OBJECTS, Json, Kube, NotFound, Refused


async def read(kube: Kube, target: WorkloadRef) -> tuple[Autoscaler, ...]:
    """Everything that scales the target. Raises ApiError when a read fails."""
    stored = await kube.list(AUTOSCALERS, target.namespace)
    mine = [each for each in stored if contract.scales(each, target.kind, target.name)]
    return tuple(await asyncio.gather(*(_owner(kube, target.namespace, each) for each in mine)))


async def _owner(kube: Kube, namespace: str, stored: Json) -> Autoscaler:
    """The HPA itself; or what would take a change of it back."""
    name = contract.scaled_object_of(stored)
    if not name:
        return contract.read_autoscaler("HorizontalPodAutoscaler", stored)
    try:
        return contract.read_autoscaler("ScaledObject", await kube.get(SCALED_OBJECTS, namespace, name))
    except (NotFound, Refused) as error:  # it stands in the way of nothing but of raising its bounds
        return contract.unreadable("ScaledObject", name, f"{error.code} {error.reason}")
