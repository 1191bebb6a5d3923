"""What a CRD does not know is refused by the API server, where platelet writes it: nothing is stored with a gap."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from platelet.shell import kube
from platelet.shell.kube import client
from tests.cluster import control_plane as cluster

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
NOW = "2026-11-21T08:00:00Z"
JOB = {"namespace": "shop", "name": "migrate", "uid": "u1", "message": "failed", "since": NOW, "failedAt": NOW}


@pytest.fixture
async def api(control_plane: cluster.ControlPlane) -> AsyncIterator[client.ClusterClient]:
    """Our client on an API server with our kinds."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    connected = await client.connect(str(control_plane.kubeconfig("admin")))
    yield connected
    await connected.close()


async def create_policy(api: client.ClusterClient, namespace: str) -> kube.Json:
    spec = {"triggers": [{"job": {"reasons": ["BackoffLimitExceeded"]}}]}
    body = {"apiVersion": "platelet.dev/v1alpha1", "kind": "RemediationPolicy", "metadata": {"name": "p"}, "spec": spec}
    return await api.create(kube.POLICIES, namespace, body)


async def store(api: client.ClusterClient, stored: kube.Json, **job: Any) -> kube.Json:
    """A policy with a failed Job on record, of which more is written."""
    metadata = stored["metadata"]
    body = {**stored, "status": {"failedJobs": [{**JOB, **job}]}}
    return await api.replace(kube.POLICIES, metadata["namespace"], metadata["name"], body, subresource="status")


async def test_a_status_with_a_field_of_tomorrow_is_refused_as_a_whole(
    api: client.ClusterClient, namespace: str
) -> None:
    stored = await create_policy(api, namespace)
    with pytest.raises(
        kube.OutdatedSchema, match=r"does not know status\.failedJobs\.call\.x, status\.failedJobs\.rung: "
    ):
        await store(api, stored, rung="twice", call={"at": NOW, "x": 1})
    assert "status" not in await api.get(kube.POLICIES, namespace, "p")


async def test_a_status_without_one_is_stored(api: client.ClusterClient, namespace: str) -> None:
    answer = await store(api, await create_policy(api, namespace), call={"at": NOW})
    assert answer["status"]["failedJobs"][0]["call"] == {"at": NOW}


async def test_a_spec_with_a_field_of_tomorrow_makes_no_object(api: client.ClusterClient, namespace: str) -> None:
    body = {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": "p"},
        "spec": {"triggers": [{"job": {"reasons": ["BackoffLimitExceeded"], "tomorrow": True}}]},
    }
    with pytest.raises(kube.OutdatedSchema, match=r"does not know spec\.triggers\.job\.tomorrow"):
        await api.create(kube.POLICIES, namespace, body)
