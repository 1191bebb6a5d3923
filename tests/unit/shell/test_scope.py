"""A look at a policy's scope takes what has changed since the last one, however many its targets are."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from platelet.api.kinds import policy as policy_contract
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.model.remediation import Remediation
from platelet.model.situation import Situation
from platelet.shell.kube.journal import Journal
from platelet.shell.read.scope import ScopeReader
from platelet.shell.read.sources import sources_of
from platelet.shell.store.remediation_index import Key, RemediationIndex
from platelet.shell.store.remediations import Unreadable
from platelet.shell.watch.cluster_memory import ClusterMemory
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.workload_records import WorkloadRecord
from tests.scenarios.manifests import policy
from tests.unit.shell.memory_kube import MemoryKube
from tests.unit.shell.test_remediation_index import stored
from tests.unit.situations import a_situation

MANY = 500


class Workloads(dict[Key, WorkloadRecord]):
    """Counts those that are looked at."""

    looked_at = 0

    def get(self, key: Key, default: Any = None) -> Any:  # noqa: D102
        self.looked_at += 1
        return super().get(key, default)

    def values(self) -> Iterator[WorkloadRecord]:  # type: ignore[override]  # noqa: D102 - enough to look at all
        self.looked_at += len(self)
        return iter(super().values())


class Incidents(RemediationIndex):
    """Counts those that are looked at."""

    looked_at = 0

    def read_open(self, key: Key) -> Remediation | Unreadable | None:  # noqa: D102
        self.looked_at += 1
        return super().read_open(key)


class Crowd:
    """One policy with many targets, and an open incident of each."""

    def __init__(self) -> None:
        """All are well, by their own word."""
        self.workloads, self.changes = Workloads(), Journal[Key]()
        for number in range(MANY):
            self.show(f"web-{number}")
        self.incidents = Incidents(MemoryKube())
        self.incidents.take_all([stored(1, number + 1, target=f"web-{number}") for number in range(MANY)])
        memory = ClusterMemory(
            streams=StreamMemory(workloads={"Deployment": self.workloads}, changes={"Deployment": self.changes}),
            knows_workloads=lambda _kind: True,
        )
        self.reader = ScopeReader(sources_of(MemoryKube(), memory).remembered, memory, self.incidents)
        metadata = {"namespace": "shop", "name": "heal", "uid": "uid-heal"}
        loaded = policy_contract.read_policy({**policy(), "metadata": metadata})
        self.resolved = ResolvedPolicy(loaded=loaded, runbook=None, namespaces=frozenset({"shop"}))

    def show(self, name: str) -> None:
        """Its stream shows it."""
        self.workloads["shop", name] = WorkloadRecord(
            namespace="shop", name=name, uid=name, resource_version="1", labels={"heal": "yes"}
        )
        self.changes.note(("shop", name))

    async def look(self, situation: Situation | None = None) -> tuple[int, int]:
        """How many workloads and incidents one look at the scope has looked at."""
        before = self.workloads.looked_at, self.incidents.looked_at
        scope = await self.reader.read(replace(situation or a_situation(), policy=None), self.resolved)
        assert scope is not None
        assert (scope.total, len(scope.sick)) == (MANY, MANY + 1), "and the target, which is not among them"
        return self.workloads.looked_at - before[0], self.incidents.looked_at - before[1]


async def test_while_nothing_changes_nothing_is_looked_at_again() -> None:
    crowd = Crowd()
    assert await crowd.look() == (MANY, MANY)
    assert await crowd.look() == (0, 0)


async def test_what_has_changed_is_all_that_is_looked_at_again() -> None:
    crowd = Crowd()
    await crowd.look()
    crowd.show("web-3")
    crowd.incidents.take_answer(stored(1, MANY + 1, target="web-4", message="news"))
    assert await crowd.look() == (1, 1)


async def test_another_policy_of_that_name_is_counted_anew() -> None:
    crowd = Crowd()
    await crowd.look()
    crowd.resolved = replace(crowd.resolved, namespaces=frozenset({"shop", "bank"}))
    assert await crowd.look() == (MANY, MANY)


async def test_what_is_sick_in_a_namespace_that_is_being_deleted_counts_no_more() -> None:
    """Its pods go first, and where one cannot go, its workloads stay without any for as long as that lasts."""
    crowd = Crowd()
    crowd.workloads["bank", "teller"] = WorkloadRecord(
        namespace="bank", name="teller", uid="teller", resource_version="1", labels={"heal": "yes"}, unavailable=True
    )
    crowd.resolved = replace(crowd.resolved, namespaces=frozenset({"shop", "bank"}))
    scope = await crowd.reader.read(a_situation(), crowd.resolved)
    assert scope is not None
    assert scope.total == MANY + 1
    crowd.resolved = replace(crowd.resolved, ending=frozenset({"bank"}))
    await crowd.look()
