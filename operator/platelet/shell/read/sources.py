"""Where a look reads from: the cluster's memory, which costs nothing, or the API server, whose answer is the truth.

The same code makes both looks (`snapshots`, `situations`). What memory does not know, or not surely enough, is read
from the API server, and what the API server has answered is remembered.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from platelet.api.readers import attestations, lenient
from platelet.api.readers import pods as pod_contract
from platelet.api.readers import records as record_contract
from platelet.model.workload import Kind, Pod, Workload, WorkloadRef
from platelet.shell.kube import (
    CONTROLLER_REVISIONS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    WORKLOADS,
    Json,
    NotFound,
    Reads,
    Resource,
)
from platelet.shell.kube.namespaces import list_in
from platelet.shell.read.read_ahead import ReadAhead
from platelet.shell.watch import workload_records
from platelet.shell.watch.cluster_memory import ClusterMemory, OwnerKey
from platelet.shell.watch.typed_objects import TypedObjects
from platelet.shell.watch.workload_records import WorkloadRecord

Below = tuple[Sequence[Json], Sequence[Pod]]
"""What a workload controls: its ReplicaSets or ControllerRevisions as they are stored, and the pods of these."""

Family = tuple[Json, Below]
"""A workload as it is stored, and what it controls."""


class Source(Protocol):
    """What a look asks for. Each may raise ApiError."""

    @property
    def typed(self) -> TypedObjects:
        """What makes values of the objects that it tells."""

    async def workload(self, target: WorkloadRef) -> Json | None:
        """The object itself; None: there is none."""

    async def family(self, target: WorkloadRef) -> Family | None:
        """The object with what it controls; None: there is none."""

    async def records(self, target: WorkloadRef) -> Sequence[Json]:
        """What bears the labels of its revision records."""

    async def attested(self, target: WorkloadRef, home: str) -> Sequence[Json]:
        """What is attested of its records, in the operator's own namespace."""

    async def namespace(self, name: str) -> Json:
        """A namespace that has objects of ours."""

    async def node(self, name: str) -> Json | None:
        """A node; None: there is none."""

    async def nodes(self) -> Iterable[Json]:
        """All nodes, one by one."""


class Quorum:
    """Fresh answers of the API server."""

    def __init__(self, kube: Reads, memory: ClusterMemory | None = None) -> None:
        """What is read is told to the memory, if there is one."""
        self._kube = kube
        self._memory = memory
        self.typed = memory.typed if memory is not None else TypedObjects()

    async def workload(self, target: WorkloadRef) -> Json | None:
        """GET."""
        try:
            stored = await self._kube.get(WORKLOADS[target.kind], target.namespace, target.name)
        except NotFound:
            if self._memory is not None:
                self._memory.workloads[target.kind].see((target.namespace, target.name), None)
            return None
        return self._memory.workloads[target.kind].take(stored) if self._memory is not None else stored

    async def below(self, workload: Workload) -> Below:
        """Two LISTs by the equality part of its selector: more than enough, since owners are compared afterwards."""
        namespace, labels = workload.ref.namespace, _selector_text(workload)
        listed, pods = await asyncio.gather(
            self._list(_revisions_of(workload), namespace, labels), self._kube.list(PODS, namespace, labels=labels)
        )
        revisions = [stored for stored in listed if _controller(stored) == workload.uid]
        return revisions, _owned(pods, workload, revisions)

    async def family(self, target: WorkloadRef) -> Family | None:
        """A GET, and the LISTs."""
        return await _one_after_the_other(self, target)

    async def selected(self, namespace: str, labels: str) -> Sequence[Json]:
        """The LIST of pods, where the revisions are known."""
        return await self._kube.list(PODS, namespace, labels=labels)

    async def records(self, target: WorkloadRef) -> Sequence[Json]:
        """LIST."""
        return await self._list(CONTROLLER_REVISIONS, target.namespace, record_contract.record_selector(target))

    async def attested(self, target: WorkloadRef, home: str) -> Sequence[Json]:
        """LIST."""
        return await self._list(CONTROLLER_REVISIONS, home, attestations.attestation_selector(target))

    async def namespace(self, name: str) -> Json:
        """GET."""
        stored = await self._kube.get(NAMESPACES, "", name)
        return self._take(NAMESPACES, stored)

    async def node(self, name: str) -> Json | None:
        """GET."""
        try:
            return self._take(NODES, await self._kube.get(NODES, "", name))
        except NotFound:
            return None

    async def nodes(self) -> Iterable[Json]:
        """LIST."""
        return await self._kube.list(NODES)

    async def workloads(self, kind: Kind, namespaces: Collection[str]) -> Sequence[WorkloadRecord]:
        """LISTs, or a single one where there are many namespaces."""
        listed = await list_in(self._kube, WORKLOADS[kind], namespaces)
        return [workload_records.reduce(msgspec.json.encode(stored)).record for stored in listed]

    async def _list(self, resource: Resource, namespace: str, labels: str) -> Sequence[Json]:
        return [self._take(resource, stored) for stored in await self._kube.list(resource, namespace, labels=labels)]

    def _take(self, resource: Resource, stored: Json) -> Json:
        return self._memory.objects[resource].take(stored) if self._memory is not None else stored


class Remembered:
    """What streams have shown, and answers since; what is not known is read by quorum."""

    def __init__(self, memory: ClusterMemory, quorum: Quorum) -> None:
        """`quorum` is asked for the rest."""
        self._memory = memory
        self._quorum = quorum
        self.typed = memory.typed

    async def workload(self, target: WorkloadRef) -> Json | None:
        """As its stream showed it."""
        known = self._memory.workloads[target.kind].get(target.namespace, target.name)
        return known if known is not None else await self._quorum.workload(target)

    async def family(self, target: WorkloadRef) -> Family | None:
        """As their streams showed them."""
        return await _one_after_the_other(self, target)

    async def below(self, workload: Workload) -> Below:
        """As their streams showed them."""
        revisions = self._memory.objects[_revisions_of(workload)].of(workload.ref.namespace, workload.uid)
        if revisions is None or not self._memory.knows_pods():
            return await self._quorum.below(workload)
        pods = (pod for owner in _owner_keys(workload, revisions) for pod in self._memory.pods_of(owner))
        return revisions, sorted(pods, key=lambda pod: pod.name)

    async def records(self, target: WorkloadRef) -> Sequence[Json]:
        """As their stream showed them."""
        known = self._memory.objects[CONTROLLER_REVISIONS].of(target.namespace, record_contract.record_selector(target))
        return known if known is not None else await self._quorum.records(target)

    async def attested(self, target: WorkloadRef, home: str) -> Sequence[Json]:
        """As their stream showed them."""
        known = self._memory.objects[CONTROLLER_REVISIONS].of(home, attestations.attestation_selector(target))
        return known if known is not None else await self._quorum.attested(target, home)

    async def namespace(self, name: str) -> Json:
        """As its stream showed it."""
        known = self._memory.objects[NAMESPACES].get("", name)
        return known if known is not None else await self._quorum.namespace(name)

    async def node(self, name: str) -> Json | None:
        """As its stream showed it."""
        known = self._memory.objects[NODES].get("", name)
        return known if known is not None else await self._quorum.node(name)

    async def nodes(self) -> Iterable[Json]:
        """As their stream showed them."""
        known = self._memory.objects[NODES].in_turn()
        return known if known is not None else await self._quorum.nodes()

    async def workloads(self, kind: Kind, namespaces: Collection[str]) -> Sequence[WorkloadRecord]:
        """All of a kind in these namespaces, as their stream showed them."""
        if not self._memory.knows_workloads(kind):
            return await self._quorum.workloads(kind, namespaces)
        return [record for record in self._memory.streams.workloads[kind].values() if record.namespace in namespaces]


class TargetByQuorum(Remembered):
    """The target and its pods by quorum, and the rest as it is remembered.

    Its revisions are remembered while the newest is that of the live template. So are revision records: their data
    cannot be changed, and nobody but the leader may attest anything.
    """

    def __init__(self, memory: ClusterMemory, quorum: Quorum) -> None:
        """Nothing is asked yet."""
        super().__init__(memory, quorum)
        self._ahead: ReadAhead[WorkloadRef, Family | None] = ReadAhead()

    def ask_ahead(self, target: WorkloadRef) -> None:
        """Begin to read a family that will be asked for in a moment, and once: whoever does takes the answer."""
        self._ahead.begin(target, lambda: self._read_family(target))

    async def workload(self, target: WorkloadRef) -> Json | None:
        """GET."""
        return await self._quorum.workload(target)

    async def family(self, target: WorkloadRef) -> Family | None:
        """GET, and at the same time the LIST of pods by the remembered selector; more where that is not enough."""
        return await self._ahead.take(target, lambda: self._read_family(target))

    async def _read_family(self, target: WorkloadRef) -> Family | None:
        known = self._memory.workloads[target.kind].get(target.namespace, target.name)
        asked = _selector_text(self.typed.workload(target.kind, known)) if known is not None else None
        stored, pods = await asyncio.gather(self._quorum.workload(target), self._pods(target.namespace, asked))
        if stored is None:
            return None
        workload = self.typed.workload(target.kind, stored)
        revisions = self._memory.objects[_revisions_of(workload)].of(target.namespace, workload.uid)
        if revisions is None or not _shows_the_live_template(self.typed, workload, revisions):
            return stored, await self._quorum.below(workload)
        if _selector_text(workload) != asked:
            pods = await self._pods(target.namespace, _selector_text(workload))
        return stored, (revisions, _owned(pods, workload, revisions))

    async def _pods(self, namespace: str, labels: str | None) -> Sequence[Json]:
        return [] if labels is None else await self._quorum.selected(namespace, labels)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where looks read from, all of one API and one memory."""

    memory: ClusterMemory
    quorum: Quorum
    remembered: Remembered
    target: TargetByQuorum


def sources_of(kube: Reads, memory: ClusterMemory) -> Sources:
    """What the API server answers is told to the memory; what that does not know, the API server is asked."""
    quorum = Quorum(kube, memory)
    return Sources(memory, quorum, Remembered(memory, quorum), TargetByQuorum(memory, quorum))


async def _one_after_the_other(source: Quorum | Remembered, target: WorkloadRef) -> Family | None:
    """What belongs to a workload is found by what it says itself."""
    stored = await source.workload(target)
    return None if stored is None else (stored, await source.below(source.typed.workload(target.kind, stored)))


def _shows_the_live_template(typed: TypedObjects, workload: Workload, revisions: Sequence[Json]) -> bool:
    """Whether the newest of these revisions is that of the live template: then there is no newer one."""
    read = [typed.revision(workload.ref.kind, stored, ()) for stored in revisions]
    newest = max(read, key=lambda revision: revision.number, default=None)
    return newest is not None and newest.template_hash == workload.template_hash


def _owned(pods: Sequence[Json], workload: Workload, revisions: Sequence[Json]) -> list[Pod]:
    owners = {uid for *_, uid in _owner_keys(workload, revisions)}
    return [pod_contract.read_pod(pod) for pod in pods if _controller(pod) in owners]


def _revisions_of(workload: Workload) -> Resource:
    """In what its revisions are kept."""
    return REPLICA_SETS if workload.ref.kind == "Deployment" else CONTROLLER_REVISIONS


def _owner_keys(workload: Workload, revisions: Sequence[Json]) -> list[OwnerKey]:
    """What controls its pods: its ReplicaSets, or itself."""
    ref = workload.ref
    if ref.kind != "Deployment":
        return [(ref.namespace, ref.kind, ref.name, workload.uid)]
    named = ((revision["metadata"]["name"], revision["metadata"]["uid"]) for revision in revisions)
    return [(ref.namespace, REPLICA_SETS.kind, name, uid) for name, uid in named]


def _selector_text(workload: Workload) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((workload.selector.get("matchLabels") or {}).items()))


def _controller(stored: Json) -> str:
    """The uid of what controls an object; empty where nothing does."""
    owner = lenient.read_owner(stored)
    return owner.uid if owner is not None else ""
