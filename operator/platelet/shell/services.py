"""What is behind a Service: the workloads whose pods its selector chooses, by templates and by pods that are there."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from platelet.model.workload import KINDS, WorkloadRef
from platelet.shell.kube import PODS, WORKLOADS, Json, Kube

Behind = WorkloadRef | str
"""A workload; in words, what is of no kind that is healed."""

_SHOWN = 4  # of what is behind a Service, in a message
_OVER = ("Succeeded", "Failed")


async def behind(
    kube: Kube, namespace: str, selector: Mapping[str, str], owner: Callable[[str, Json], Awaitable[Behind]]
) -> set[Behind]:
    """Find all that this selector chooses. An empty one, as of an ExternalName, chooses nothing. Raises ApiError.

    Templates tell of workloads that have no pods at this moment, pods of what is no Deployment, StatefulSet or
    DaemonSet; `owner` resolves a pod.
    """
    if not selector:
        return set()
    chosen = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    pods, *lists = await asyncio.gather(
        kube.list(PODS, namespace, labels=chosen), *(kube.list(WORKLOADS[kind], namespace) for kind in KINDS)
    )
    found: set[Behind] = {
        WorkloadRef(kind=kind, namespace=namespace, name=each["metadata"]["name"])
        for kind, stored in zip(KINDS, lists, strict=True)
        for each in stored
        if _selects(selector, each["spec"]["template"].get("metadata") or {})
    }
    for each in pods:
        if (each.get("status") or {}).get("phase") not in _OVER:
            found.add(await owner(namespace, each))
    return found


def say_not_one(through: str, found: Collection[Behind]) -> str:
    """Why a Service, or a label of pods, does not lead to one workload."""
    if not found:
        return f"no workload is behind {through}"
    names = sorted(str(each) for each in found)
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"behind {through} is not one Deployment, StatefulSet or DaemonSet, but {shown}"


def _selects(selector: Mapping[str, str], metadata: Mapping[str, Any]) -> bool:
    labels = metadata.get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())
