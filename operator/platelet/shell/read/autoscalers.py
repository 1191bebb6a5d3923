"""Reads who owns the number of a workload's replicas: its HPAs, and behind one of KEDA's the ScaledObject."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

from platelet.api.readers import autoscalers as contract
from platelet.model.autoscaler import Autoscaler, AutoscalerKind, Bounds
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import AUTOSCALERS, SCALED_OBJECTS, SCALERS, Json, NotFound, Reads, Refused


async def read(kube: Reads, target: WorkloadRef, written: Collection[Bounds] = ()) -> tuple[Autoscaler, ...]:
    """Everything that scales the target, and whatever we have written on. Raises ApiError when a read fails.

    What was `written` is read by its name: KEDA removes the HPA of a ScaledObject that people pause, and what cannot be
    read is not gone.
    """
    stored = await kube.list(AUTOSCALERS, target.namespace)
    mine = [autoscaler for autoscaler in stored if contract.scales(autoscaler, target.kind, target.name)]
    owners = await asyncio.gather(*(_owner(kube, target.namespace, autoscaler) for autoscaler in mine))
    known = {(autoscaler.bounds.kind, autoscaler.bounds.name) for autoscaler in owners if autoscaler.bounds.uid}
    unknown = {(autoscaler.kind, autoscaler.name) for autoscaler in written} - known
    named = [
        autoscaler
        for autoscaler in [await _by_name(kube, target, *key) for key in sorted(unknown)]
        if autoscaler is not None
    ]
    replaced = {(autoscaler.bounds.kind, autoscaler.bounds.name) for autoscaler in named}
    return (
        *(autoscaler for autoscaler in owners if (autoscaler.bounds.kind, autoscaler.bounds.name) not in replaced),
        *named,
    )


async def _owner(kube: Reads, namespace: str, stored: Json) -> Autoscaler:
    """The HPA itself; or what would revert a change of it."""
    name = contract.scaled_object_of(stored)
    if not name:
        return contract.read_autoscaler("HorizontalPodAutoscaler", stored)
    try:
        return contract.read_autoscaler("ScaledObject", await kube.get(SCALED_OBJECTS, namespace, name))
    except (NotFound, Refused) as error:  # it stands in the way of nothing but of raising its bounds
        return contract.unreadable("ScaledObject", name, f"{error.code} {error.reason}")


async def _by_name(kube: Reads, target: WorkloadRef, kind: AutoscalerKind, name: str) -> Autoscaler | None:
    try:
        stored = await kube.get(SCALERS[kind], target.namespace, name)
    except NotFound:
        return None
    autoscaler = contract.read_autoscaler(kind, stored)
    if contract.scales(stored, target.kind, target.name):
        return autoscaler
    return replace(autoscaler, unusable=autoscaler.unusable or f"it does not scale {target} any more")
