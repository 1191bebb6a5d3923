"""The Deployment controller's arithmetic: who is scaled to what in a rolling update, and what the status says.

Follows the rules of kube-controller-manager (pkg/controller/deployment), for RollingUpdate with minReadySeconds 0.
"""

import copy
import hashlib
import json
import math
from datetime import datetime, timedelta
from typing import Any

from platelet.model.durations import format_time, parse_time
from platelet.shell.kube import Json

REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
HASH_LABEL = "pod-template-hash"
NOT_COPIED = frozenset(
    {
        REVISION,
        DESIRED,
        MAX_REPLICAS,
        "deployment.kubernetes.io/revision-history",
        "kubectl.kubernetes.io/last-applied-configuration",
    }
)
_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def name_template(template: Json) -> str:
    """The pod-template-hash: ten safe characters."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_SAFE[byte % len(_SAFE)] for byte in digest[:10])


def revision_of(obj: Json) -> int:
    """The revision annotation of a Deployment or ReplicaSet."""
    return int(obj["metadata"].get("annotations", {}).get(REVISION, 0))


def desired(deployment: Json) -> int:
    """`spec.replicas`."""
    return int(deployment["spec"].get("replicas", 1))


def bounds(deployment: Json) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods: 25 % each, rounded up and down, never both zero."""
    wanted = desired(deployment)
    surge, unavailable = math.ceil(wanted * 0.25), math.floor(wanted * 0.25)
    return surge, unavailable if surge or unavailable else 1


def size(replica_set: Json) -> int:
    """`spec.replicas` of a ReplicaSet."""
    return int(replica_set["spec"]["replicas"])


def available(replica_set: Json) -> int:
    """Pods that are ready."""
    return int(replica_set.get("status", {}).get("availableReplicas", 0))


def first_size(deployment: Json, olds: list[Json]) -> int:
    """How large a new ReplicaSet begins."""
    surge, _ = bounds(deployment)
    return max(0, min(desired(deployment) + surge - sum(map(size, olds)), desired(deployment)))


def roll(deployment: Json, new: Json, olds: list[Json]) -> dict[str, int]:
    """One turn of a rolling update: ReplicaSet name -> its next size. Empty when nothing is to be done."""
    grown = _grow(deployment, new, olds)
    return grown or _shrink(deployment, new, olds)


def rescale(deployment: Json, new: Json | None, olds: list[Json]) -> dict[str, int]:
    """Spread a changed `spec.replicas` in proportion; what rounding leaves over goes to the largest."""
    surge, _ = bounds(deployment)
    active = [replica_set for replica_set in (*olds, *([new] if new else [])) if size(replica_set) > 0]
    if not active:
        return {new["metadata"]["name"]: desired(deployment)} if new else {}
    total = sum(map(size, active))
    goal = desired(deployment) + (surge if len(active) > 1 and desired(deployment) else 0)
    sizes = {replica_set["metadata"]["name"]: round(size(replica_set) * goal / total) for replica_set in active}
    largest = max(active, key=size)["metadata"]["name"]
    sizes[largest] = max(0, sizes[largest] + goal - sum(sizes.values()))
    return sizes


def _grow(deployment: Json, new: Json, olds: list[Json]) -> dict[str, int]:
    wanted, name = desired(deployment), new["metadata"]["name"]
    if size(new) == wanted:
        return {}
    if size(new) > wanted:
        return {name: wanted}
    surge, _ = bounds(deployment)
    room = wanted + surge - size(new) - sum(map(size, olds))
    return {name: size(new) + min(room, wanted - size(new))} if room > 0 else {}


def _shrink(deployment: Json, new: Json, olds: list[Json]) -> dict[str, int]:
    everyone = [*olds, new]
    _, unavailable = bounds(deployment)
    least = desired(deployment) - unavailable
    budget = sum(map(size, everyone)) - least - (size(new) - available(new))
    if budget <= 0 or not any(map(size, olds)):
        return {}
    sizes = {replica_set["metadata"]["name"]: size(replica_set) for replica_set in olds}
    for replica_set in olds:  # the unhealthy ones first, they cost nothing
        cut = min(budget, size(replica_set) - min(size(replica_set), available(replica_set)))
        sizes[replica_set["metadata"]["name"]] -= cut
        budget -= cut
    spare = sum(map(available, everyone)) - least
    for replica_set in olds:
        name = replica_set["metadata"]["name"]
        cut = max(0, min(sizes[name], spare, budget))
        sizes[name] -= cut
        spare -= cut
        budget -= cut
    return {
        replica_set["metadata"]["name"]: sizes[replica_set["metadata"]["name"]]
        for replica_set in olds
        if sizes[replica_set["metadata"]["name"]] != size(replica_set)
    }


def status(deployment: Json, new: Json | None, olds: list[Json], now: datetime) -> Json:
    """The Deployment's status."""
    everyone = [*olds, *([new] if new else [])]
    counts = {
        "replicas": sum(replica_set.get("status", {}).get("replicas", 0) for replica_set in everyone),
        "updatedReplicas": new.get("status", {}).get("replicas", 0) if new else 0,
        "readyReplicas": sum(map(available, everyone)),
        "availableReplicas": sum(map(available, everyone)),
    }
    missing = sum(map(size, everyone)) - counts["availableReplicas"]
    shown = {name: count for name, count in {**counts, "unavailableReplicas": max(0, missing)}.items() if count}
    old = deployment.get("status", {})
    _, unavailable = bounds(deployment)
    enough = counts["availableReplicas"] >= desired(deployment) - unavailable
    verdict = ("True", "MinimumReplicasAvailable") if enough else ("False", "MinimumReplicasUnavailable")
    progress = _progress(deployment, counts, now) if new is not None else None
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        **shown,
        "conditions": [
            _condition(old, "Available", *verdict, now, moved=False),
            *([_condition(old, "Progressing", *progress[:2], now, moved=progress[2])] if progress else _kept(old)),
            *_failures(new, olds),
        ],
    }


def failure(replica_set: Json, message: str, now: datetime) -> Json:
    """The condition of a ReplicaSet whose pods are refused."""
    condition = _condition(replica_set.get("status", {}), "ReplicaFailure", "True", "FailedCreate", now, moved=False)
    return {**condition, "message": message}


def _failures(new: Json | None, olds: list[Json]) -> list[Json]:
    """The Deployment tells of its new ReplicaSet's failure, else of an old one's."""
    conditions = [
        _find(replica_set.get("status", {}), "ReplicaFailure") for replica_set in (*([new] if new else []), *olds)
    ]
    return [condition for condition in conditions if condition is not None][:1]


def is_complete(deployment: Json, counts: dict[str, int]) -> bool:
    """All replicas are of the newest template and available, no other pod is left."""
    return counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == desired(deployment)


def deadline(deployment: Json) -> datetime | None:
    """When the running rollout will have failed; None when none runs or it has failed already."""
    condition = _find(deployment.get("status", {}), "Progressing")
    if condition is None or condition["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    lasts = timedelta(seconds=deployment["spec"].get("progressDeadlineSeconds", 600))
    return parse_time(condition["lastUpdateTime"]) + lasts


def _progress(deployment: Json, counts: dict[str, int], now: datetime) -> tuple[str, str, bool]:
    """(status, reason, whether something moved) of the condition Progressing."""
    old = deployment.get("status", {})
    condition = _find(old, "Progressing")
    if condition is None:
        return "True", "NewReplicaSetCreated", True
    settled = counts["replicas"] == counts["updatedReplicas"] and condition["reason"] == "NewReplicaSetAvailable"
    if settled:
        return condition["status"], condition["reason"], False
    if is_complete(deployment, counts):
        return "True", "NewReplicaSetAvailable", True
    moved = (
        counts["updatedReplicas"] > old.get("updatedReplicas", 0)
        or counts["replicas"] - counts["updatedReplicas"] < old.get("replicas", 0) - old.get("updatedReplicas", 0)
        or counts["readyReplicas"] > old.get("readyReplicas", 0)
        or counts["availableReplicas"] > old.get("availableReplicas", 0)
    )
    if moved:
        return "True", "ReplicaSetUpdated", True
    due = deadline(deployment)
    if due is not None and due < now:
        return "False", "ProgressDeadlineExceeded", True
    return condition["status"], condition["reason"], False


def created(deployment: Json, now: datetime) -> Json:
    """The status right after a new ReplicaSet was made: the clock of progressDeadlineSeconds begins."""
    old: Json = copy.deepcopy(deployment.get("status", {}))
    others = [condition for condition in old.get("conditions", []) if condition["type"] != "Progressing"]
    old["conditions"] = [*others, _condition(old, "Progressing", "True", "NewReplicaSetCreated", now, moved=True)]
    return old


def _condition(  # noqa: PLR0913 - a condition has these parts
    old: Json, kind: str, value: str, reason: str, now: datetime, *, moved: bool
) -> Json:
    was = _find(old, kind)
    same = was is not None and was["status"] == value
    unmoved = same and was is not None and was["reason"] == reason and not moved
    return {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": "",
        "lastTransitionTime": was["lastTransitionTime"] if was is not None and same else format_time(now),
        "lastUpdateTime": was["lastUpdateTime"] if was is not None and unmoved else format_time(now),
    }


def _find(old: Json, kind: str) -> Json | None:
    conditions: list[Any] = [condition for condition in old.get("conditions", []) if condition["type"] == kind]
    return conditions[0] if conditions else None


def _kept(old: Json) -> list[Json]:
    kept = _find(old, "Progressing")
    return [kept] if kept else []
