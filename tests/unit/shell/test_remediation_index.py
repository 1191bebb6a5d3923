"""The index of Remediations: by target, never by label, and never older than what was shown before."""

from typing import Any

from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.store.remediation_index import RemediationIndex
from tests.unit.shell.memory_kube import MemoryKube

API = WorkloadRef(kind="Deployment", namespace="shop", name="api")
HERE = ("shop", "deployment-api-1")


def stored(number: int, version: int, *, target: str = "api", uid: str = "", **status: Any) -> kube.Json:
    metadata = {
        "namespace": "shop",
        "name": f"deployment-{target}-{number}",
        "uid": uid or f"{target}-{number}",
        "resourceVersion": str(version),
        "labels": {"platelet.dev/target": "anything"},
    }
    spec = {"targetRef": {"kind": "Deployment", "name": target}, "mode": "Enforce"}
    return {"metadata": metadata, "spec": spec, "status": {"state": "Waiting", **status}}


async def names(index: RemediationIndex, target: WorkloadRef = API) -> list[str]:
    return [remediation["metadata"]["name"] for remediation in (await index.about(target)).stored]


async def test_until_all_are_known_the_api_server_is_asked() -> None:
    api = MemoryKube()
    await api.create(kube.REMEDIATIONS, "shop", stored(1, 1))
    index = RemediationIndex(api)
    assert await names(index) == ["deployment-api-1"]
    index.take_all(await api.list(kube.REMEDIATIONS))
    asked = len(api.calls)
    assert await names(index) == ["deployment-api-1"]
    assert len(api.calls) == asked
    index.forget()
    await names(index)
    assert len(api.calls) == asked + 1


async def test_those_of_one_target_are_found_by_their_spec() -> None:
    index = RemediationIndex(MemoryKube())
    index.take_all([stored(1, 1), stored(1, 2, target="web"), stored(2, 3, state="Closed")])
    assert await names(index) == ["deployment-api-1", "deployment-api-2"]
    assert index.open_names(API) == ["deployment-api-1"]
    still_open = await index.open_in({"shop"})
    assert [name for _, name in still_open] == ["deployment-api-1", "deployment-web-1"]


async def test_an_open_one_is_read_once_for_as_long_as_it_stays_as_it_is() -> None:
    """A look at a policy's scope asks for all of them, however many a storm has opened."""
    index = RemediationIndex(MemoryKube())
    index.take_all([stored(1, 1), stored(1, 2, target="web")])
    first = await index.open_in({"shop"})
    index.take_answer(stored(1, 3, target="web", message="news"))
    second = await index.open_in({"shop"})
    assert second[HERE] is first[HERE]
    assert second["shop", "deployment-web-1"] is not first["shop", "deployment-web-1"]
    index.take_answer(stored(1, 4, target="web", state="Closed"))
    assert list(await index.open_in({"shop"})) == [HERE]


async def test_who_holds_a_fact_is_found_by_what_its_fingerprint_begins_with() -> None:
    index = RemediationIndex(MemoryKube())
    facts = [{"fingerprint": "f00d/2026-11-21T08:00:00Z"}, {"fingerprint": "beef/2026-11-21T08:00:00Z"}]
    index.take_all([stored(1, 1, evidence=facts), stored(1, 2, target="web", evidence=facts[1:])])

    async def holding(*wanted: str) -> list[str]:
        return [unpack()["metadata"]["name"] for unpack in await index.holding(wanted)]

    assert await holding("f00d") == ["deployment-api-1"]
    assert await holding("f00d", "beef") == ["deployment-api-1", "deployment-web-1"]
    index.take_answer(stored(1, 3, evidence=facts[1:]))
    assert await holding("f00d") == []


def test_what_is_older_than_what_is_known_is_passed_over() -> None:
    index = RemediationIndex(MemoryKube())
    assert index.see(stored(1, 5, state="Verifying"))
    assert not index.see(stored(1, 4, state="Acting"))
    remediation = index.find("shop", "deployment-api-1")
    assert remediation is not None
    assert remediation["status"]["state"] == "Verifying"


def test_what_who_works_on_it_has_stored_is_no_news_and_what_others_have_is() -> None:
    index = RemediationIndex(MemoryKube())
    index.take_answer(stored(1, 5))
    assert index.see(stored(1, 5)), "it was opened, and nobody has looked at it yet"
    index.take_answer(stored(1, 6), known=True)
    assert not index.see(stored(1, 6))
    assert index.see(stored(1, 7))


def test_what_is_told_of_a_deleted_one_is_of_the_past_and_its_name_is_free() -> None:
    index = RemediationIndex(MemoryKube())
    index.see(stored(1, 5))
    index.see_deleted("shop", "deployment-api-1", "api-1")
    index.take_answer(stored(1, 5))
    assert index.find("shop", "deployment-api-1") is None
    assert index.see(stored(1, 9, uid="another"))


async def test_a_listing_ends_what_is_gone_but_not_what_is_newer_than_it() -> None:
    index = RemediationIndex(MemoryKube())
    index.take_all([stored(1, 1), stored(2, 2)])
    index.take_answer(stored(3, 8))
    index.take_all([stored(2, 7)])
    assert await names(index) == ["deployment-api-2", "deployment-api-3"]
