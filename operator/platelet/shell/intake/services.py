"""What is behind a Service: the workloads whose pods its selector chooses, by templates and by pods that are there."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from platelet.model.enumeration import name_some
from platelet.model.workload import KINDS, WorkloadRef
from platelet.shell.intake.named_targets import HEALED, Found
from platelet.shell.kube import PODS, SERVICES, WORKLOADS, Json, NotFound, Reads
from platelet.triggers import targeting

Behind = WorkloadRef | str
"""A workload; in words, what is of no kind that is healed."""
Owner = Callable[[str, Json], Awaitable[Behind]]
"""Resolves a pod of a namespace."""

_SHOWN = 4  # of what is behind a Service, in a message
_OVER = ("Succeeded", "Failed")


async def find(kube: Reads, named: targeting.ServicesNamed, owner: Owner) -> Found:
    """The one workload behind those that are there; where none is, behind the label of pods that is called so."""
    services = await asyncio.gather(*(_service(kube, named.namespace, name) for name in named.names))
    present = [service for service in services if service is not None]
    if not present and not named.pod_label:
        what = f"there is no Service {' or '.join(named.names)} in namespace {named.namespace}"
        return Found(why=what) if named.likely else Found(why=targeting.NOT_SAID, named=False)
    selectors = [(service.get("spec") or {}).get("selector") or {} for service in present]
    through = "Service " + " and ".join(service["metadata"]["name"] for service in present)
    if not present:
        selectors = [{named.pod_label: name} for name in named.names]
        through = f"label {named.pod_label}={' or '.join(named.names)} (no Service is called so)"
    behind: set[Behind] = set()
    for selector in selectors:
        behind |= await _behind(kube, named.namespace, selector, owner)
    only = next(iter(behind)) if len(behind) == 1 else None
    return Found(only) if isinstance(only, WorkloadRef) else Found(why=_say_not_one(through, behind))


async def _service(kube: Reads, namespace: str, name: str) -> Json | None:
    try:
        return await kube.get(SERVICES, namespace, name)
    except NotFound:
        return None


async def _behind(kube: Reads, namespace: str, selector: Mapping[str, str], owner: Owner) -> set[Behind]:
    """Find all that this selector chooses. An empty one, as of an ExternalName, chooses nothing. Raises ApiError.

    Templates tell of workloads that have no pods at this moment, pods of what is no Deployment, StatefulSet or
    DaemonSet.
    """
    if not selector:
        return set()
    chosen = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    pods, *lists = await asyncio.gather(
        kube.list(PODS, namespace, labels=chosen), *(kube.list(WORKLOADS[kind], namespace) for kind in KINDS)
    )
    behind: set[Behind] = {
        WorkloadRef(kind=kind, namespace=namespace, name=workload["metadata"]["name"])
        for kind, stored in zip(KINDS, lists, strict=True)
        for workload in stored
        if _selects(selector, workload["spec"]["template"].get("metadata") or {})
    }
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _OVER:
            behind.add(await owner(namespace, pod))
    return behind


def _say_not_one(through: str, behind: Collection[Behind]) -> str:
    """Why a Service, or a label of pods, does not lead to one workload."""
    if not behind:
        return f"no workload is behind {through}"
    return f"behind {through} is not one {HEALED}, but {name_some(sorted(str(owner) for owner in behind), _SHOWN)}"


def _selects(selector: Mapping[str, str], metadata: Mapping[str, Any]) -> bool:
    labels = metadata.get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())
