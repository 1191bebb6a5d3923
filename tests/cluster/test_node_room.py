"""More memory than any node can hold, or has left, on a real API server: refused before anything is written."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, installation, kubelet, kwok, manifests
from tests.cluster.control_plane import ControlPlane
from tests.cluster.incidents import Playground, Scene
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
KILLED: Json = {"pod": {"reasons": ["OOMKilled"], "minRestarts": 1}}
BY_HALF: Json = {"memory": {"byPercent": 50, "max": "2Gi"}}
POLICY = manifests.policy("killed", [KILLED], manifests.step("more", adjustResources=BY_HALF), RESTART)


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with the policy."""
    with incidents.playground(control_plane, tmp_path_factory.mktemp("operator"), POLICY) as playground:
        yield playground


@contextmanager
def a_node(plane: ControlPlane, pool: str, memory: str) -> Iterator[str]:
    """One of a pool, which takes its pods alone, and has so much memory."""
    body = kwok.node(f"node-{secrets.token_hex(4)}")
    metadata, amounts = body["metadata"], {"cpu": "8", "memory": memory, "pods": "50"}
    assert isinstance(metadata, dict)
    metadata["labels"]["pool"] = pool
    body["spec"] = {"taints": [{"key": "pool", "value": pool, "effect": "NoSchedule"}]}
    body["status"] = {"allocatable": amounts, "capacity": amounts}
    plane.kubectl("apply", "-f", "-", input=json.dumps(body))
    try:
        plane.kubectl("wait", f"node/{metadata['name']}", "--for=condition=Ready", "--timeout=60s")
        yield str(metadata["name"])
    finally:
        plane.kubectl("delete", "node", str(metadata["name"]))


def admit(scene: Scene, name: str, pool: str) -> None:
    """A Deployment of the pool, with 512Mi of memory, of which it asks for the half, that is known to be well."""
    scene.admit("killed", name)
    move(scene, name, pool, "--requests=memory=256Mi", "--limits=memory=512Mi")


def move(scene: Scene, name: str, pool: str, *resources: str) -> None:
    """Give the pods of a Deployment resources, and nodes of the pool."""
    scene.kubectl("set", "resources", f"deployment/{name}", *resources)
    tolerations = [{"key": "pool", "operator": "Exists"}]
    scene.patch(name, {"spec": {"template": {"spec": {"nodeSelector": {"pool": pool}, "tolerations": tolerations}}}})
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")


def memory(scene: Scene, name: str) -> str:
    (container,) = scene.workload(name)["spec"]["template"]["spec"]["containers"]
    return str(container["resources"]["limits"]["memory"])


def refusals(scene: Scene, name: str, reason: str) -> list[str]:
    """What was decided for this reason."""
    decisions = [decision for seen in scene.remediations(name) for decision in seen["status"].get("decisions", ())]
    return [str(decision["message"]) for decision in decisions if decision["reason"] == reason]


def test_what_no_node_of_its_own_can_hold_is_passed_over_and_what_one_can_is_given(playground: Playground) -> None:
    """Of the many nodes of the cluster the workload may go to its pool's alone, and the small one comes first."""
    scene, _ = playground
    with a_node(scene.plane, "small", "300Mi") as small, a_node(scene.plane, "small", "280Mi"):
        admit(scene, "api", "small")
        kubelet.kill(scene, "api")
        refused = scene.until_state("api", "Monitoring", "Closed")
        messages = refusals(scene, "api", "NoNodeLargeEnough")
        too_small = f"node {small}, the largest of 2 that it may run on, can give 300Mi of memory"
        assert messages == [f"app: no node can hold a pod that asks for 384Mi of memory: {too_small}"]
        assert [attempt["action"] for attempt in refused["status"]["attempts"]] == ["rolloutRestart"]
        assert memory(scene, "api") == "512Mi"
        with a_node(scene.plane, "large", "8Gi"):
            admit(scene, "web", "large")
            kubelet.kill(scene, "web")
            scene.until("more memory", "web", lambda: memory(scene, "web") == "768Mi")
            scene.until_state("web", "Monitoring", "Closed")
        scene.kubectl("delete", "deployment", "api", "web")


def test_what_others_leave_too_little_room_for_is_passed_over(playground: Playground) -> None:
    """The only node holds a pod of the workload, and one of somebody else."""
    scene, _ = playground
    with a_node(scene.plane, "full", "700Mi") as node:
        scene.apply(installation.deployment("tenant", manifests.GOOD, replicas=1))
        move(scene, "tenant", "full", "--requests=memory=400Mi")
        admit(scene, "api", "full")
        kubelet.kill(scene, "api")
        scene.until("the refusal", "api", lambda: refusals(scene, "api", "NoRoomOnNodes"))
        (message,) = refusals(scene, "api", "NoRoomOnNodes")
        left = f"node {node}, the one of 1 that other pods leave the most of, can give 300Mi of memory"
        assert message == f"app: no node can hold a pod that asks for 384Mi of memory: {left}"
        assert memory(scene, "api") == "512Mi"
        scene.kubectl("delete", "deployment", "api", "tenant")
