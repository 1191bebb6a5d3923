"""From the streams' memory to Remediations: which workloads have pods that a policy's trigger matches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core import pod_times, signals
from platelet.model import symptoms
from platelet.model.policy import Mode
from platelet.model.signal import Evidence
from platelet.model.trigger import Sighting
from platelet.model.workload import Kind, Pod, WorkloadRef
from platelet.shell.intake.named_targets import is_ours_to_follow
from platelet.shell.intake.targets import TargetFinder
from platelet.shell.kube.clock import Clock, ClockNotReadyError
from platelet.shell.store.opener import Opener
from platelet.shell.store.policies import PolicyBook
from platelet.shell.watch.workload_records import WorkloadRecord

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
        self._shown: dict[OwnerKey, tuple[object, ...]] = {}  # at the last look
        self._news: set[OwnerKey] = set()
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
            self._shown.pop(owner, None)
            self._news.discard(owner)
        return owner

    def settle(self, pods: Sequence[Pod]) -> tuple[Pod, ...]:
        """Pods as they were told, with their times as the stream saw them come (`core.pod_times`)."""
        return tuple(map(self._settle, pods))

    def _settle(self, pod: Pod) -> Pod:
        key = pod.namespace, pod.name
        known = self._pods.get(key)
        if known is pod:  # it was told by this memory
            return pod
        return self._settled(pod, known, self._moved.get(key, pod_times.NOTHING_MOVED))[0]

    def _settled(self, pod: Pod, before: Pod | None, moved: pod_times.Moved) -> tuple[Pod, pod_times.Moved]:
        if before is not None and before.uid != pod.uid:
            before, moved = None, pod_times.NOTHING_MOVED
        try:
            return pod_times.settle(pod, before, moved, self._clock.now())
        except ClockNotReadyError:  # nothing is decided before the API server has told the time
            return pod, pod_times.NOTHING_MOVED

    def is_new_failure(self, owner: OwnerKey, pod: Pod | None) -> bool:
        """Whether a container of it has failed, or cannot start, where the last look showed nothing for a trigger.

        Not that it is only on its way; nor that what is on record fails once more.
        """
        if pod is None or self.shows_signs(owner):
            return False
        return bool(symptoms.remember({}, (pod,), self._clock.now()))

    def pods_of(self, owner: OwnerKey) -> list[Pod]:
        """The pods of one controller, as the stream has shown them, with the times that can be true."""
        return self._of(owner)

    def suspicious(self) -> list[OwnerKey]:
        """The controllers with a pod that is not ready, has restarted or is to go: what a resync looks at again."""
        return [owner for owner in self._by_owner if any(_is_suspicious(pod) for pod in self._of(owner))]

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
        return {resolved.policy.mode for resolved in self._book.matching(target, record.labels)} if record else set()

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
        sighting = Sighting(pods=pods, failing_since=known)
        facts: dict[str, Evidence] = {}
        bidders: dict[str, list[ResolvedPolicy]] = defaultdict(list)
        again_at = []
        for resolved in self._book.matching(target, record.labels):
            for trigger, settings in resolved.loaded.woken_by("pod"):
                again_at.append(trigger.next_change(settings, sighting, now))
                signal = trigger.observe(settings, sighting, now)
                if signal is not None:
                    facts.setdefault(signal.fingerprint, signals.as_evidence(signal, now))
                    bidders[signal.fingerprint].append(resolved)
        self._compare(owner, frozenset(facts), frozenset(_place(pod) for pod in pods if pod.is_active))
        for fingerprint, fact in facts.items():
            await self._opener.bring(target, [fact], bidders[fingerprint])
        return target, min((moment for moment in again_at if moment is not None), default=None)

    def has_news(self, owner: OwnerKey) -> bool:
        """Whether the last look showed other signs than the one before, or pods in other places.

        That a pod which fails fails once more is no news.
        """
        return owner in self._news

    def shows_signs(self, owner: OwnerKey) -> bool:
        """Whether the last look showed something that a trigger matches."""
        return bool(self._shown.get(owner, ((),))[0])

    def _compare(self, owner: OwnerKey, *shown: object) -> None:
        (self._news.discard if self._shown.get(owner) == shown else self._news.add)(owner)
        self._shown[owner] = shown

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
    is_sick = not pod.ready or any(container.restarts for container in pod.containers)
    return pod.deleting or (pod.is_active and is_sick)


def _place(pod: Pod) -> tuple[object, ...]:
    return pod.name, pod.node, bool(pod.unschedulable)
