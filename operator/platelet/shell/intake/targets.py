"""Finds the workload behind pods, their controller or an alert's labels, by owners and references of live objects."""

import asyncio
from typing import assert_never

from platelet.model.workload import KINDS, Kind, WorkloadRef
from platelet.shell.intake import named_targets, services
from platelet.shell.intake.named_targets import HEALED, Followed, Found, healed, is_ours_to_follow
from platelet.shell.kube import AUTOSCALERS, PODS, REPLICA_SETS, WORKLOADS, Json, NotFound, Reads
from platelet.shell.kube.latest import Latest
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.object_memory import ObjectMemory
from platelet.triggers import targeting

_REMEMBERED = 20_000  # ReplicaSets: an owner never changes, so a uid once resolved stays resolved


class TargetFinder:
    """Resolves owners. None means that nothing may be acted on."""

    def __init__(
        self, kube: Reads, memory: StreamMemory | None = None, replica_sets: ObjectMemory | None = None
    ) -> None:
        """Take the API to follow references in, and what the streams remember of it."""
        self._replica_sets = replica_sets or ObjectMemory()
        self._kube = kube
        self._memory = memory or StreamMemory()
        self._owners: Latest[str, WorkloadRef | None] = Latest(_REMEMBERED)

    async def of_controller(self, namespace: str, kind: str, name: str, uid: str) -> WorkloadRef | None:
        """The workload whose pods this very object controls: itself, or its Deployment. Raises ApiError."""
        if kind == REPLICA_SETS.kind:
            return await self.of_replica_set(namespace, name, uid)
        return healed(namespace, {"kind": kind, "name": name})

    async def of_replica_set(self, namespace: str, name: str, uid: str) -> WorkloadRef | None:
        """The Deployment that controls this very ReplicaSet. Raises ApiError when it cannot be read."""
        if uid in self._owners:
            return self._owners.put(uid, self._owners[uid])
        stored = self._replica_sets.get(namespace, name)
        if stored is None or stored["metadata"]["uid"] != uid:
            try:
                stored = await self._kube.get(REPLICA_SETS, namespace, name)
            except NotFound:
                return None
        return self._owner_of(namespace, stored) if stored["metadata"]["uid"] == uid else None

    def _owner_of(self, namespace: str, stored: Json) -> WorkloadRef | None:
        """The Deployment that controls a ReplicaSet that was just read; remembered."""
        owner, uid = _controller(stored), stored["metadata"]["uid"]
        return self._owners.put(uid, healed(namespace, owner) if owner else None)

    def recall(self, located: targeting.Located) -> Found | None:
        """Where an alert's labels lead by what the streams remember; None: that only the API server can tell.

        They are never believed that something is not there, and their labels may be a moment old.
        """
        if isinstance(located, targeting.PodNamed):
            target = self._recall_owner(located)
        elif isinstance(located, Followed):
            return None
        else:
            read = named_targets.read(located)
            if read.target is None:
                return read
            target = read.target
        record = self._memory.workload(target) if target is not None else None
        return Found(target, labels=record.labels) if record is not None else None

    def _recall_owner(self, named: targeting.PodNamed) -> WorkloadRef | None:
        pod = self._memory.pod(named.namespace, named.pod)
        owner = pod.owner if pod is not None and named.uid in ("", pod.uid) else None
        if owner is None or not is_ours_to_follow(owner.api_version, owner.kind):
            return None
        if owner.kind == REPLICA_SETS.kind:
            return self._owners.get(owner.uid)
        return healed(named.namespace, {"kind": owner.kind, "name": owner.name})

    async def look_up(self, located: targeting.Located) -> Found:
        """The workload that an alert's labels lead to and its labels, or why there is none. Raises ApiError."""
        finding = await self.of_alert(located)
        if finding.target is None:
            return finding
        try:
            stored = await self._kube.get(WORKLOADS[finding.target.kind], finding.target.namespace, finding.target.name)
        except NotFound:
            return Found(why=f"{finding.target} does not exist")
        return Found(finding.target, labels=stored["metadata"].get("labels") or {})

    async def of_alert(self, located: targeting.Located) -> Found:
        """The same, but a workload that is named by its kind need not exist. Raises ApiError."""
        return await self._follow(located) if isinstance(located, Followed) else named_targets.read(located)

    async def _follow(self, named: Followed) -> Found:
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
                return await services.find(self._kube, named, self._of_owner)
            case _:
                assert_never(named)

    async def _of_pod(self, named: targeting.PodNamed) -> Found:
        try:
            stored = await self._kube.get(PODS, named.namespace, named.pod)
        except NotFound:
            return Found(why=f"pod {named.pod} is gone, so its owner is not known", gone=True)
        if named.uid and stored["metadata"]["uid"] != named.uid:
            return Found(why=f"pod {named.pod} is not the one that the alert is about")
        owner = await self._of_owner(named.namespace, stored)
        if isinstance(owner, WorkloadRef):
            return Found(owner)
        return Found(why=f"pod {named.pod} does not belong to a {HEALED}", other=True)

    async def _of_any_kind(self, namespace: str, name: str) -> Found:
        answers = await asyncio.gather(*(self._exists(kind, namespace, name) for kind in KINDS))
        kinds = [kind for kind, exists in zip(KINDS, answers, strict=True) if exists]
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
        workload = self._owner_of(namespace, stored)
        return Found(workload) if workload else Found(why=f"ReplicaSet {name} belongs to no Deployment", other=True)

    async def _of_owner(self, namespace: str, pod: Json) -> WorkloadRef | str:
        """The workload of a pod; in words what is not healed."""
        owner = _controller(pod)
        if owner is None:
            return "a pod of nobody"
        if is_ours_to_follow(owner.get("apiVersion", ""), owner["kind"]):
            workload = await self.of_controller(namespace, owner["kind"], owner["name"], owner["uid"])
            if workload is not None:
                return workload
        return f"{owner['kind']} {owner['name']}"

    async def _of_autoscaler(self, namespace: str, name: str) -> Found:
        try:
            stored = await self._kube.get(AUTOSCALERS, namespace, name)
        except NotFound:
            return Found(why=f"HorizontalPodAutoscaler {name} does not exist")
        workload = healed(namespace, stored["spec"]["scaleTargetRef"])
        if workload is None:
            return Found(why=f"HorizontalPodAutoscaler {name} does not scale a {HEALED}", other=True)
        return Found(workload)


def _controller(stored: Json) -> Json | None:
    owners = stored["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _no_such(name: str) -> str:
    return f"there is no {HEALED} {name}"
