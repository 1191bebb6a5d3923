"""The harness keeps its promises: what it starts works, is honest, and ends."""

# ruff: noqa: S603 - every command line is our own

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import patience, processes
from tests.cluster.control_plane import ControlPlane, KubectlFailed, start

pytestmark = pytest.mark.cluster

_REPOSITORY = Path(__file__).parents[2]
_HOLD_A_CLUSTER = """
import time
from tests.cluster import control_plane
with control_plane.start(nodes=1) as plane:
    print(plane.directory, flush=True)
    time.sleep(600)
"""


def _deploy(plane: ControlPlane, namespace: str, image: str, replicas: int = 2) -> None:
    """Make a Deployment `app` that gives up its rollout after a few seconds."""
    container = {"name": "app", "image": f"registry.example/team/{image}"}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": 8,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {
                "metadata": {"labels": {"app": "app"}},
                "spec": {"containers": [container]},
            },
        },
    }
    plane.kubectl("apply", "-f", "-", input=json.dumps(manifest))


def _deployment(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    deployment: dict[str, Any] = json.loads(plane.kubectl("get", "deployment", "app", "-n", namespace, "-o", "json"))
    return deployment


def _progressing(plane: ControlPlane, namespace: str) -> str:
    """The reason of the Progressing condition."""
    conditions = _deployment(plane, namespace)["status"].get("conditions", [])
    return "".join(c["reason"] for c in conditions if c["type"] == "Progressing")


def _containers(plane: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    pods = json.loads(plane.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    return [c for pod in pods for c in pod["status"].get("containerStatuses", [])]


def _watch_states(plane: ControlPlane, namespace: str, wanted: set[str]) -> dict[str, Any]:
    """One container status per state seen, keyed `state` or `state/reason`, once all were seen."""
    seen: dict[str, Any] = {}

    def all_seen() -> bool:
        for container in _containers(plane, namespace):
            for state, detail in container["state"].items():
                reason = detail.get("reason")
                seen[f"{state}/{reason}" if reason else state] = container
        return wanted <= seen.keys()

    patience.until(f"containers to be {wanted}", all_seen)
    return seen


def test_comes_up(control_plane: ControlPlane) -> None:
    """The server has the pinned version and two nodes without taints."""
    version = json.loads(control_plane.kubectl("version", "-o", "json"))
    nodes = json.loads(control_plane.kubectl("get", "nodes", "-o", "json"))["items"]
    assert version["serverVersion"]["gitVersion"] == "v1.36.3"
    assert len(nodes) == 2
    assert not any(node["spec"].get("taints") for node in nodes)
    assert all(_quantity(node["status"]["allocatable"]["pods"]) >= 500 for node in nodes)


def _quantity(text: str) -> int:
    return int(text.replace("M", "000000").replace("k", "000"))


@pytest.mark.parametrize("user", ["alice", "bob"])  # platelet has rights once a file has installed it
def test_users_have_no_rights_by_default(control_plane: ControlPlane, user: str) -> None:
    """RBAC denies whatever no test has granted."""
    with pytest.raises(KubectlFailed, match="Forbidden"):
        control_plane.kubectl("get", "pods", "-n", "default", user=user)


def test_rights_can_be_granted(control_plane: ControlPlane, namespace: str) -> None:
    """A RoleBinding gives alice what it says, and nothing to bob."""
    control_plane.kubectl("create", "rolebinding", "viewer", "--clusterrole=view", "--user=alice", "-n", namespace)
    control_plane.kubectl("get", "pods", "-n", namespace, user="alice")
    with pytest.raises(KubectlFailed, match="Forbidden"):
        control_plane.kubectl("get", "pods", "-n", namespace, user="bob")


def test_audit_log_tells_who_wrote_what(control_plane: ControlPlane, namespace: str) -> None:
    """A write is recorded with its user, user agent and bodies."""
    control_plane.kubectl("create", "configmap", "note", "--from-literal=a=b", "-n", namespace)
    [event] = [
        event
        for event in control_plane.audit_events()
        if event.namespace == namespace and event.resource == "configmaps" and event.name == "note"
    ]
    assert (event.verb, event.user, event.code) == ("create", "admin", 201)
    assert event.user_agent.startswith("kubectl/v1.36.3")
    assert event.request is not None
    assert event.request["data"] == {"a": "b"}
    assert event.response is not None
    assert event.response["metadata"]["namespace"] == namespace
    assert event.is_write


def test_audit_log_tells_what_was_denied(control_plane: ControlPlane, namespace: str) -> None:
    """A refused write is recorded too: a test can see that it was tried."""
    with pytest.raises(KubectlFailed):
        control_plane.kubectl("delete", "configmap", "none", "-n", namespace, user="bob")
    events = [e for e in control_plane.audit_events() if e.namespace == namespace]
    assert [(e.code, e.lacks_right) for e in events if e.user == "bob" and e.is_write] == [(403, True)]


def test_audit_log_tells_a_missing_right_from_a_namespace_that_ends(control_plane: ControlPlane) -> None:
    """In one that is being deleted nobody may create anything."""
    name = "ends-for-long"
    control_plane.kubectl("create", "namespace", name)
    kept = json.dumps({"metadata": {"finalizers": ["tests.platelet.dev/kept"]}})
    control_plane.kubectl("create", "configmap", "kept", "-n", name)
    control_plane.kubectl("patch", "configmap", "kept", "-n", name, "--type=merge", "-p", kept)
    control_plane.kubectl("delete", "namespace", name, "--wait=false")
    try:
        with pytest.raises(KubectlFailed, match="is being terminated"):
            control_plane.kubectl("create", "configmap", "late", "-n", name)
    finally:
        free = json.dumps({"metadata": {"finalizers": None}})
        control_plane.kubectl("patch", "configmap", "kept", "-n", name, "--type=merge", "-p", free)
    (event,) = [e for e in control_plane.audit_events() if e.namespace == name and e.code == 403]
    assert not event.lacks_right


def test_audit_log_keeps_reads_short(control_plane: ControlPlane, namespace: str) -> None:
    """A read is recorded without bodies."""
    control_plane.kubectl("get", "pods", "-n", namespace)
    reads = [e for e in control_plane.audit_events() if (e.namespace, e.verb) == (namespace, "list")]
    assert [e.resource for e in reads if e.user == "admin"][-1] == "pods"
    assert not any(e.request or e.response for e in reads)


@pytest.mark.parametrize("image", ["app:good-1", "app:slow", "nginx:1"])
def test_healthy_images_become_available(control_plane: ControlPlane, namespace: str, image: str) -> None:
    """Pods of `good`, in time of `slow`, and of any image without a meaning, get ready."""
    _deploy(control_plane, namespace, image)
    control_plane.kubectl("wait", "deployment/app", "-n", namespace, "--for=condition=Available", "--timeout=60s")
    assert all(c["restartCount"] == 0 for c in _containers(control_plane, namespace))


def test_crash_goes_through_the_whole_cycle(control_plane: ControlPlane, namespace: str) -> None:
    """A crash loop shows three states in turn while its restart count grows."""
    _deploy(control_plane, namespace, "app:crash")
    states = {"running", "terminated/Error", "waiting/CrashLoopBackOff"}
    _watch_states(control_plane, namespace, states)
    patience.until(
        "two restarts",
        lambda: min(c["restartCount"] for c in _containers(control_plane, namespace)) >= 2,
    )
    for state, container in _watch_states(control_plane, namespace, states).items():
        last = container["lastState"]["terminated"]
        assert last["exitCode"] == 1, state
        assert last["startedAt"] <= last["finishedAt"], state


def test_crash_completes_its_rollout(control_plane: ControlPlane, namespace: str) -> None:
    """Each new pod is ready for a moment: the good release goes, and success is reported."""
    _deploy(control_plane, namespace, "app:good")
    patience.until("the first rollout", lambda: _is_complete(control_plane, namespace))
    _deploy(control_plane, namespace, "app:crash")
    patience.until("the second rollout", lambda: _is_complete(control_plane, namespace))
    patience.until(
        "no pod to be available",
        lambda: not _deployment(control_plane, namespace)["status"].get("availableReplicas"),
    )
    images = {c["image"] for c in _containers(control_plane, namespace)}
    assert images == {"registry.example/team/app:crash"}
    assert _progressing(control_plane, namespace) == "NewReplicaSetAvailable"


def _is_complete(plane: ControlPlane, namespace: str) -> bool:
    deployment = _deployment(plane, namespace)
    seen = deployment["status"].get("observedGeneration") == deployment["metadata"]["generation"]
    return seen and _progressing(plane, namespace) == "NewReplicaSetAvailable"


@pytest.mark.parametrize("image", ["app:crash-unready", "app:unready", "app:pullfail", "app:configerror"])
def test_never_ready_images_miss_the_deadline(control_plane: ControlPlane, namespace: str, image: str) -> None:
    """The rollout does not complete, and the good release stays up."""
    _deploy(control_plane, namespace, "app:good")
    patience.until("the first rollout", lambda: _is_complete(control_plane, namespace))
    _deploy(control_plane, namespace, image)
    patience.until(
        "the deadline",
        lambda: _progressing(control_plane, namespace) == "ProgressDeadlineExceeded",
    )
    assert _deployment(control_plane, namespace)["status"]["availableReplicas"] == 2


@pytest.mark.parametrize(
    ("image", "states"),
    [
        ("app:crash-unready-2", {"running", "terminated/Error", "waiting/CrashLoopBackOff"}),
        ("app:oom", {"running", "terminated/OOMKilled", "waiting/CrashLoopBackOff"}),
        ("app:pullfail", {"waiting/ErrImagePull", "waiting/ImagePullBackOff"}),
        ("app:configerror", {"waiting/CreateContainerConfigError"}),
        ("app:flaky", {"running", "terminated/Error", "waiting/CrashLoopBackOff"}),
    ],
)
def test_sick_images_show_their_states(
    control_plane: ControlPlane, namespace: str, image: str, states: set[str]
) -> None:
    """Each image shows the states of its sickness and no other."""
    _deploy(control_plane, namespace, image, replicas=1)
    seen = _watch_states(control_plane, namespace, states)
    assert seen.keys() == states
    codes = {c["state"]["terminated"]["exitCode"] for c in seen.values() if "terminated" in c["state"]}
    assert codes <= {137 if "oom" in image else 1}


def test_only_the_sick_container_of_a_pod_crashes(control_plane: ControlPlane, namespace: str) -> None:
    """A healthy sidecar keeps running while its neighbour restarts."""
    containers = [{"name": name, "image": f"app:{name}"} for name in ("good", "crash")]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pair", "namespace": namespace},
        "spec": {"containers": containers},
    }
    control_plane.kubectl("create", "-f", "-", input=json.dumps(pod))

    def restarts() -> dict[str, int]:
        return {c["name"]: c["restartCount"] for c in _containers(control_plane, namespace)}

    patience.until("a restart", lambda: restarts().get("crash", 0) >= 1)
    assert restarts()["good"] == 0


def test_objects_outlive_an_outage(
    fresh_control_plane: Callable[[], ControlPlane],
) -> None:
    """The API server comes back at the same address with all objects, and the cluster works."""
    plane = fresh_control_plane()
    address = plane.url
    _deploy(plane, "default", "app:good")
    plane.stop_api_server()
    with pytest.raises(KubectlFailed):
        plane.kubectl("get", "nodes", "--request-timeout=2s")
    plane.start_api_server()
    assert plane.url == address
    patience.until(
        "the deployment to be available",
        lambda: _deployment(plane, "default")["status"].get("availableReplicas") == 2,
        seconds=120,
    )


def test_clusters_run_side_by_side(
    control_plane: ControlPlane, fresh_control_plane: Callable[[], ControlPlane]
) -> None:
    """A second cluster shares nothing with the first: neither objects nor keys."""
    other = fresh_control_plane()
    other.kubectl("create", "namespace", "only-here")
    with pytest.raises(KubectlFailed, match="NotFound"):
        control_plane.kubectl("get", "namespace", "only-here")
    assert other.ca_file.read_bytes() != control_plane.ca_file.read_bytes()


def test_nothing_survives_a_stop() -> None:
    """After the `with` block no process and no file is left."""
    with start(nodes=1) as plane:
        assert len(processes.mentioning(str(plane.directory))) == 5
    assert processes.mentioning(str(plane.directory)) == []
    assert not plane.directory.exists()


def test_nothing_survives_a_killed_parent() -> None:
    """The kernel ends the programs when the test run is killed with -9."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD_A_CLUSTER],
        cwd=_REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        directory = parent.stdout.readline().strip()
        running = processes.mentioning(directory)
        parent.kill()
    assert len(running) == 5
    patience.until("all programs to end", lambda: not processes.mentioning(directory))


def test_a_failing_component_is_named(
    fresh_control_plane: Callable[[], ControlPlane],
) -> None:
    """Whoever waits for a cluster whose etcd has died reads so, not a timeout."""
    plane = fresh_control_plane()
    plane.stop_api_server()
    plane.components["etcd"].process.kill()
    with pytest.raises(processes.ComponentFailed, match="etcd ended"):
        plane.start_api_server()
