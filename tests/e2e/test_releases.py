"""Bad releases on real containers are undone. Each falls ill in its own way; all at once, to save time."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import incidents, installation, manifests, operating, people
from tests.cluster.incidents import Scene
from tests.cluster.manifests import Json
from tests.e2e import workloads
from tests.e2e.node import Node

UNDO = manifests.step("undo", rolloutUndo={}, verify={"timeout": "60s", "stableFor": "2s"})
PULLS = ["ImagePullBackOff", "ErrImagePull"]
# By its Deployment: what is released, and the policy's trigger.
RELEASES: dict[str, tuple[Json, Json]] = {
    "crashes": (workloads.CRASHES, {"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 2}}),
    "hungry": (workloads.HUNGRY, {"pod": {"reasons": ["OOMKilled"], "minRestarts": 1}}),
    "missing": (workloads.MISSING, {"pod": {"reasons": PULLS, "for": "3s"}}),
    "unready": (workloads.UNREADY, {"pod": {"reasons": ["Unready"], "for": "9s"}}),
}


@pytest.fixture(scope="module")
def scene(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A namespace in which all were seen healthy, and then released."""
    directory = tmp_path_factory.mktemp("operator")
    with operating.one_leader(node.plane, directory), incidents.scene(node.plane) as scene:
        node.plane.kubectl("apply", "-k", str(installation.ROOT / "deploy" / "logs"))
        people.bind(node.plane, "platelet", scene.namespace, "platelet-logs")  # the operator is no ServiceAccount here
        logs = {"logs": True}
        scene.use(*(manifests.policy(name, [trigger], UNDO, evidence=logs) for name, (_, trigger) in RELEASES.items()))
        scene.apply(*(workloads.target(name, policy=name) for name in RELEASES))
        scene.until_proven(*RELEASES)
        for name, (life, _) in RELEASES.items():
            scene.patch(name, {"spec": {"template": {"spec": {"containers": [life]}}}})
        yield scene


def assert_undone(scene: Scene, name: str, reasons: list[str]) -> None:
    """One write, with its attempt's id on it, led back to the template that ran well; and so it does again."""
    healed = scene.until_state(name, "Closed", "Escalated", seconds=120)
    assert healed["status"]["reason"] == "Recovered", incidents.story(healed)
    assert healed["spec"]["signal"]["reason"] in reasons
    (undo,) = scene.effects(name)
    assert incidents.attempt_of(undo) == f"{healed['metadata']['uid']}/0/1"
    spec = scene.workload(name)["spec"]["template"]["spec"]
    assert spec["containers"][0]["command"] == workloads.WELL["command"]
    assert scene.workload(name)["status"]["availableReplicas"] == 2
    assert len(scene.remediations(name)) == 1


def assert_log_is_kept_without_its_password(scene: Scene, name: str) -> None:
    """As a real kubelet answers, for the run that has ended."""
    (remediation,) = scene.remediations(name)
    tail = remediation["status"]["logTail"]
    assert tail["lines"] == ["connecting", "DB_PASSWORD=<redacted>", "no database"]


def rolled_out(deployment: Json) -> bool:
    """Whether the Deployment's controller counts the newest release as complete."""
    status: dict[str, Any] = deployment["status"]
    progressing = [condition["reason"] for condition in status["conditions"] if condition["type"] == "Progressing"]
    current = status["observedGeneration"] == deployment["metadata"]["generation"]
    new_only = status.get("updatedReplicas") == status.get("replicas") == 2
    return current and new_only and progressing == ["NewReplicaSetAvailable"]


def test_a_crash_loop_whose_rollout_is_complete_is_undone(scene: Scene) -> None:
    """TRAPS 39, 40: without a readiness probe each pod is Ready for a moment, and so the release counts as good."""
    scene.until("the bad release to count as complete", "crashes", lambda: rolled_out(scene.workload("crashes")))
    assert scene.effects("crashes") == []
    assert_undone(scene, "crashes", ["CrashLoopBackOff"])
    assert_log_is_kept_without_its_password(scene, "crashes")


def test_a_release_that_runs_out_of_memory_is_undone(scene: Scene) -> None:
    """The kernel kills it for its control group's limit."""
    assert_undone(scene, "hungry", ["OOMKilled"])


def test_a_release_whose_image_does_not_exist_is_undone_before_it_has_replaced_anything(scene: Scene) -> None:
    """Its rollout never completes: that is the fault."""
    assert_undone(scene, "missing", PULLS)
    assert "logTail" not in scene.remediations("missing")[0]["status"]  # what never ran has no log


def test_a_release_that_never_gets_ready_is_undone(scene: Scene) -> None:
    assert_undone(scene, "unready", ["Unready"])
