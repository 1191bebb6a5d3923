"""The ReplicaSet controller and the kubelets: they make pods, let them live, and take them away again."""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta

from platelet.model.durations import format_time, parse_time
from platelet.replay import kubelet, resizes, rollouts
from platelet.replay.store import Store
from platelet.shell import kube
from platelet.shell.kube import Json

LINGERS = timedelta(seconds=2)  # a deleted pod is still there, with its deletionTimestamp


class Pods:
    """All pods of the store."""

    def __init__(self, store: Store) -> None:
        """There are none yet."""
        self._store = store
        self.lives: dict[str, kubelet.Life] = {}  # by pod uid
        self.clocks: dict[str, timedelta] = {}  # by how much each node's leads
        self.no_node: Callable[[Json], str] = lambda _pod: ""  # what the scheduler says of a pod that it cannot place
        self.refusal: Callable[[Json], str] = lambda _pod: ""  # what the API server says of a pod that it does not take
        self.start: kubelet.Behaviour = "good"  # what becomes of each new pod whose image is good
        self.can_resize = True  # whether the cluster resizes pods in place
        self.resize: Callable[[Json], resizes.Outcome] = lambda _pod: "Done"  # what a kubelet makes of it
        self._made = 0

    def next_change(self) -> list[datetime]:
        """When a pod changes by itself, or is gone."""
        times = [life.next_change for life in self.lives.values() if life.next_change is not None]
        return times + [_gone_at(pod) for pod in self._store.view(kube.PODS) if _goes(pod)]

    def live(self, now: datetime) -> None:
        """Let everything happen to pods whose time has come."""
        for pod in self._store.view(kube.PODS):
            meta = pod["metadata"]
            if "deletionTimestamp" in meta:
                if _goes(pod) and _gone_at(pod) <= now:
                    self._store.delete(kube.PODS, meta["namespace"], meta["name"])
                    self.lives.pop(meta["uid"], None)
                continue
            life = self.lives.get(meta["uid"])
            if life is not None and life.next_change is not None and life.next_change <= now:
                life.turn(now)
                self._write_status(pod, life)
            elif life is not None and self.can_resize and resizes.is_unanswered(pod):
                self._write_status(pod, life)

    def retry(self, pod: Json) -> None:
        """Its kubelet looks anew at a resize that it has put off."""
        self._write_status(pod, self.lives[pod["metadata"]["uid"]])

    def follow(self, replica_set: Json, now: datetime) -> None:
        """Make or delete pods until there are as many as the ReplicaSet wants; tell in its status."""
        pods = self._pods(replica_set)
        lacking, refused = rollouts.size(replica_set) - len(pods), self.refusal(replica_set["spec"]["template"])
        for _ in range(0 if refused else lacking):
            self._make_pod(replica_set, now)
        # the controller's order of victims: not ready first, then the youngest
        victims = sorted(
            pods,
            key=lambda pod: (is_ready(pod), _reverse(pod["metadata"]["creationTimestamp"]), pod["metadata"]["name"]),
        )
        for pod in victims[: max(0, len(pods) - rollouts.size(replica_set))]:
            self._store.mark_deleted(kube.PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
        pods = self._pods(replica_set)
        ready = sum(map(is_ready, pods))
        status = {
            "observedGeneration": replica_set["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            **({"conditions": [rollouts.failure(replica_set, refused, now)]} if refused and lacking > 0 else {}),
        }
        write_status(self._store, kube.REPLICA_SETS, replica_set, status)

    def _pods(self, replica_set: Json) -> list[Json]:
        """Those that count: none that goes, or is over."""
        meta = replica_set["metadata"]
        return [
            pod
            for pod in self._store.view(kube.PODS, meta["namespace"])
            if owner_uid(pod) == meta["uid"]
            and "deletionTimestamp" not in pod["metadata"]
            and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]

    def _make_pod(self, replica_set: Json, now: datetime) -> None:
        self._made += 1
        template, meta = copy.deepcopy(replica_set["spec"]["template"]), replica_set["metadata"]
        template["metadata"] |= {
            "name": f"{meta['name']}-{self._made:05d}",
            "ownerReferences": [owner_of(replica_set, kube.REPLICA_SETS)],
        }
        self.make(meta["namespace"], template, now)

    def make(self, namespace: str, pod: Json, now: datetime) -> None:
        """Make this pod, bind it to a node if one takes it, and let it live as its image says."""
        unplaced = self.no_node(pod)
        if unplaced:
            self._leave_unplaced(namespace, pod, unplaced, now)
            return
        bound = {**pod, "spec": {**pod["spec"], "nodeName": "node-1"}}
        pod = self._store.create(kube.PODS, namespace, bound)
        life = kubelet.Life.begin(bound["spec"]["containers"][0]["image"], now)
        life.behaviour = self.start if life.behaviour == "good" else life.behaviour
        life.ahead = self.clocks.get(bound["spec"]["nodeName"], timedelta())
        self.lives[pod["metadata"]["uid"]] = life
        self._write_status(pod, life)

    def _leave_unplaced(self, namespace: str, pod: Json, why: str, now: datetime) -> None:
        pod = self._store.create(kube.PODS, namespace, pod)
        life = kubelet.Life.begin("app:good", now)
        life.next_change = None
        self.lives[pod["metadata"]["uid"]] = life
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
        condition["lastTransitionTime"] = format_time(now)
        write_status(self._store, kube.PODS, pod, {"phase": "Pending", "conditions": [condition]})

    def _write_status(self, pod: Json, life: kubelet.Life) -> None:
        container = pod["spec"]["containers"][0]
        status = life.status(container["name"], container["image"])
        status = resizes.tell(pod, status, self.resize(pod)) if self.can_resize else status
        write_status(self._store, kube.PODS, pod, status)


def write_status(store: Store, resource: kube.Resource, stored: Json, status: Json) -> None:
    """Write a status where it says something new."""
    if stored.get("status") != status:
        meta = stored["metadata"]
        body = {"metadata": meta, "status": status}
        store.replace(resource, meta["namespace"], meta["name"], body, subresource="status")


def owner_of(owner: Json, resource: kube.Resource) -> Json:
    """The ownerReference to a controller."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owner_uid(stored: Json) -> str:
    """The uid of an object's controller."""
    return str(stored["metadata"]["ownerReferences"][0]["uid"])


def _goes(pod: Json) -> bool:
    """Whether it is being deleted, and nothing holds it."""
    return "deletionTimestamp" in pod["metadata"] and not pod["metadata"].get("finalizers")


def _gone_at(pod: Json) -> datetime:
    return parse_time(pod["metadata"]["deletionTimestamp"]) + LINGERS


def is_ready(pod: Json) -> bool:
    """Whether its condition says so."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _reverse(stamp: str) -> float:
    return -parse_time(stamp).timestamp()
