"""Finds the workload behind pods, their controller or an alert's labels, by owners and references of live objects."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import assert_never

from platelet.model.workload import KINDS, Kind, WorkloadRef
from platelet.shell import services
from platelet.shell.kube import AUTOSCALERS, PODS, REPLICA_SETS, SERVICES, WORKLOADS, Json, Kube, NotFound
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
    gone: bool = False  # they name a pod that was there
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
        return self._owner_of(namespace, stored) if stored["metadata"]["uid"] == uid else None

    def _owner_of(self, namespace: str, stored: Json) -> WorkloadRef | None:
        """The Deployment that controls a ReplicaSet that was just read; remembered."""
        owner, uid = _controller(stored), stored["metadata"]["uid"]
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
            case targeting.JobNamed():
                return Found(why=f"the alert names a Job, {_NOT_HEALED}", other=True)
            case targeting.PdbNamed(name=name):
                return Found(why=f"the alert is about PodDisruptionBudget {name}, which names no workload")
            case targeting.ClaimNamed(name=name):
                return Found(why=f"the alert is about PersistentVolumeClaim {name}, which says nothing of a workload")
            case _:
                return await self._follow(located)

    async def _follow(
        self,
        named: targeting.KindlessNamed
        | targeting.PodNamed
        | targeting.ReplicaSetNamed
        | targeting.HpaNamed
        | targeting.ServicesNamed,
    ) -> Found:
        match named:
            case targeting.KindlessNamed(namespace=namespace, name=name):
                return await self._of_any_kind(namespace, name)
            case targeting.PodNamed():
                return await self._of_pod(named)
            case targeting.ReplicaSetNamed(namespace=namespace, name=name):
                return await self._of_named_replica_set(namespace, name)
            case targeting.HpaNamed(namespace=namespace, name=name):
                return await self._of_autoscaler(namespace, name)
            case targeting.ServicesNamed():
                return await self._of_services(named)
            case _:
                assert_never(named)

    async def _of_pod(self, named: targeting.PodNamed) -> Found:
        try:
            stored = await self._kube.get(PODS, named.namespace, named.pod)
        except NotFound:
            return Found(why=f"pod {named.pod} is gone, so its owner is not known", gone=True)
        if named.uid and stored["metadata"]["uid"] != named.uid:
            return Found(why=f"pod {named.pod} is not the one that the alert is about")
        found = await self._of_owner(named.namespace, stored)
        if isinstance(found, WorkloadRef):
            return Found(found)
        return Found(why=f"pod {named.pod} does not belong to a {_HEALED}", other=True)

    async def _of_any_kind(self, namespace: str, name: str) -> Found:
        found = await asyncio.gather(*(self._exists(kind, namespace, name) for kind in KINDS))
        kinds = [kind for kind, exists in zip(KINDS, found, strict=True) if exists]
        if len(kinds) == 1:
            return Found(WorkloadRef(kind=kinds[0], namespace=namespace, name=name))
        return Found(why=f"workload {name} may be any of these: {', '.join(kinds)}" if kinds else _no_such(name))

    async def _exists(self, kind: Kind, namespace: str, name: str) -> bool:
        try:
            await self._kube.get(WORKLOADS[kind], namespace, name)
        except NotFound:
            return False
        return True

    async def _of_named_replica_set(self, namespace: str, name: str) -> Found:
        try:
            stored = await self._kube.get(REPLICA_SETS, namespace, name)
        except NotFound:
            return Found(why=f"ReplicaSet {name} is gone, so its owner is not known", gone=True)
        found = self._owner_of(namespace, stored)
        return Found(found) if found else Found(why=f"ReplicaSet {name} belongs to no Deployment", other=True)

    async def _of_services(self, named: targeting.ServicesNamed) -> Found:
        """The one workload behind those that are there; where none is, behind the label of pods that is called so."""
        stored = await asyncio.gather(*(self._service(named.namespace, name) for name in named.names))
        present = [each for each in stored if each is not None]
        if not present and not named.pod_label:
            what = f"there is no Service {' or '.join(named.names)} in namespace {named.namespace}"
            return Found(why=what) if named.likely else Found(why=targeting.NOT_SAID, named=False)
        selectors = [(each.get("spec") or {}).get("selector") or {} for each in present]
        through = "Service " + " and ".join(each["metadata"]["name"] for each in present)
        if not present:
            selectors = [{named.pod_label: name} for name in named.names]
            through = f"label {named.pod_label}={' or '.join(named.names)} (no Service is called so)"
        behind: set[str | WorkloadRef] = set()
        for selector in selectors:
            behind |= await services.behind(self._kube, named.namespace, selector, self._of_owner)
        only = next(iter(behind)) if len(behind) == 1 else None
        if isinstance(only, WorkloadRef):
            return Found(only)
        return Found(why=services.say_not_one(through, behind))

    async def _of_owner(self, namespace: str, pod: Json) -> WorkloadRef | str:
        """The workload of a pod; in words what is not healed."""
        owner = _controller(pod)
        if owner is None:
            return "a pod of nobody"
        if is_ours_to_follow(owner.get("apiVersion", ""), owner["kind"]):
            found = await self.of_controller(namespace, owner["kind"], owner["name"], owner["uid"])
            if found is not None:
                return found
        return f"{owner['kind']} {owner['name']}"

    async def _service(self, namespace: str, name: str) -> Json | None:
        try:
            return await self._kube.get(SERVICES, namespace, name)
        except NotFound:
            return None

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


def _no_such(name: str) -> str:
    return f"there is no {_HEALED} {name}"


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
