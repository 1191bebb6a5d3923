"""How much of what a policy is for is sick, in all its namespaces: what the brake against a common cause asks (I8)."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.targets import Targets
from platelet.core import causes
from platelet.guards import max_unhealthy
from platelet.model.policy import Scope
from platelet.model.situation import Situation
from platelet.model.workload import Kind, WorkloadRef
from platelet.shell.kube import Refused
from platelet.shell.kube.journal import Follower
from platelet.shell.kube.latest import Latest
from platelet.shell.read.remembered import Remembered
from platelet.shell.read.scope_count import ScopeCount
from platelet.shell.read.snapshots import read_from
from platelet.shell.store.remediation_index import Key, RemediationIndex
from platelet.shell.watch.cluster_memory import ClusterMemory
from platelet.shell.watch.workload_records import WorkloadRecord

_LOOKED_INTO: Final = 20  # sick targets; of more it is not asked where their causes lie
_REMEMBERED: Final = 1_000  # policies
_A_WHILE: Final = 20  # Remediations to read: some ten milliseconds


@dataclass(frozen=True, slots=True)
class _Followed:
    """A count that is kept up to date with the changes that the streams and the index report."""

    targets: Targets
    namespaces: frozenset[str]
    count: ScopeCount
    workloads: Mapping[Kind, Follower[Key]]
    incidents: Follower[Key]
    unread: set[Key] = field(default_factory=set)  # incidents that have changed since

    def is_of(self, resolved: ResolvedPolicy) -> bool:
        """Whether the policy still has the targets and namespaces that are counted."""
        return self.targets == resolved.loaded.targets and self.namespaces == resolved.lasting_namespaces


class ScopeReader:
    """Counts how many of a policy's targets are sick, looking only at those that have changed since the last count."""

    def __init__(self, source: Remembered, memory: ClusterMemory, index: RemediationIndex) -> None:
        """Take what is remembered; `source` reads what is not."""
        self._source, self._memory, self._index = source, memory, index
        self._followed: Latest[str, _Followed] = Latest(_REMEMBERED)  # by the policy's key

    async def read(self, situation: Situation, resolved: ResolvedPolicy | None) -> Scope | None:
        """All targets of the policy that want pods, and the sick ones: not Available, or with an incident not over.

        None where anything of it may not be read. Raises ApiError when a read fails otherwise.
        """
        if resolved is None:
            return None
        try:
            count = await self._follow(resolved, situation.target.namespace)
            count = count or await self._count_all(resolved, situation.target.namespace)
            return await self._look_into(situation, count.around(situation.remediation), count)
        except Refused:
            return None

    async def _follow(self, resolved: ResolvedPolicy, namespace: str) -> ScopeCount | None:
        """The last count, brought up to date. None: not all of it is remembered."""
        key = resolved.policy.key
        while namespace in resolved.lasting_namespaces and self._remembers_all(resolved):
            followed = self._followed.get(key)
            if followed is None or not followed.is_of(resolved):
                followed = self._begin(resolved)
            self._followed.put(key, followed)
            if await self._catch_up(followed):
                return followed.count
            self._followed.pop(key, None)
        return None

    def _remembers_all(self, resolved: ResolvedPolicy) -> bool:
        return self._index.complete and all(map(self._memory.knows_workloads, resolved.loaded.targets.all_kinds))

    def _begin(self, resolved: ResolvedPolicy) -> _Followed:
        targets, namespaces = resolved.loaded.targets, resolved.lasting_namespaces
        streams, kinds = self._memory.streams, targets.all_kinds
        followed = _Followed(
            targets,
            namespaces,
            ScopeCount(resolved.policy.key, targets),
            {kind: streams.changes[kind].follow() for kind in kinds},
            self._index.changes.follow(),
            set(self._index.open_keys(namespaces)),
        )
        for kind in kinds:
            _see_all(followed.count, kind, streams.workloads[kind].values(), namespaces)
        return followed

    async def _catch_up(self, followed: _Followed) -> bool:
        """Take what has changed; False: that is not known. Nothing is awaited after the last of it was taken."""
        while True:
            changed = followed.incidents.take()
            if changed is None:
                return False
            followed.unread.update(key for key in changed if key[0] in followed.namespaces)
            if not followed.unread:
                return self._take_workloads(followed)
            for _ in range(min(len(followed.unread), _A_WHILE)):
                key = followed.unread.pop()
                followed.count.see_incident(key, self._index.read_open(key))
            if len(followed.unread) > 0:
                await asyncio.sleep(0)  # a storm has opened thousands: others have a turn in between

    def _take_workloads(self, followed: _Followed) -> bool:
        for kind, follower in followed.workloads.items():
            changed = follower.take()
            if changed is None:
                return False
            records = self._memory.streams.workloads[kind]
            for namespace, name in changed:
                if namespace in followed.namespaces:
                    ref = WorkloadRef(kind=kind, namespace=namespace, name=name)
                    followed.count.see_workload(ref, records.get((namespace, name)))
        return True

    async def _count_all(self, resolved: ResolvedPolicy, namespace: str) -> ScopeCount:
        """Count everything, by quorum where it is not remembered."""
        targets, lasting = resolved.loaded.targets, resolved.lasting_namespaces
        count = ScopeCount(resolved.policy.key, targets)
        for key, incident in (await self._index.open_in({namespace, *lasting})).items():
            count.see_incident(key, incident)
        namespaces = lasting | ({namespace} & resolved.namespaces)
        for kind in targets.all_kinds:
            _see_all(count, kind, await self._source.workloads(kind, namespaces), namespaces)
        return count

    async def _look_into(self, situation: Situation, scope: Scope, count: ScopeCount) -> Scope:
        """Where the brake would hold an undo: which of the sick have their cause in a new template of their own."""
        if not _is_held(situation, scope) or len(scope.sick) > 1 + _LOOKED_INTO or not causes.is_own(situation):
            return scope
        in_vain = {target for target in scope.sick if count.was_acted_on_in_vain(target)}
        others = sorted(scope.sick - {situation.target}, key=str)
        home = situation.settings.namespace
        snapshots = await asyncio.gather(*(read_from(self._source, ref, home) for ref in others))
        own = {ref for ref, snapshot in zip(others, snapshots, strict=True) if causes.lies_in_template(snapshot)}
        return replace(scope, at_fault=frozenset({*own, situation.target} - in_vain))


def _see_all(count: ScopeCount, kind: Kind, records: Iterable[WorkloadRecord], namespaces: Collection[str]) -> None:
    for record in records:
        if record.namespace in namespaces:
            count.see_workload(WorkloadRef(kind=kind, namespace=record.namespace, name=record.name), record)


def _is_held(situation: Situation, scope: Scope) -> bool:
    policy, steps = situation.policy, situation.ladder.steps[situation.remediation.status.step :]
    undoes = any(step.traits.heals_rollout for step in steps)
    return undoes and policy is not None and max_unhealthy.is_too_much(policy.limits.max_unhealthy, scope)
