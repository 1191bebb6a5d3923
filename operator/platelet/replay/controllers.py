"""The Deployment controller and the garbage collector, and what is beside and behind them, over the store.

They react in no time at all and write straight into the store: their calls are not the operator's, so they are neither
counted nor audited.
"""

import copy
from datetime import datetime, timedelta

from platelet.model.resource import JOBS
from platelet.replay import autoscalers, pods, rollouts
from platelet.replay.stateful_sets import StatefulSets
from platelet.replay.store import Store
from platelet.shell import kube
from platelet.shell.kube import Json

_LONGEST_SETTLING = 200
_OWNERS = (
    ((kube.DEPLOYMENTS,), kube.REPLICA_SETS),
    ((kube.STATEFUL_SETS,), kube.CONTROLLER_REVISIONS),
    ((kube.REPLICA_SETS, kube.STATEFUL_SETS, JOBS), kube.PODS),
)


class Controllers:
    """Everything behind the API server that makes pods come and go. Stored objects are read in place, never changed."""

    def __init__(self, store: Store) -> None:
        """Control the objects of `store`."""
        self._store = store
        self.pods = pods.Pods(store)
        self._stateful_sets = StatefulSets(store, self.pods)
        self._read = 0  # of the store's journal

    def settle(self, now: datetime) -> None:
        """React until nothing changes any more at this moment."""
        self.pods.live(now)
        for _ in range(_LONGEST_SETTLING):
            touched = self._touched(now)
            if not touched:
                return
            self._collect_garbage()
            autoscalers.follow(self._store, touched)
            for deployment in self._store.view(kube.DEPLOYMENTS):
                if _key(deployment) in touched:
                    self._sync(deployment, now)
            for stateful_set in self._store.view(kube.STATEFUL_SETS):
                if _key(stateful_set) in touched:
                    self._stateful_sets.sync(stateful_set, now)
        raise AssertionError("the controllers never settle")

    def next_change(self, now: datetime) -> datetime | None:
        """When a pod or a rollout changes by itself."""
        times = self.pods.next_change()
        times += [due for workload in self._store.view(kube.DEPLOYMENTS) if (due := _overdue_at(workload)) is not None]
        return min((moment for moment in times if moment > now), default=None)

    def _touched(self, now: datetime) -> set[tuple[str, str]]:
        """The workloads of which something has changed, or whose rollout has just failed."""
        journal = self._store.journal
        touched = set()
        for key in dict.fromkeys(journal[self._read :]):
            stored = self._store.peek(key)
            if key[0] in (kube.DEPLOYMENTS.plural, kube.STATEFUL_SETS.plural):
                touched.add(key[1:])
            elif key[0] == kube.AUTOSCALERS.plural and stored is not None:
                touched.add(autoscalers.target_of(stored))
            elif stored is None:
                touched |= {key[1:], (key[1], key[2].rpartition("-")[0])}  # a StatefulSet's pod is named after it
            elif key[0] in (kube.REPLICA_SETS.plural, kube.PODS.plural):
                touched.add((key[1], stored["metadata"]["labels"]["app"]))
        self._read = len(journal)
        overdue = [workload for workload in self._store.view(kube.DEPLOYMENTS) if _is_overdue(workload, now)]
        return touched | {_key(workload) for workload in overdue}

    def _sync(self, deployment: Json, now: datetime) -> None:
        if "deletionTimestamp" in deployment["metadata"]:
            return
        new, olds = self._split(deployment)
        if deployment["spec"].get("paused"):
            self._resize(deployment, rollouts.rescale(deployment, new, olds))
        elif new is None:
            self._make_replica_set(deployment, olds, now)
        else:
            self._number(deployment, new, olds)
            self._roll(deployment)
        self._write_status(deployment, now)  # once before the pods follow: that is how progress is seen
        for replica_set in self._replica_sets(deployment):
            self.pods.follow(replica_set, now)
        self._write_status(deployment, now)

    def _replica_sets(self, deployment: Json) -> list[Json]:
        """Of one Deployment, oldest first."""
        meta = deployment["metadata"]
        owned = [
            replica_set
            for replica_set in self._store.view(kube.REPLICA_SETS, meta["namespace"])
            if pods.owner_uid(replica_set) == meta["uid"]
        ]
        return sorted(owned, key=lambda replica_set: replica_set["metadata"]["uid"])

    def _split(self, deployment: Json) -> tuple[Json | None, list[Json]]:
        """The ReplicaSet of the present template, and all others."""
        mine = self._replica_sets(deployment)
        label = rollouts.name_template(deployment["spec"]["template"])
        new = next(
            (replica_set for replica_set in mine if replica_set["metadata"]["labels"][rollouts.HASH_LABEL] == label),
            None,
        )
        return new, [replica_set for replica_set in mine if replica_set is not new]

    def _make_replica_set(self, deployment: Json, olds: list[Json], now: datetime) -> None:
        meta, template = deployment["metadata"], copy.deepcopy(deployment["spec"]["template"])
        label = rollouts.name_template(template)
        template.setdefault("metadata", {}).setdefault("labels", {})[rollouts.HASH_LABEL] = label
        revision = max(map(rollouts.revision_of, olds), default=0) + 1
        body = {
            "metadata": {
                "name": f"{meta['name']}-{label}",
                "labels": template["metadata"]["labels"],
                "annotations": {**_copied(deployment), **_counted(deployment), rollouts.REVISION: str(revision)},
                "ownerReferences": [pods.owner_of(deployment, kube.DEPLOYMENTS)],
            },
            "spec": {
                "replicas": rollouts.first_size(deployment, olds),
                "selector": {
                    "matchLabels": {**deployment["spec"]["selector"]["matchLabels"], rollouts.HASH_LABEL: label}
                },
                "template": template,
            },
        }
        self._store.create(kube.REPLICA_SETS, meta["namespace"], body)
        self._write_revision(deployment, revision)
        fresh = self._fresh(deployment)
        pods.write_status(self._store, kube.DEPLOYMENTS, fresh, rollouts.created(fresh, now))

    def _number(self, deployment: Json, new: Json, olds: list[Json]) -> None:
        """Re-number the ReplicaSet in use to the newest revision (TRAPS 1); copy annotations to it (TRAPS 42)."""
        revision = max(rollouts.revision_of(new), max(map(rollouts.revision_of, olds), default=0) + 1)
        self._annotate(kube.REPLICA_SETS, new, {**_copied(deployment), rollouts.REVISION: str(revision)})
        self._write_revision(deployment, revision)

    def _annotate(self, resource: kube.Resource, stored: Json, annotations: dict[str, str]) -> None:
        meta = stored["metadata"]
        if not annotations.items() <= meta.get("annotations", {}).items():
            body = {"metadata": {"annotations": annotations}}
            self._store.patch(resource, meta["namespace"], meta["name"], body)

    def _write_revision(self, deployment: Json, revision: int) -> None:
        fresh = self._fresh(deployment)
        meta = fresh["metadata"]
        if rollouts.revision_of(fresh) != revision:
            annotations = {**meta.get("annotations", {}), rollouts.REVISION: str(revision)}
            body = {**fresh, "metadata": {**meta, "annotations": annotations}}
            self._store.replace(kube.DEPLOYMENTS, meta["namespace"], meta["name"], body, subresource="status")

    def _roll(self, deployment: Json) -> None:
        new, olds = self._split(deployment)
        if new is None:
            return
        wanted = str(rollouts.desired(deployment))
        everyone = [*olds, new]
        scaled = any(
            rollouts.size(replica_set) and replica_set["metadata"]["annotations"][rollouts.DESIRED] != wanted
            for replica_set in everyone
        )
        self._resize(deployment, (rollouts.rescale if scaled else rollouts.roll)(deployment, new, olds))
        if all(rollouts.size(replica_set) == 0 for replica_set in olds):
            limit = deployment["spec"].get("revisionHistoryLimit", 10)
            for replica_set in sorted(olds, key=rollouts.revision_of)[: max(0, len(olds) - limit)]:
                self._store.delete(
                    kube.REPLICA_SETS, replica_set["metadata"]["namespace"], replica_set["metadata"]["name"]
                )

    def _resize(self, deployment: Json, sizes: dict[str, int]) -> None:
        for replica_set in self._replica_sets(deployment):
            meta = replica_set["metadata"]
            size = sizes.get(meta["name"], rollouts.size(replica_set))
            if size != rollouts.size(replica_set) or not _counted(deployment).items() <= meta["annotations"].items():
                body = {"metadata": {"annotations": _counted(deployment)}, "spec": {"replicas": size}}
                self._store.patch(kube.REPLICA_SETS, meta["namespace"], meta["name"], body)

    def _write_status(self, deployment: Json, now: datetime) -> None:
        fresh = self._fresh(deployment)
        new, olds = self._split(fresh)
        pods.write_status(self._store, kube.DEPLOYMENTS, fresh, rollouts.status(fresh, new, olds, now))

    def _fresh(self, deployment: Json) -> Json:
        """As it is stored now, not to be changed."""
        fresh = self._store.peek((kube.DEPLOYMENTS.plural, *_key(deployment)))
        if fresh is None:
            raise kube.NotFound(404, "NotFound", "the Deployment has just been deleted")
        return fresh

    def _collect_garbage(self) -> None:
        for owners, dependents in _OWNERS:
            alive = {stored["metadata"]["uid"] for owner in owners for stored in self._store.view(owner)}
            for dependent in self._store.view(dependents):
                meta = dependent["metadata"]
                if not meta.get("ownerReferences") or pods.owner_uid(dependent) in alive:
                    continue
                if dependents is kube.PODS:
                    self._store.mark_deleted(dependents, meta["namespace"], meta["name"])
                else:
                    self._store.delete(dependents, meta["namespace"], meta["name"])


def _key(stored: Json) -> tuple[str, str]:
    return stored["metadata"]["namespace"], stored["metadata"]["name"]


def _overdue_at(deployment: Json) -> datetime | None:
    due = rollouts.deadline(deployment)
    return due + timedelta(seconds=1) if due is not None else None


def _is_overdue(deployment: Json, now: datetime) -> bool:
    due = _overdue_at(deployment)
    return due is not None and due <= now


def _copied(deployment: Json) -> dict[str, str]:
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in rollouts.NOT_COPIED}


def _counted(deployment: Json) -> dict[str, str]:
    wanted = rollouts.desired(deployment)
    return {rollouts.DESIRED: str(wanted), rollouts.MAX_REPLICAS: str(wanted + rollouts.bounds(deployment)[0])}
