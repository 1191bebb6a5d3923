"""Reads who owns the number of a workload's replicas: its HPAs, and behind one of KEDA's the ScaledObject."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

from platelet.api import autoscalers as contract
from platelet.model.autoscaler import Autoscaler, AutoscalerKind, Bounds
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import AUTOSCALERS, SCALED_OBJECTS, SCALERS, Json, Kube, NotFound, Refused


async def read(kube: Kube, target: WorkloadRef, written: Collection[Bounds] = ()) -> tuple[Autoscaler, ...]:
    """Everything that scales the target, and whatever we have written on. Raises ApiError when a read fails.

    What was `written` is read by its name: KEDA removes the HPA of a ScaledObject that people pause, and what cannot be
    read is not gone.
    """
    stored = await kube.list(AUTOSCALERS, target.namespace)
    mine = [each for each in stored if contract.scales(each, target.kind, target.name)]
    owners = await asyncio.gather(*(_owner(kube, target.namespace, each) for each in mine))
    known = {(each.bounds.kind, each.bounds.name) for each in owners if each.bounds.uid}
    unknown = {(each.kind, each.name) for each in written} - known
    named = [each for each in [await _by_name(kube, target, *key) for key in sorted(unknown)] if each is not None]
    found = {(each.bounds.kind, each.bounds.name) for each in named}
    return (*(each for each in owners if (each.bounds.kind, each.bounds.name) not in found), *named)


async def _owner(kube: Kube, namespace: str, stored: Json) -> Autoscaler:
    """The HPA itself; or what would take a change of it back."""
    name = contract.scaled_object_of(stored)
    if not name:
        return contract.read_autoscaler("HorizontalPodAutoscaler", stored)
    try:
        return contract.read_autoscaler("ScaledObject", await kube.get(SCALED_OBJECTS, namespace, name))
    except (NotFound, Refused) as error:  # it stands in the way of nothing but of raising its bounds
        return contract.unreadable("ScaledObject", name, f"{error.code} {error.reason}")


async def _by_name(kube: Kube, target: WorkloadRef, kind: AutoscalerKind, name: str) -> Autoscaler | None:
    try:
        stored = await kube.get(SCALERS[kind], target.namespace, name)
    except NotFound:
        return None
    found = contract.read_autoscaler(kind, stored)
    if contract.scales(stored, target.kind, target.name):
        return found
    return replace(found, unusable=found.unusable or f"it does not scale {target} any more")
