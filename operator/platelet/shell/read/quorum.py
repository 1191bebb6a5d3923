"""Fresh answers of the API server, read by quorum; the cluster's memory is told what they say."""

import asyncio
from collections.abc import Collection, Iterable, Sequence

import msgspec

from platelet.api.readers import attestations
from platelet.api.readers import records as record_contract
from platelet.model.workload import Kind, Workload, WorkloadRef
from platelet.shell.kube import (
    CONTROLLER_REVISIONS,
    NAMESPACES,
    NODES,
    PODS,
    WORKLOADS,
    Json,
    NotFound,
    Reads,
    Resource,
)
from platelet.shell.kube.namespaces import list_in
from platelet.shell.read import families
from platelet.shell.read.families import Below, Family
from platelet.shell.watch import workload_records
from platelet.shell.watch.cluster_memory import ClusterMemory
from platelet.shell.watch.typed_objects import TypedObjects
from platelet.shell.watch.workload_records import WorkloadRecord


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
        namespace, labels = workload.ref.namespace, families.selector_text(workload)
        listed, pods = await asyncio.gather(
            self._list(families.revision_resource(workload), namespace, labels),
            self._kube.list(PODS, namespace, labels=labels),
        )
        revisions = [stored for stored in listed if families.controller_uid(stored) == workload.uid]
        return revisions, families.owned_pods(pods, workload, revisions)

    async def family(self, target: WorkloadRef) -> Family | None:
        """A GET, and the LISTs."""
        return await families.read_in_turn(self, target)

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
