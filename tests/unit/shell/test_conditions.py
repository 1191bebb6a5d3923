"""Conditions are judged on the workload as it is stored now, in a process that is bounded."""

from typing import Any

import pytest

from platelet.model.reading import Judged, ObjectCondition, Query, Unanswered
from platelet.model.workload import WorkloadRef
from platelet.shell import kube
from platelet.shell.outbound.conditions import BoundedProcess, ObjectConditions, OnlyConditions
from tests.unit.shell.memory_kube import MemoryKube

API = WorkloadRef(kind="Deployment", namespace="shop", name="api")


def a_cluster(**more: Any) -> MemoryKube:
    api = MemoryKube()
    stored = {"metadata": {"name": "api", "namespace": "shop", "managedFields": [{}], "uid": "1"}, **more}
    api.objects["deployments", "shop", "api"] = stored
    return api


async def judge(text: str, api: MemoryKube, timeout: float = 30.0) -> Judged | Unanswered:  # noqa: ASYNC109
    return await ObjectConditions(api, BoundedProcess(timeout)).ask(ObjectCondition(text=text, target=API))


JUDGED = {
    "true": ("object.status.availableReplicas == 3", Judged(holds=True)),
    "false": ("object.status.availableReplicas > 3", Judged(holds=False)),
    "not known": (
        "object.status.readyReplicas > 3",
        Unanswered(why="there is no field readyReplicas: ask for it with has()"),
    ),
    "what is written by whom": ("has(object.metadata.managedFields)", Judged(holds=False)),
}


@pytest.mark.parametrize(("text", "reading"), JUDGED.values(), ids=JUDGED)
async def test_it_is_judged_on_the_object_as_it_is_stored(text: str, reading: Judged | Unanswered) -> None:
    assert await judge(text, a_cluster(status={"availableReplicas": 3})) == reading


LARGE = {"long": "x" * 200_000, "list": list(range(9000))}
RUNAWAYS = {
    "memory": "object.data.list.map(n, object.data.long + object.data.long).size() > 0",
    "time": " && ".join(["object.data.list.all(n, object == object)"] * 20),
}


@pytest.mark.parametrize("text", RUNAWAYS.values(), ids=RUNAWAYS)
async def test_what_takes_too_much_is_killed_and_not_known(text: str) -> None:
    reading = await judge(text, a_cluster(data=LARGE))
    assert isinstance(reading, Unanswered)
    assert reading.why.startswith("it takes too much")


async def test_what_does_not_end_in_time_is_killed_and_not_known() -> None:
    assert await judge("true", a_cluster(), timeout=0.0) == Unanswered(why="it takes too much time or memory")


async def test_the_process_sees_none_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credential, and nothing that changes what it runs."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    assert await judge("true", a_cluster()) == Judged(holds=True)


REFUSALS = {
    "gone": (kube.NotFound(404, "NotFound", "no"), "the Deployment cannot be read: NotFound"),
    "not allowed": (kube.Refused(403, "Forbidden", "no"), "the Deployment cannot be read: Forbidden"),
    "no answer": (kube.Unanswered(0, "ConnectionLost", "lost"), "the Deployment cannot be read: ConnectionLost"),
}


@pytest.mark.parametrize(("error", "why"), REFUSALS.values(), ids=REFUSALS)
async def test_a_workload_that_cannot_be_read_is_not_known(error: kube.ApiError, why: str) -> None:
    api = a_cluster()
    api.failing = [error]
    assert await judge("true", api) == Unanswered(why=why)


async def test_who_looks_asks_nobody_else() -> None:
    condition, query = ObjectCondition(text="true", target=API), Query(text="up")
    asker = OnlyConditions(ObjectConditions(a_cluster()))
    assert await asker.ask([condition, query]) == {
        condition: Judged(holds=True),
        query: Unanswered(why="nobody was asked"),
    }
