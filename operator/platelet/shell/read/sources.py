"""Where a look reads from: the cluster's memory, which costs nothing, or the API server, whose answer is the truth.

The same code makes both looks (`snapshots`, `situations`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from platelet.model.workload import WorkloadRef
from platelet.shell.kube import Json, Reads
from platelet.shell.read.families import Family
from platelet.shell.read.quorum import Quorum
from platelet.shell.read.remembered import Remembered, TargetByQuorum
from platelet.shell.watch.cluster_memory import ClusterMemory
from platelet.shell.watch.typed_objects import TypedObjects


class Source(Protocol):
    """What a look can ask for. Each may raise ApiError."""

    @property
    def typed(self) -> TypedObjects:
        """Makes the model's values of stored objects."""

    async def workload(self, target: WorkloadRef) -> Json | None:
        """The workload alone; None: there is none."""

    async def family(self, target: WorkloadRef) -> Family | None:
        """The workload with what it controls; None: there is none."""

    async def records(self, target: WorkloadRef) -> Sequence[Json]:
        """All objects with the labels of its revision records."""

    async def attested(self, target: WorkloadRef, home: str) -> Sequence[Json]:
        """The attestations of its records, from the operator's own namespace."""

    async def namespace(self, name: str) -> Json:
        """A namespace that has objects of ours."""

    async def node(self, name: str) -> Json | None:
        """A node; None: there is none."""

    async def nodes(self) -> Iterable[Json]:
        """All nodes, one by one."""


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
