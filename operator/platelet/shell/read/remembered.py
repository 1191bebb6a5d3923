"""What the streams have shown, and what the API server has answered since: it costs no request.

What is not remembered, or not surely enough, is read by quorum.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence

from platelet.api.readers import attestations
from platelet.api.readers import records as record_contract
from platelet.model.workload import Kind, Workload, WorkloadRef
from platelet.shell.kube import CONTROLLER_REVISIONS, NAMESPACES, NODES, Json
from platelet.shell.read import families
from platelet.shell.read.families import Below, Family
from platelet.shell.read.quorum import Quorum
from platelet.shell.read.read_ahead import ReadAhead
from platelet.shell.watch.cluster_memory import ClusterMemory
from platelet.shell.watch.workload_records import WorkloadRecord


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
        return await families.read_in_turn(self, target)

    async def below(self, workload: Workload) -> Below:
        """As their streams showed them."""
        revisions = self._memory.objects[families.revision_resource(workload)].of(workload.ref.namespace, workload.uid)
        if revisions is None or not self._memory.knows_pods():
            return await self._quorum.below(workload)
        pods = (pod for owner in families.owner_keys(workload, revisions) for pod in self._memory.pods_of(owner))
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
        asked = families.selector_text(self.typed.workload(target.kind, known)) if known is not None else None
        stored, pods = await asyncio.gather(self._quorum.workload(target), self._pods(target.namespace, asked))
        if stored is None:
            return None
        workload = self.typed.workload(target.kind, stored)
        revisions = self._memory.objects[families.revision_resource(workload)].of(target.namespace, workload.uid)
        if revisions is None or not families.shows_the_live_template(self.typed, workload, revisions):
            return stored, await self._quorum.below(workload)
        if families.selector_text(workload) != asked:
            pods = await self._pods(target.namespace, families.selector_text(workload))
        return stored, (revisions, families.owned_pods(pods, workload, revisions))

    async def _pods(self, namespace: str, labels: str | None) -> Sequence[Json]:
        return [] if labels is None else await self._quorum.selected(namespace, labels)
