"""The model answers as the API server does where the operator depends on it."""

from collections.abc import Callable
from typing import Any

import pytest

from platelet.shell import kube
from tests.scenarios.model_api import FaultKind, Killed, ModelApi
from tests.scenarios.world import SHOP, World

BODY = {"apiVersion": "platelet.dev/v1alpha1", "kind": "Remediation", "metadata": {"name": "one"}, "spec": {"a": 1}}


@pytest.fixture
def world() -> World:
    world = World()
    world.deploy("api", "app:good")
    return world


@pytest.fixture
def api(world: World) -> ModelApi:
    return world.connect("operator")


async def test_two_creators_collide(api: ModelApi) -> None:
    await api.create(kube.REMEDIATIONS, SHOP, BODY)
    with pytest.raises(kube.Conflict):
        await api.create(kube.REMEDIATIONS, SHOP, BODY)


async def test_a_create_drops_the_status(api: ModelApi) -> None:
    made = await api.create(kube.REMEDIATIONS, SHOP, {**BODY, "status": {"state": "Waiting"}})
    assert "status" not in made


async def test_a_stale_replace_is_a_conflict(api: ModelApi) -> None:
    made = await api.create(kube.REMEDIATIONS, SHOP, BODY)
    await api.replace(kube.REMEDIATIONS, SHOP, "one", {**made, "status": {"state": "Waiting"}}, subresource="status")
    with pytest.raises(kube.Conflict):
        await api.replace(kube.REMEDIATIONS, SHOP, "one", {**made, "status": {"state": "Acting"}}, subresource="status")


async def test_the_status_subresource_changes_only_the_status(api: ModelApi) -> None:
    made = await api.create(kube.REMEDIATIONS, SHOP, BODY)
    sent = {**made, "spec": {"a": 2}, "status": {"state": "Waiting"}}
    got = await api.replace(kube.REMEDIATIONS, SHOP, "one", sent, subresource="status")
    assert (got["spec"], got["status"], got["metadata"]["generation"]) == ({"a": 1}, {"state": "Waiting"}, 1)


async def test_the_main_resource_keeps_the_status_and_counts_generations_of_the_spec(api: ModelApi) -> None:
    made = await api.create(kube.REMEDIATIONS, SHOP, BODY)
    stored = await api.replace(
        kube.REMEDIATIONS, SHOP, "one", {**made, "status": {"state": "Waiting"}}, subresource="status"
    )
    got = await api.replace(kube.REMEDIATIONS, SHOP, "one", {**stored, "spec": {"a": 2}, "status": {}})
    assert (got["spec"], got["status"], got["metadata"]["generation"]) == ({"a": 2}, {"state": "Waiting"}, 2)
    labelled = await api.patch(kube.REMEDIATIONS, SHOP, "one", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 2


async def test_a_write_that_changes_nothing_is_no_write(api: ModelApi) -> None:
    before = await api.get(kube.DEPLOYMENTS, SHOP, "api")
    after = await api.patch(kube.DEPLOYMENTS, SHOP, "api", {"spec": {"replicas": 2}})
    assert before == after
    assert not api.server.writes()


STALE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a merge patch that carries an old resourceVersion": lambda _: {
        "metadata": {"resourceVersion": "1"},
        "spec": {"replicas": 3},
    },
    "a merge patch that carries another uid": lambda _: {"metadata": {"uid": "other"}, "spec": {"replicas": 3}},
    "a JSON Patch whose test fails": lambda _: [
        {"op": "test", "path": "/spec/replicas", "value": 9},
        {"op": "replace", "path": "/spec/replicas", "value": 3},
    ],
    "a JSON Patch of a path that does not exist": lambda _: [{"op": "replace", "path": "/spec/nothing", "value": 3}],
    "a JSON Patch that sets an old resourceVersion": lambda _: [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "replace", "path": "/spec/replicas", "value": 3},
    ],
}


@pytest.mark.parametrize("claim", STALE)
async def test_is_a_conflict_and_changes_nothing(api: ModelApi, claim: str) -> None:
    before = await api.get(kube.DEPLOYMENTS, SHOP, "api")
    with pytest.raises(kube.Conflict):
        await api.patch(kube.DEPLOYMENTS, SHOP, "api", STALE[claim](before))
    assert await api.get(kube.DEPLOYMENTS, SHOP, "api") == before


async def test_the_scale_subresource_takes_a_precondition_and_omits_zero(api: ModelApi) -> None:
    read = await api.get(kube.DEPLOYMENTS, SHOP, "api")
    body = {"metadata": {"resourceVersion": read["metadata"]["resourceVersion"]}, "spec": {"replicas": 0}}
    scale = await api.patch(kube.DEPLOYMENTS, SHOP, "api", body, subresource="scale")
    assert (scale["kind"], scale["spec"]) == ("Scale", {})
    with pytest.raises(kube.Conflict):
        await api.patch(kube.DEPLOYMENTS, SHOP, "api", body, subresource="scale")


async def test_a_delete_needs_the_uid(api: ModelApi) -> None:
    made = await api.create(kube.REMEDIATIONS, SHOP, BODY)
    with pytest.raises(kube.Conflict):
        await api.delete(kube.REMEDIATIONS, SHOP, "one", uid="other")
    await api.delete(kube.REMEDIATIONS, SHOP, "one", uid=made["metadata"]["uid"])
    with pytest.raises(kube.NotFound):
        await api.get(kube.REMEDIATIONS, SHOP, "one")


async def test_the_data_of_a_controller_revision_is_immutable(api: ModelApi) -> None:
    body = {"metadata": {"name": "one"}, "revision": 1, "data": {"a": 1}}
    await api.create(kube.CONTROLLER_REVISIONS, SHOP, body)
    with pytest.raises(kube.Refused):
        await api.patch(kube.CONTROLLER_REVISIONS, SHOP, "one", {"data": {"a": 2}})


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        ("kill before", Killed, False),
        ("kill after", Killed, True),
        ("answer lost", kube.Unanswered, True),
        ("unanswered", kube.Unanswered, False),
        ("conflict", kube.Conflict, False),
        ("refused", kube.Refused, False),
    ],
)
async def test_a_fault_is_raised_and_the_audit_tells_whether_it_was_applied(
    world: World,
    api: ModelApi,
    fault: FaultKind,
    error: type[BaseException],
    applied: bool,  # noqa: FBT001
) -> None:
    world.server.faults.at[0] = fault
    with pytest.raises(error):
        await api.patch(kube.DEPLOYMENTS, SHOP, "api", {"spec": {"replicas": 3}}, agent="a/0/1")
    (line,) = world.server.audit
    assert (line.changed, line.agent, world.replicas("api")) == (applied, "a/0/1", 3 if applied else 2)


async def test_a_killed_process_calls_nothing_any_more_and_others_do(world: World, api: ModelApi) -> None:
    world.server.faults.at[0] = "kill before"
    with pytest.raises(Killed):
        await api.get(kube.DEPLOYMENTS, SHOP, "api")
    with pytest.raises(Killed):
        await api.get(kube.DEPLOYMENTS, SHOP, "api")
    assert await world.connect("another").get(kube.DEPLOYMENTS, SHOP, "api")
    assert len(world.server.audit) == 2


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("app=api", 1),
        ("app!=api", 0),
        ("app in (api,web)", 1),
        ("app notin (api)", 0),
        ("!app", 0),
        ("app", 1),
        ("", 1),
    ],
)
async def test_label_selectors_choose(api: ModelApi, selector: str, chosen: int) -> None:
    assert len(await api.list(kube.DEPLOYMENTS, SHOP, labels=selector)) == chosen
