"""Finds the workload behind pods, their controller or an alert's labels, by owners and references of live objects."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import assert_never

from platelet.model.workload import KINDS, WorkloadRef
from platelet.shell.kube import AUTOSCALERS, PODS, REPLICA_SETS, Json, Kube, NotFound
from platelet.triggers import targeting

_HEALED = "Deployment, StatefulSet or DaemonSet"
_NOT_HEALED = "and only Deployments, StatefulSets and DaemonSets are healed"
_APPS = "apps/v1"
_REMEMBERED = 20_000  # ReplicaSets: an owner never changes, so a uid once resolved stays resolved


@dataclass(frozen=True, slots=True)
class Found:
    """Where an alert's labels lead: to one workload, or why to none."""

    target: WorkloadRef | None = None
    why: str = ""
    named: bool = True  # the labels name something; False: nothing at all, so the policy may say what is meant
    other: bool = False  # what they name is there and is surely of no kind that is healed


class TargetFinder:
    """Resolves owners. None means that nothing may be acted on."""

    def __init__(self, kube: Kube) -> None:
        """Take the API to follow references in."""
        self._kube = kube
        self._owners: OrderedDict[str, WorkloadRef | None] = OrderedDict()

    async def of_controller(self, namespace: str, kind: str, name: str, uid: str) -> WorkloadRef | None:
        """The workload whose pods this very object controls: itself, or its Deployment. Raises ApiError."""
        if kind == REPLICA_SETS.kind:
            return await self.of_replica_set(namespace, name, uid)
        return _workload(namespace, {"kind": kind, "name": name})

    async def of_replica_set(self, namespace: str, name: str, uid: str) -> WorkloadRef | None:
        """The Deployment that controls this very ReplicaSet. Raises ApiError when it cannot be read."""
        if uid in self._owners:
            self._owners.move_to_end(uid)
            return self._owners[uid]
        try:
            stored = await self._kube.get(REPLICA_SETS, namespace, name)
        except NotFound:
            return None
        if stored["metadata"]["uid"] != uid:
            return None
        owner = _controller(stored)
        found = _workload(namespace, owner) if owner else None
        self._owners[uid] = found
        if len(self._owners) > _REMEMBERED:
            self._owners.popitem(last=False)
        return found

    async def of_alert(self, located: targeting.Located) -> Found:
        """The workload that an alert's labels lead to, or why there is none. Raises ApiError."""
        match located:
            case targeting.Nothing(reason=reason, named=named):
                return Found(why=reason, named=named)
            case targeting.WorkloadNamed(kind=kind, namespace=namespace, name=name):
                target = _workload(namespace, {"kind": kind, "name": name})
                return Found(target) if target else Found(why=f"the alert names a {kind}, {_NOT_HEALED}", other=True)
            case targeting.PodNamed():
                return await self._of_pod(located)
            case targeting.HpaNamed(namespace=namespace, name=name):
                return await self._of_autoscaler(namespace, name)
            case targeting.JobNamed():
                return Found(why=f"the alert names a Job, {_NOT_HEALED}", other=True)
            case targeting.PdbNamed() | targeting.ClaimNamed():
                why = "the alert names no workload: name the target in the policy's targets.refs"
                return Found(why=why, named=False)
            case _:
                assert_never(located)

    async def _of_pod(self, named: targeting.PodNamed) -> Found:
        try:
            stored = await self._kube.get(PODS, named.namespace, named.pod)
        except NotFound:
            return Found(why=f"pod {named.pod} is gone, so its owner is not known")
        if named.uid and stored["metadata"]["uid"] != named.uid:
            return Found(why=f"pod {named.pod} is not the one that the alert is about")
        owner = _controller(stored)
        nobodys = Found(why=f"pod {named.pod} does not belong to a {_HEALED}", other=True)
        if owner is None or not is_ours_to_follow(owner.get("apiVersion", ""), owner["kind"]):
            return nobodys
        found = await self.of_controller(named.namespace, owner["kind"], owner["name"], owner["uid"])
        return Found(found) if found else nobodys

    async def _of_autoscaler(self, namespace: str, name: str) -> Found:
        try:
            stored = await self._kube.get(AUTOSCALERS, namespace, name)
        except NotFound:
            return Found(why=f"HorizontalPodAutoscaler {name} does not exist")
        found = _workload(namespace, stored["spec"]["scaleTargetRef"])
        if found is None:
            return Found(why=f"HorizontalPodAutoscaler {name} does not scale a {_HEALED}", other=True)
        return Found(found)


def _controller(stored: Json) -> Json | None:
    owners = stored["metadata"].get("ownerReferences") or []
    return next((each for each in owners if each.get("controller")), None)


def _workload(namespace: str, reference: Json) -> WorkloadRef | None:
    """The workload that an owner reference or a scaleTargetRef names. Other API groups have namesakes of our kinds."""
    kind = next((each for each in KINDS if each == reference.get("kind")), None)
    if kind is None or not _is_of_apps(reference.get("apiVersion", _APPS)):
        return None
    return WorkloadRef(kind=kind, namespace=namespace, name=reference["name"])


def is_ours_to_follow(api_version: str, kind: str) -> bool:
    """Whether what controls a pod can lead to a workload that is healed."""
    return _is_of_apps(api_version) and (kind == REPLICA_SETS.kind or kind in KINDS)


def _is_of_apps(api_version: str) -> bool:
    return api_version.startswith("apps/")
