"""The label by which a Service finds the leader: on the pod of the one that leads, and on no other."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import operating, patience
from tests.cluster.installation import NAMESPACE, Installation, OperatorProcess

pytestmark = pytest.mark.cluster
LABEL = "platelet.dev/leader"
PODS = ("replica-a", "replica-b")
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}  # the namespace asks for it


@pytest.fixture
def installed(control_plane: cluster.ControlPlane, tmp_path: Path) -> Iterator[Installation]:
    """Platelet with the pods of two replicas, both of which have the label, as crashes may leave it."""
    with operating.installed(control_plane, tmp_path) as installed:
        patience.until("a service account", lambda: "default" in accounts(control_plane))
        for name in PODS:
            make_pod(control_plane, NAMESPACE, name)
        yield installed
        control_plane.kubectl("delete", "pod", *PODS, "-n", NAMESPACE, "--grace-period=0", "--force")


def accounts(plane: cluster.ControlPlane) -> str:
    return plane.kubectl("get", "serviceaccounts", "-n", NAMESPACE, "-o", "name")


def make_pod(plane: cluster.ControlPlane, namespace: str, name: str) -> None:
    """A pod with the label of the leader."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {LABEL: "true"}},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "operator", "image": "app:good-1", "securityContext": RESTRICTED}],
        },
    }
    plane.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(pod))


def labelled(plane: cluster.ControlPlane, namespace: str = NAMESPACE) -> list[str]:
    return plane.kubectl("get", "pods", "-n", namespace, "-l", f"{LABEL}=true", "-o", "name").split()


def start(installed: Installation, monkeypatch: pytest.MonkeyPatch, name: str) -> OperatorProcess:
    """Start the replica of this pod."""
    monkeypatch.setenv("POD_NAME", name)
    return installed.start()


def test_the_label_follows_the_leader_and_goes_with_the_last(
    installed: Installation, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, begun = installed.plane, datetime.now(UTC)
    make_pod(plane, namespace, "replica-a")  # of somebody else
    first = start(installed, monkeypatch, "replica-a")
    operating.until_leading(first)
    patience.until("the label on the leader alone", lambda: labelled(plane) == ["pod/replica-a"])
    second = start(installed, monkeypatch, "replica-b")
    first.kill()
    operating.until_leading(second)
    patience.until("the label on the next leader alone", lambda: labelled(plane) == ["pod/replica-b"])
    second.stop()
    assert labelled(plane) == []
    assert labelled(plane, namespace) == ["pod/replica-a"]
    writes = [
        event
        for event in plane.audit_events()
        if event.is_write and event.user == "platelet" and event.resource == "pods" and event.code < 300
        if event.timestamp >= begun
    ]
    assert {write.namespace for write in writes} == {NAMESPACE}
    for write in writes:
        assert write.request is not None
        assert set(write.request["metadata"]) == {"resourceVersion", "labels"}
        assert set(write.request["metadata"]["labels"]) == {LABEL}
