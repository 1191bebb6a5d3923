"""What a workload says of itself: a stuck rollout, missing replicas, pods that no node takes."""

from collections.abc import Iterator

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests, operating
from tests.cluster.incidents import Scene
from tests.cluster.manifests import GOOD, RESTART, UNDO, Json

pytestmark = pytest.mark.cluster
STUCK: Json = {"workload": {"conditions": ["RolloutStuck"]}}
SHORT: Json = {"workload": {"conditions": ["ReplicasUnavailable"], "for": "3s"}}
NOWHERE: Json = {"pod": {"reasons": ["Unschedulable"], "for": "2s"}}
HELD: Json = {"pod": {"reasons": ["StuckTerminating"], "for": "2s"}}
NO_SUCH_NODE = {"platelet.test/node": "none"}
NO_NODE = {"spec": {"template": {"spec": {"nodeSelector": NO_SUCH_NODE}}}}
POLICIES = (
    manifests.policy("stuck", [STUCK], UNDO),
    manifests.policy("short", [SHORT], UNDO),
    manifests.policy("nowhere", [NOWHERE], UNDO, RESTART),
    manifests.policy("held", [HELD], RESTART),
)


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A namespace with all policies, and an operator that leads."""
    with (
        operating.one_leader(control_plane, tmp_path_factory.mktemp("operator")),
        incidents.scene(control_plane) as scene,
    ):
        scene.use(*POLICIES)
        yield scene


def test_a_rollout_past_its_deadline_is_undone(scene: Scene) -> None:
    """Its own pods are the sick ones, so the rollout is no reason to wait; the old pods serve all the time."""
    scene.admit("stuck", "stuck", replicas=2)
    scene.patch("stuck", {"spec": {"progressDeadlineSeconds": 4}})
    scene.until_proven("stuck")
    scene.release("stuck", "app:pullfail-1")
    closed = scene.until_state("stuck", "Monitoring", "Closed")
    assert closed["spec"]["signal"]["source"] == "workload"
    assert closed["spec"]["signal"]["reason"] == "RolloutStuck"
    assert scene.image("stuck") == GOOD
    assert len(scene.effects("stuck")) == 1


def test_missing_replicas_are_seen_on_the_workload(scene: Scene) -> None:
    """A release without a pod that serves, long before its rollout is stuck."""
    scene.admit("short", "short")
    scene.patch("short", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    scene.until_proven("short")
    scene.release("short", "app:pullfail-1")
    scene.until_acted("short")
    assert scene.image("short") == GOOD
    (remediation, *_) = scene.remediations("short")
    assert remediation["spec"]["signal"]["reason"] == "ReplicasUnavailable"
    assert "0 of 1 pods are available" in remediation["spec"]["signal"]["message"]


def test_a_release_that_asks_for_a_node_that_there_is_not_is_undone(scene: Scene) -> None:
    """The template before it runs, and asks for none: what keeps its pods from a node is its own doing."""
    scene.admit("nowhere", "picky")
    scene.until_proven("picky")
    scene.patch("picky", NO_NODE)
    closed = scene.until_state("picky", "Monitoring", "Closed")
    assert closed["spec"]["signal"]["reason"] == "Unschedulable"
    assert len(scene.effects("picky")) == 1


def test_pods_that_no_node_takes_are_for_people(scene: Scene) -> None:
    """Although the runbook has steps: no template of it is known to have run."""
    pod = {"containers": [{"name": "app", "image": GOOD}], "nodeSelector": NO_SUCH_NODE}
    template = {"metadata": {"labels": {"app": "nowhere"}}, "spec": pod}
    scene.admit_kind("Deployment", "nowhere", "nowhere", replicas=1, template=template)
    escalated = scene.until_state("nowhere", "Escalated")
    assert escalated["status"]["escalation"]["reason"] == "CauseElsewhere"
    assert "cannot be scheduled" in escalated["status"]["escalation"]["message"]
    assert scene.effects("nowhere") == []


def test_a_pod_that_hangs_in_terminating_is_for_people(scene: Scene) -> None:
    """A finalizer holds it; its grace is over, and it is never deleted by force."""
    scene.admit("held", "held")
    scene.kubectl("rollout", "status", "deployment/held", "--timeout=60s")
    (pod,) = scene.pods("held")
    name = pod["metadata"]["name"]
    holds = '{"metadata": {"finalizers": ["platelet.test/holds"]}}'
    scene.kubectl("patch", "pod", name, "--type=merge", "-p", holds)
    try:
        scene.kubectl("delete", "pod", name, "--wait=false", "--grace-period=1")
        escalated = scene.until_state("held", "Escalated")
        assert escalated["status"]["escalation"]["reason"] == "CauseElsewhere"
        assert "hang in Terminating" in escalated["status"]["escalation"]["message"]
        assert "finalizer platelet.test/holds" in escalated["status"]["evidence"][0]["message"]
        assert scene.effects("held") == []
        assert name in [other["metadata"]["name"] for other in scene.pods("held")]
    finally:
        scene.kubectl("patch", "pod", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
