"""Puts together what looks are read by: for the operator, its model (`tests/scenarios`), and the commands alike."""

from collections.abc import Callable
from dataclasses import dataclass

from platelet.model.outside import Outside
from platelet.shell.kube import Reads
from platelet.shell.kube.clock import Clock
from platelet.shell.read.own_writes import WriteMemory
from platelet.shell.read.process_state import ProcessState
from platelet.shell.read.situations import SituationReader
from platelet.shell.read.sources import Sources, sources_of
from platelet.shell.store.budget_reader import BudgetReader
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.watch.cluster_memory import ClusterMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """What is known of the cluster and of our own kinds. None of it can write."""

    kube: Reads
    clock: Clock
    memory: ClusterMemory
    sources: Sources
    index: RemediationIndex
    book: PolicyBook
    budget: BudgetReader

    def situations(self, write_memory: WriteMemory, around: ProcessState) -> SituationReader:
        """Who reads a situation, with what the process knows besides the API."""
        return SituationReader(
            self.kube, self.clock, self.budget, self.book, write_memory, around, self.index, self.sources
        )


def make_readers(  # noqa: PLR0913 - what they read by, and who hears
    kube: Reads,
    clock: Clock,
    home: str,
    *,
    outside: Outside | None = None,
    memory: ClusterMemory | None = None,
    on_use: Callable[[int | None, int], None] = lambda _used, _free: None,
    boot: Callable[[], float] | None = None,
) -> Readers:
    """`home` is the operator's own namespace; `outside` whom it can ask, where its settings are known here.

    Without a `memory` all is read from the API server. `on_use` and `boot` are as `BudgetReader` says.
    """
    memory = memory or ClusterMemory()
    return Readers(
        kube=kube,
        clock=clock,
        memory=memory,
        sources=sources_of(kube, memory),
        index=RemediationIndex(kube),
        book=PolicyBook(kube, clock, home, outside),
        budget=BudgetReader(kube, clock, home, on_use=on_use, boot=boot),
    )
