"""From the streams' memory to Remediations: which workloads have pods that a policy's trigger matches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from platelet.core import pod_times, signals
from platelet.model.policy import Mode
from platelet.model.signal import Evidence
from platelet.model.workload import Kind, Pod, WorkloadRef
from platelet.shell.clock import Clock, ClockNotReadyError
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.targets import TargetFinder, is_ours_to_follow
from platelet.shell.workload_records import WorkloadRecord
from platelet.triggers import pod as pod_trigger
from platelet.triggers import symptoms

Key = tuple[str, str]
OwnerKey = tuple[str, str, str, str]
"""Namespace, kind, name and uid of what controls pods: a ReplicaSet, a StatefulSet or a DaemonSet."""


class PodWatch:
    """Remembers pods by their controller. `changed` feeds it, `look` judges the pods of one controller."""

    def __init__(
        self,
        clock: Clock,
        book: PolicyBook,
        opener: Opener,
        finder: TargetFinder,
        workloads: Mapping[Kind, Mapping[Key, WorkloadRecord]],
    ) -> None:
        """`workloads` are the live views of the workload streams: labels are read from them."""
        self._clock = clock
        self._book = book
        self._opener = opener
        self._finder = finder
        self._workloads = workloads
        self._pods: dict[Key, Pod] = {}
        self._moved: dict[Key, pod_times.Moved] = {}
        self._by_owner: dict[OwnerKey, set[Key]] = defaultdict(set)
        self._first_failing: dict[OwnerKey, Mapping[str, datetime]] = {}

    def changed(self, key: Key, pod: Pod | None) -> OwnerKey | None:
        """Take a change of the stream; the controller whose pods to look at, if the pod has one."""
        before = self._pods.pop(key, None)
        moved = self._moved.pop(key, pod_times.NOTHING_MOVED)
        owner = _owner_of(before) if before is not None else None
        if owner is not None:
            self._by_owner[owner].discard(key)
        if pod is not None:
            self._pods[key], moved = self._settled(pod, before, moved)
            if moved:
                self._moved[key] = moved
            owner = _owner_of(pod)
            if owner is not None:
                self._by_owner[owner].add(key)
        if owner is not None and not self._by_owner[owner]:
            del self._by_owner[owner]
            self._first_failing.pop(owner, None)
        return owner

    def settle(self, pods: Sequence[Pod]) -> tuple[Pod, ...]:
        """Pods that were just read, with their times as the stream saw them come (`core.pod_times`)."""
        keys = [(each.namespace, each.name) for each in pods]
        return tuple(
            self._settled(pod, self._pods.get(key), self._moved.get(key, pod_times.NOTHING_MOVED))[0]
            for key, pod in zip(keys, pods, strict=True)
        )

    def _settled(self, pod: Pod, before: Pod | None, moved: pod_times.Moved) -> tuple[Pod, pod_times.Moved]:
        if before is not None and before.uid != pod.uid:
            before, moved = None, pod_times.NOTHING_MOVED
        try:
            return pod_times.settle(pod, before, moved, self._clock.now())
        except ClockNotReadyError:  # nothing is decided before the API server has told the time
            return pod, pod_times.NOTHING_MOVED

    def suspicious(self) -> list[OwnerKey]:
        """The controllers with a pod that is not ready or has restarted: what a resync looks at again."""
        return [each for each in self._by_owner if any(_is_suspicious(pod) for pod in self._of(each))]

    def workloads(self) -> list[WorkloadRef]:
        """All workloads that exist, as their streams know them."""
        return [
            WorkloadRef(kind=kind, namespace=namespace, name=name)
            for kind, records in self._workloads.items()
            for namespace, name in records
        ]

    def modes(self, target: WorkloadRef) -> set[Mode]:
        """The modes of the ready policies that are for this workload."""
        record = self._record(target)
        return {each.policy.mode for each in self._book.matching(target, record.labels)} if record else set()

    async def look(self, owner: OwnerKey) -> tuple[WorkloadRef | None, datetime | None]:
        """Open or update what the pods of one controller call for.

        Returns the workload behind it, and when time alone may change the answer. Raises ApiError.
        """
        pods, now = self._of(owner), self._clock.now()
        if not pods:
            return None, None
        known = symptoms.remember(self._first_failing.get(owner, {}), pods, now)
        self._first_failing[owner] = known
        target = await self._finder.of_controller(*owner)
        record = self._record(target) if target else None
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

    def _record(self, target: WorkloadRef) -> WorkloadRecord | None:
        return self._workloads[target.kind].get((target.namespace, target.name))

    def _of(self, owner: OwnerKey) -> list[Pod]:
        return [self._pods[key] for key in self._by_owner.get(owner, ())]


def _owner_of(pod: Pod) -> OwnerKey | None:
    owner = pod.owner
    if owner is None or not is_ours_to_follow(owner.api_version, owner.kind):
        return None
    return pod.namespace, owner.kind, owner.name, owner.uid


def _is_suspicious(pod: Pod) -> bool:
    return pod.is_active and (not pod.ready or any(each.restarts for each in pod.containers))
