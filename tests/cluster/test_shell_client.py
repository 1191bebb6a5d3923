"""The cluster client against a real API server: what it sends is judged by the audit log."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from platelet import VERSION
from platelet.shell import kube
from platelet.shell.kube import client
from tests.cluster import control_plane as cluster
from tests.cluster import patience

CONFIG_MAPS = kube.Resource("", "v1", "configmaps", "ConfigMap")
pytestmark = pytest.mark.cluster
SECRET = "hunter2-in-a-template"


@pytest.fixture
async def api(control_plane: cluster.ControlPlane) -> AsyncIterator[client.ClusterClient]:
    """The real client as the admin."""
    connected = await client.connect(str(control_plane.kubeconfig("admin")))
    yield connected
    await connected.close()


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_the_attempt_is_in_the_audit_log(
    control_plane: cluster.ControlPlane, api: client.ClusterClient, namespace: str
) -> None:
    agent = "8c0e6f0a-6a55-4a07-9f7e-1d2f/0/1"
    await api.create(CONFIG_MAPS, namespace, config_map("a"), agent=agent)

    def is_audited() -> bool:
        agents = [event.user_agent for event in control_plane.audit_events() if event.namespace == namespace]
        return f"platelet/{VERSION} ({agent})" in agents

    await asyncio.to_thread(patience.until, "the audit log", is_audited)


async def test_the_clock_follows_the_api_server(api: client.ClusterClient) -> None:
    """Both run on this machine, so here, and only here, its wall clock may be the judge."""
    await api.list(kube.NAMESPACES)
    assert abs((api.clock.now() - datetime.now(UTC)).total_seconds()) < 3
    assert api.clock.age() < 60


async def test_a_stale_write_is_a_conflict_however_it_is_written(api: client.ClusterClient, namespace: str) -> None:
    stale = await api.create(CONFIG_MAPS, namespace, config_map("a", x="1"))
    version = stale["metadata"]["resourceVersion"]
    await api.patch(CONFIG_MAPS, namespace, "a", {"metadata": {"resourceVersion": version}, "data": {"x": "2"}})
    tests = [
        [{"op": "test", "path": "/metadata/resourceVersion", "value": version}],
        [{"op": "test", "path": "/data/x", "value": "1"}],
        [{"op": "replace", "path": "/gone/x", "value": "1"}],
    ]
    writes = [
        api.patch(CONFIG_MAPS, namespace, "a", {"metadata": {"resourceVersion": version}, "data": {"x": "3"}}),
        api.replace(CONFIG_MAPS, namespace, "a", stale),
        api.create(CONFIG_MAPS, namespace, config_map("a")),
        api.delete(CONFIG_MAPS, namespace, "a", uid="another"),
        *(api.patch(CONFIG_MAPS, namespace, "a", [*test]) for test in tests),
    ]
    for write in writes:
        with pytest.raises(kube.Conflict):
            await write
    assert (await api.get(CONFIG_MAPS, namespace, "a"))["data"] == {"x": "2"}


async def test_refusals_do_not_quote_templates(api: client.ClusterClient, namespace: str) -> None:
    """The API server's own words would (TRAPS 48)."""
    container = {"name": "app", "image": "x", "env": [{"name": f"={SECRET}", "value": SECRET}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    malformed = {**pod, "spec": {"containers": SECRET}}
    for body in (pod, malformed):
        with pytest.raises(kube.Refused) as caught:
            await api.create(kube.PODS, namespace, body)
        assert SECRET not in str(caught.value)
    with pytest.raises(kube.Refused, match=r"spec\.containers\[0\]\.env\[0\]\.name"):
        await api.create(kube.PODS, namespace, pod)


async def test_a_list_longer_than_a_page_is_complete(api: client.ClusterClient, namespace: str) -> None:
    names = {f"cm-{number}" for number in range(520)}
    await asyncio.gather(*(api.create(CONFIG_MAPS, namespace, config_map(name)) for name in names))
    listed = await api.list(CONFIG_MAPS, namespace)
    assert {item["metadata"]["name"] for item in listed} - {"kube-root-ca.crt"} == names
    assert listed[0]["kind"] == "ConfigMap"


async def test_without_a_right_it_is_refused_with_the_servers_words(control_plane: cluster.ControlPlane) -> None:
    connected = await client.connect(str(control_plane.kubeconfig("bob")))
    try:
        with pytest.raises(kube.Refused, match='User "bob" cannot list resource "secrets"'):
            await connected.list(kube.SECRETS, "kube-system")
    finally:
        await connected.close()
