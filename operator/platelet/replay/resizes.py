"""Resizing pods in place: what the API server takes, and what the kubelet makes of it (KEP-1287)."""

from typing import Any, Literal

from platelet.replay.strategies import deep_copy
from platelet.shell import kube
from platelet.shell.kube import Json

Outcome = Literal["Done", "Deferred", "Infeasible"]
_WORDS = {
    "Deferred": "Node didn't have enough resource: memory, requested: 805306368, used: 900000000, capacity: 1073741824",
    "Infeasible": "Node didn't have enough capacity: memory, requested: 805306368, capacity: 536870912",
}


def resized(stored: Json, wanted: Json) -> Json:
    """A PATCH of pods/NAME/resize: the resources of its containers, and nothing else. Raises Refused."""
    if any("resources" not in status for status in stored.get("status", {}).get("containerStatuses", ())):
        raise kube.Refused(422, "Invalid", "spec: Forbidden: Pod running on node without support for resize")
    updated = deep_copy(stored)
    for container, asked in zip(updated["spec"]["containers"], wanted["spec"]["containers"], strict=True):
        before, after = container.get("resources") or {}, asked.get("resources") or {}
        if {kind: set(amounts) for kind, amounts in before.items()} != {kind: set(own) for kind, own in after.items()}:
            raise kube.Refused(422, "Invalid", "resource limits cannot be removed")
        container["resources"] = deep_copy(after)
    return updated


def is_unanswered(pod: Json) -> bool:
    """Whether it is on a node whose kubelet has not said yet what becomes of its present spec."""
    answered = pod.get("status", {}).get("observedGeneration") == pod["metadata"]["generation"]
    return "nodeName" in pod["spec"] and not answered


def tell(pod: Json, status: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The status, with what its containers have, and why that is not what the spec asks for."""
    old = pod.get("status", {}).get("containerStatuses")
    (container,), (own,) = pod["spec"]["containers"], status["containerStatuses"]
    wanted = container.get("resources") or {}
    before = old[0].get("resources", wanted) if old else wanted
    has = wanted if outcome == "Done" else before
    answered = {**own, "resources": has, "allocatedResources": has.get("requests") or {}}
    generation = pod["metadata"]["generation"]
    conditions = list(status["conditions"])
    if has != wanted:
        words = {"reason": outcome, "message": _WORDS[outcome], "observedGeneration": generation}
        conditions.append({"type": "PodResizePending", "status": "True", **words})
    return {**status, "conditions": conditions, "containerStatuses": [answered], "observedGeneration": generation}
