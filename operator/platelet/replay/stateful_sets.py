"""The StatefulSet controller over the store: OrderedReady, RollingUpdate without a partition.

Follows kube-controller-manager (pkg/controller/statefulset/stateful_set_control.go): one pod at a time, and nothing
while one of them is not ready, whatever its template (kubernetes#67250).
"""

import copy
from datetime import datetime

from platelet.replay import pods, rollouts
from platelet.replay.store import Store
from platelet.shell import kube
from platelet.shell.kube import Json

_LABEL = "controller-revision-hash"


class StatefulSets:
    """Makes and replaces the pods of all StatefulSets."""

    def __init__(self, store: Store, made_by: pods.Pods) -> None:
        """Let `made_by` give life to the pods."""
        self._store = store
        self._pods = made_by

    def sync(self, stateful_set: Json, now: datetime) -> None:
        """Do the next thing, if there is one, and tell in the status."""
        if "deletionTimestamp" in stateful_set["metadata"]:
            return
        update = self._number(stateful_set)
        self._act(stateful_set, update, now)
        self._write_status(stateful_set, update)

    def _act(self, stateful_set: Json, update: str, now: datetime) -> None:
        wanted = rollouts.desired(stateful_set)
        mine = self._by_ordinal(stateful_set)
        for ordinal in range(wanted):
            pod = mine.get(ordinal)
            if pod is None:
                if not self._is_taken(stateful_set, ordinal):
                    self._make_pod(stateful_set, ordinal, update, now)
                return
            if "deletionTimestamp" in pod["metadata"] or not pods.is_ready(pod):
                return
        superfluous = [mine[ordinal] for ordinal in sorted(mine, reverse=True) if ordinal >= wanted]
        old = [
            mine[ordinal]
            for ordinal in reversed(range(wanted))
            if mine[ordinal]["metadata"]["labels"][_LABEL] != update
        ]
        for pod in (*superfluous, *old)[:1]:
            self._store.mark_deleted(kube.PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _number(self, stateful_set: Json) -> str:
        """The revision of the present template; an old one that is in use again gets the newest number."""
        meta, template = stateful_set["metadata"], stateful_set["spec"]["template"]
        name = f"{meta['name']}-{rollouts.name_template(template)}"
        mine = {revision["metadata"]["name"]: revision["revision"] for revision in self._revisions(stateful_set)}
        newest = max(mine.values(), default=0)
        if name not in mine:
            body = {
                "metadata": {
                    "name": name,
                    "labels": template["metadata"]["labels"],
                    "ownerReferences": [pods.owner_of(stateful_set, kube.STATEFUL_SETS)],
                },
                "revision": newest + 1,
                "data": {"spec": {"template": {**copy.deepcopy(template), "$patch": "replace"}}},
            }
            self._store.create(kube.CONTROLLER_REVISIONS, meta["namespace"], body)
        elif mine[name] < newest:
            self._store.patch(kube.CONTROLLER_REVISIONS, meta["namespace"], name, {"revision": newest + 1})
        return name

    def _revisions(self, stateful_set: Json) -> list[Json]:
        meta = stateful_set["metadata"]
        stored = self._store.view(kube.CONTROLLER_REVISIONS, meta["namespace"])
        return [revision for revision in stored if _is_owned(revision, stateful_set)]

    def _by_ordinal(self, stateful_set: Json) -> dict[int, Json]:
        stored = self._store.view(kube.PODS, stateful_set["metadata"]["namespace"])
        owned = [pod for pod in stored if _is_owned(pod, stateful_set)]
        return {int(pod["metadata"]["name"].rpartition("-")[2]): pod for pod in owned}

    def _is_taken(self, stateful_set: Json, ordinal: int) -> bool:
        """Whether the pod of a former set of this name is still going."""
        meta = stateful_set["metadata"]
        return self._store.peek((kube.PODS.plural, meta["namespace"], f"{meta['name']}-{ordinal}")) is not None

    def _make_pod(self, stateful_set: Json, ordinal: int, revision: str, now: datetime) -> None:
        meta, template = stateful_set["metadata"], copy.deepcopy(stateful_set["spec"]["template"])
        if self._pods.refusal(template):
            return  # the controller tells it in Events only
        template["metadata"] |= {
            "name": f"{meta['name']}-{ordinal}",
            "labels": {**template["metadata"]["labels"], _LABEL: revision},
            "ownerReferences": [pods.owner_of(stateful_set, kube.STATEFUL_SETS)],
        }
        self._pods.make(meta["namespace"], template, now)

    def _write_status(self, stateful_set: Json, update: str) -> None:
        meta = stateful_set["metadata"]
        fresh = self._store.peek((kube.STATEFUL_SETS.plural, meta["namespace"], meta["name"]))
        if fresh is None:
            raise kube.NotFound(404, "NotFound", "the StatefulSet has just been deleted")
        mine = list(self._by_ordinal(fresh).values())
        ready = sum(map(pods.is_ready, mine))
        updated = [
            pod
            for pod in mine
            if pod["metadata"]["labels"][_LABEL] == update and "deletionTimestamp" not in pod["metadata"]
        ]
        current = fresh.get("status", {}).get("currentRevision", update)
        done = len(updated) == ready == rollouts.desired(fresh)
        status = {
            "observedGeneration": fresh["metadata"]["generation"],
            "replicas": len(mine),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": len(updated),
            "currentRevision": update if done else current,
            "updateRevision": update,
        }
        pods.write_status(self._store, kube.STATEFUL_SETS, fresh, status)


def _is_owned(stored: Json, stateful_set: Json) -> bool:
    references = stored["metadata"].get("ownerReferences") or []
    return any(reference["uid"] == stateful_set["metadata"]["uid"] for reference in references)
