"""What the index does not know is read, by what the metadata of the stored Remediations tells."""

from typing import Any

import pytest

from platelet.shell import kube
from platelet.shell.act.inventory import Inventory
from platelet.shell.kube.journal import Journal
from platelet.shell.kube.stored import version_of
from platelet.shell.store.remediation_index import Key, RemediationIndex
from platelet.shell.watch.stored_versions import StoredVersions
from tests.unit.shell.memory_kube import MemoryKube


class Cluster:
    """An API server, the stream of its Remediations' metadata, and who follows it. kopf shows nothing."""

    def __init__(self) -> None:
        """Nothing is stored yet."""
        self.api = MemoryKube()
        self.versions: dict[Key, int] = {}
        self.changes: Journal[Key] = Journal()
        self.streams = True
        self.index = RemediationIndex(self.api)
        versions = StoredVersions(of=self.versions, changes=self.changes, are_known=lambda: self.streams)
        self.inventory = Inventory(self.api, self.index, versions)

    async def open(self, name: str) -> kube.Json:
        """Store one."""
        body: dict[str, Any] = {"metadata": {"namespace": "shop", "name": name, "uid": name}, "spec": {}, "status": {}}
        return self.show(await self.api.create(kube.REMEDIATIONS, "shop", body))

    async def close(self, name: str) -> None:
        """Somebody closes one."""
        body = {"status": {"state": "Closed"}}
        self.show(await self.api.patch(kube.REMEDIATIONS, "shop", name, body))

    def show(self, stored: kube.Json) -> kube.Json:
        """Its metadata reach the stream."""
        key = (stored["metadata"]["namespace"], stored["metadata"]["name"])
        self.versions[key] = version_of(stored)
        self.changes.note(key)
        return stored

    def delete(self, name: str) -> None:
        """Somebody deletes one."""
        del self.api.objects[kube.REMEDIATIONS.plural, "shop", name], self.versions["shop", name]
        self.changes.note(("shop", name))

    async def refresh(self) -> list[tuple[str, str]]:
        """What was asked of the API server for it."""
        asked = len(self.api.calls)
        await self.inventory.refresh()
        return self.api.calls[asked:]

    @property
    def open_names(self) -> list[str]:
        """As far as the index knows."""
        return [name for _, name in self.index.open_keys(["shop"])]


@pytest.fixture
async def cluster() -> Cluster:
    """Two Remediations are stored, and known."""
    made = Cluster()
    for name in ("a", "b"):
        await made.open(name)
    assert await made.refresh() == [("list", "remediations")]
    assert made.open_names == ["a", "b"]
    return made


async def test_while_nothing_changes_nothing_is_asked(cluster: Cluster) -> None:
    assert await cluster.refresh() == []


async def test_what_was_told_by_its_writer_or_by_kopf_is_not_asked_for(cluster: Cluster) -> None:
    """Nor where the metadata lag behind it."""
    cluster.index.see(await cluster.open("c"))
    closed = await cluster.api.patch(kube.REMEDIATIONS, "shop", "a", {"status": {"state": "Closed"}})
    cluster.changes.note(("shop", "a"))
    cluster.index.take_answer(closed)
    assert await cluster.refresh() == []
    assert cluster.open_names == ["b", "c"]


async def test_what_nobody_has_told_is_read_alone(cluster: Cluster) -> None:
    await cluster.close("a")
    await cluster.open("c")
    assert await cluster.refresh() == [("get", "remediations")] * 2
    assert cluster.open_names == ["b", "c"]
    assert await cluster.refresh() == []


async def test_one_that_is_gone_is_forgotten(cluster: Cluster) -> None:
    cluster.delete("a")
    assert await cluster.refresh() == [("get", "remediations")]
    assert cluster.open_names == ["b"]


async def test_many_are_listed(cluster: Cluster) -> None:
    for number in range(51):
        await cluster.open(f"c-{number}")
    assert await cluster.refresh() == [("list", "remediations")]
    assert len(cluster.open_names) == 53


async def test_while_the_stream_is_silent_all_are_listed(cluster: Cluster) -> None:
    cluster.streams = False
    del cluster.api.objects[kube.REMEDIATIONS.plural, "shop", "a"]
    await cluster.open("c")
    assert await cluster.refresh() == [("list", "remediations")]
    assert cluster.open_names == ["b", "c"]


async def test_who_leads_anew_lists_all(cluster: Cluster) -> None:
    cluster.index.forget()
    assert await cluster.refresh() == [("list", "remediations")]


@pytest.mark.parametrize("number", [1, 51], ids=["a GET", "a LIST"])
async def test_what_could_not_be_read_is_read_the_next_time(cluster: Cluster, number: int) -> None:
    names = [f"c-{place}" for place in range(number)]
    for name in names:
        await cluster.open(name)
    cluster.api.failing = [kube.Unanswered(0, "Timeout", "no answer")]
    with pytest.raises(kube.Unanswered):
        await cluster.refresh()
    await cluster.refresh()
    assert set(names) < set(cluster.open_names)
