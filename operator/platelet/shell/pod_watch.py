"""From the streams' memory to Remediations: which workloads have pods that a policy's trigger matches."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from platelet.core import signals
from platelet.model.policy import Mode
from platelet.model.signal import Evidence
from platelet.model.workload import Pod, WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.deployment_records import DeploymentRecord
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.targets import TargetFinder
from platelet.triggers import pod as pod_trigger
from platelet.triggers import symptoms

Key = tuple[str, str]
SetKey = tuple[str, str, str]
"""Namespace, name and uid of a ReplicaSet."""


class PodWatch:
    """Remembers pods by their ReplicaSet. `changed` feeds it, `look` judges the pods of one ReplicaSet."""

    def __init__(
        self,
        clock: Clock,
        book: PolicyBook,
        opener: Opener,
        finder: TargetFinder,
        deployments: Mapping[Key, DeploymentRecord],
    ) -> None:
        """`deployments` is the live view of the Deployment stream: labels are read from it."""
        self._clock = clock
        self._book = book
        self._opener = opener
        self._finder = finder
        self._deployments = deployments
        self._pods: dict[Key, Pod] = {}
        self._by_set: dict[SetKey, set[Key]] = defaultdict(set)
        self._first_failing: dict[SetKey, Mapping[str, datetime]] = {}

    def changed(self, key: Key, pod: Pod | None) -> SetKey | None:
        """Take a change of the stream; the ReplicaSet to look at, if the pod has one."""
        before = self._pods.pop(key, None)
        replica_set = _set_of(before) if before is not None else None
        if replica_set is not None:
            self._by_set[replica_set].discard(key)
        if pod is not None:
            self._pods[key] = pod
            replica_set = _set_of(pod)
            if replica_set is not None:
                self._by_set[replica_set].add(key)
        if replica_set is not None and not self._by_set[replica_set]:
            del self._by_set[replica_set]
            self._first_failing.pop(replica_set, None)
        return replica_set

    def suspicious(self) -> list[SetKey]:
        """The ReplicaSets with a pod that is not ready or has restarted: what a resync looks at again."""
        return [each for each in self._by_set if any(_is_suspicious(pod) for pod in self._of(each))]

    def workloads(self) -> list[Key]:
        """All Deployments that exist, as the stream knows them."""
        return list(self._deployments)

    def modes(self, target: WorkloadRef) -> set[Mode]:
        """The modes of the ready policies that are for this workload."""
        record = self._deployments.get((target.namespace, target.name))
        return {each.policy.mode for each in self._book.matching(target, record.labels)} if record else set()

    async def look(self, replica_set: SetKey) -> tuple[WorkloadRef | None, datetime | None]:
        """Open or update what the pods of one ReplicaSet call for.

        Returns the workload behind it, and when time alone may change the answer. Raises ApiError.
        """
        pods, now = self._of(replica_set), self._clock.now()
        if not pods:
            return None, None
        known = symptoms.remember(self._first_failing.get(replica_set, {}), pods, now)
        self._first_failing[replica_set] = known
        target = await self._finder.of_replica_set(*replica_set)
        record = self._deployments.get((target.namespace, target.name)) if target else None
        if target is None or record is None:
            return target, None
        facts: dict[str, Evidence] = {}
        bidders: dict[str, list[Standing]] = defaultdict(list)
        again_at = []
        for standing in self._book.matching(target, record.labels):
            for trigger in standing.loaded.pod_triggers:
                again_at.append(pod_trigger.next_change(trigger, pods, now, known))
                signal = pod_trigger.observe(trigger, pods, "", now, known)
                if signal is not None:
                    facts.setdefault(signal.fingerprint, signals.as_evidence(signal, now))
                    bidders[signal.fingerprint].append(standing)
        for fingerprint, fact in facts.items():
            await self._opener.bring(target, [fact], bidders[fingerprint])
        return target, min((each for each in again_at if each is not None), default=None)

    def _of(self, replica_set: SetKey) -> list[Pod]:
        return [self._pods[key] for key in self._by_set.get(replica_set, ())]


def _set_of(pod: Pod) -> SetKey | None:
    owner = pod.owner
    return (pod.namespace, owner.name, owner.uid) if owner is not None and owner.kind == "ReplicaSet" else None


def _is_suspicious(pod: Pod) -> bool:
    return not pod.ready or any(each.restarts for each in pod.containers)
