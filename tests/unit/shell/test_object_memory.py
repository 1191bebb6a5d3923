"""What is remembered of objects: the newest state that was shown or answered, and nothing where that is in doubt."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.kube import NotFound
from platelet.shell.read import read_ahead
from platelet.shell.read.quorum import Quorum
from platelet.shell.read.remembered import Remembered, TargetByQuorum
from platelet.shell.watch import object_memory
from platelet.shell.watch.cluster_memory import STREAMED, ClusterMemory
from platelet.shell.watch.object_memory import ObjectMemory
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import Shell

KEY = ("shop", "api-1")
API = WorkloadRef(kind="Deployment", namespace=SHOP, name="api")


def stored(version: int, *, uid: str = "1", **more: Any) -> kube.Json:
    owner = {"kind": "Deployment", "name": "api", "uid": "uid-api", "controller": True}
    metadata = {"namespace": KEY[0], "name": KEY[1], "uid": uid, "resourceVersion": str(version)}
    return {"metadata": {**metadata, "ownerReferences": [owner]}, **more}


def shown(memory: ObjectMemory, body: kube.Json) -> None:
    seen = object_memory.reduce(msgspec.json.encode(body))
    memory.see(seen.key, seen.record)


def a_memory() -> ObjectMemory:
    return ObjectMemory(lambda: True)


def test_the_newer_of_two_states_counts_whoever_told_it() -> None:
    memory = a_memory()
    memory.take(stored(10, spec={"replicas": 5}))
    shown(memory, stored(9, spec={"replicas": 2}))
    assert memory.get(*KEY) == stored(10, spec={"replicas": 5})
    assert memory.of("shop", "uid-api") == [stored(10, spec={"replicas": 5})]


def test_an_answer_from_before_the_end_of_an_object_does_not_bring_it_back() -> None:
    memory = a_memory()
    shown(memory, stored(3))
    memory.see(KEY, None)
    memory.take(stored(3))
    assert memory.get(*KEY) is None
    memory.take(stored(8, uid="2"))
    assert memory.get(*KEY) == stored(8, uid="2")


def test_what_somebody_has_just_changed_is_not_told_until_more_is_known() -> None:
    memory = a_memory()
    shown(memory, stored(3))
    memory.doubt(*KEY)
    assert memory.get(*KEY) is None
    assert memory.of("shop", "uid-api") is None
    memory.take(stored(4))
    assert memory.get(*KEY) == stored(4)


@pytest.mark.parametrize("ask", [lambda it: it.get(*KEY), lambda it: it.of("shop", "uid-api")])
def test_a_stream_that_is_not_current_tells_nothing(ask: Any) -> None:
    current = True
    memory = ObjectMemory(lambda: current)
    shown(memory, stored(3))
    assert ask(memory)
    current = False
    assert ask(memory) is None


def a_cluster(shell: Shell) -> tuple[ClusterMemory, Quorum]:
    """A memory that holds what there is of workloads and revisions, and the API server."""
    memory = ClusterMemory(
        workloads={"Deployment": a_memory(), "StatefulSet": a_memory(), "DaemonSet": a_memory()},
        objects={resource: a_memory() for resource in STREAMED},
        knows_pods=lambda: True,
    )
    for deployment in shell.world.store.view(kube.DEPLOYMENTS):
        memory.workloads["Deployment"].take(deployment)
    for replica_set in shell.world.store.view(kube.REPLICA_SETS):
        memory.objects[kube.REPLICA_SETS].take(replica_set)
    return memory, Quorum(shell.api, memory)


async def test_what_is_remembered_costs_no_request_and_what_is_not_is_read() -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    source = Remembered(memory, quorum)
    before = len(shell.world.server.audit)
    assert await source.workload(API) is not None
    assert len(shell.world.server.audit) == before
    assert await source.namespace(SHOP) is not None
    assert [call.verb for call in shell.world.server.audit[before:]] == ["get"]
    with pytest.raises(NotFound):
        await source.namespace("nowhere")
    assert await source.node("nowhere") is None


async def test_nodes_are_told_one_by_one_as_they_are_remembered_and_else_listed() -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    shell.world.add_node("node-2")
    for node in shell.world.store.view(kube.NODES):
        memory.objects[kube.NODES].take(node)
    before = len(shell.world.server.audit)
    names = [node["metadata"]["name"] for node in await Remembered(memory, quorum).nodes()]
    assert sorted(names) == ["node-1", "node-2"]
    assert len(shell.world.server.audit) == before
    silent = replace(memory, objects={**memory.objects, kube.NODES: ObjectMemory()})
    assert len(list(await Remembered(silent, Quorum(shell.api, silent)).nodes())) == 2
    assert [(call.verb, call.resource) for call in shell.world.server.audit[before:]] == [("list", "nodes")]


def test_what_is_in_doubt_is_not_told_in_turn() -> None:
    memory = a_memory()
    shown(memory, stored(1))
    assert [body["metadata"]["name"] for body in memory.in_turn() or ()] == [KEY[1]]
    memory.doubt(*KEY)
    assert memory.in_turn() is None


async def test_revisions_are_remembered_while_the_newest_is_that_of_the_live_template() -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    source = TargetByQuorum(memory, quorum)
    shell.world.release("api", "app:new")
    before = len(shell.world.server.audit)
    family = await source.family(API)
    assert family is not None
    assert len(family[1][0]) == 2
    asked = [call.resource for call in shell.world.server.audit[before:]]
    assert asked == ["deployments", "pods", "replicasets", "pods"]
    await source.family(API)
    assert [call.resource for call in shell.world.server.audit[before + 4 :]] == ["deployments", "pods"]


async def test_pods_are_listed_anew_where_the_selector_is_another_one() -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    shell.world.store.patch(kube.DEPLOYMENTS, SHOP, "api", {"spec": {"selector": {"matchLabels": {"app": "other"}}}})
    before = len(shell.world.server.audit)
    family = await TargetByQuorum(memory, quorum).family(API)
    assert family is not None
    assert family[1][1] == []
    assert [call.resource for call in shell.world.server.audit[before:]] == ["deployments", "pods", "pods"]


async def test_what_the_api_server_answers_is_read_once_while_it_stays_as_it_is() -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    first, again = await quorum.workload(API), await Remembered(memory, quorum).workload(API)
    assert first is not None
    assert again is not None
    assert quorum.typed.workload("Deployment", first) is memory.typed.workload("Deployment", again)
    shell.world.release("api", "app:new")
    changed = await quorum.workload(API)
    assert changed is not None
    assert memory.typed.workload("Deployment", changed).template["spec"]["containers"][0]["image"] == "app:new"


def test_a_record_of_somebody_else_under_our_labels_is_none() -> None:
    typed = ClusterMemory().typed
    foreign = {"metadata": {"namespace": SHOP, "name": "mine", "uid": "1", "resourceVersion": "1"}, "data": {}}
    assert typed.record(foreign) is None


async def test_a_family_that_is_asked_for_ahead_is_read_once_for_the_look_that_follows() -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    source = TargetByQuorum(memory, quorum)
    before = len(shell.world.server.audit)
    source.ask_ahead(API)
    await asyncio.sleep(0)
    assert await source.family(API) is not None
    assert [call.resource for call in shell.world.server.audit[before:]] == ["deployments", "pods"]
    await source.family(API)
    assert len(shell.world.server.audit) == before + 4


async def test_what_was_read_ahead_is_read_anew_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    source = TargetByQuorum(memory, quorum)
    monkeypatch.setattr(read_ahead, "_GOOD_FOR", 0.0)
    source.ask_ahead(API)
    await asyncio.sleep(0)
    shell.world.release("api", "app:new")
    family = await source.family(API)
    assert family is not None
    assert family[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "app:new"


async def test_what_nobody_came_for_keeps_no_other_from_being_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    memory, quorum = a_cluster(shell)
    source = TargetByQuorum(memory, quorum)
    monkeypatch.setattr(read_ahead, "_GOOD_FOR", 0.0)
    source.ask_ahead(replace(API, name="nobody-comes"))
    source.ask_ahead(API)
    monkeypatch.undo()
    before = len(shell.world.server.audit)
    assert await source.family(API) is not None
    asked = [call.name for call in shell.world.server.audit[before:] if call.resource == "deployments"]
    assert sorted(asked) == ["api", "nobody-comes"]
