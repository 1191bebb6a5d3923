"""When a step has not helped for good, the next follows, then people; and what was temporary is reverted."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import CRASHES, GOOD, RESTART, UNDO, Json

pytestmark = pytest.mark.cluster
WATCHED = {"reopenWithin": "1m"}
MORE = {"by": 2, "max": 6}
POLICIES = (
    manifests.policy("ladder", [manifests.fires("Slow")], RESTART, manifests.step("more", scale=MORE), limits=WATCHED),
    manifests.policy("restarts", [CRASHES], RESTART, manifests.step("again", rolloutRestart={}), limits=WATCHED),
    manifests.policy("release", [CRASHES], UNDO, limits=WATCHED),
    manifests.policy(
        "busy", [manifests.fires("Busy")], manifests.step("more", scale={**MORE, "revertWhenResolved": True})
    ),
    manifests.policy("timed", [manifests.fires("Busy")], manifests.step("more", scale={**MORE, "revertAfter": "8s"})),
    # Two policies for the same Deployments: the alert adds replicas for a while, a crash loop is undone.
    manifests.policy("both", [manifests.fires("Busy")], manifests.step("more", scale={**MORE, "revertAfter": "20s"})),
    manifests.policy("both-undo", [CRASHES], UNDO, targets={"selector": {"matchLabels": {"heal": "both"}}}),
)


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A namespace with healthy Deployments; each test has its own of them."""
    with incidents.scene(control_plane) as scene:
        scene.use(*POLICIES)
        names = ("ladder", "restarts", "release", "busy", "timed", "both")
        for name in names:
            scene.admit(name, name, replicas=2)
        scene.until_proven(*names)
        yield scene


def busy(scene: Scene, target: str, name: str = "Busy") -> Json:
    """An alert about a Deployment, starting now."""
    return manifests.alert(name, scene.namespace, deployment=target)


def test_a_fault_that_returns_goes_to_the_next_step_and_then_to_people(scene: Scene, operator: OperatorProcess) -> None:
    """The same alert three times, each a moment after the recovery from the one before."""
    for state in ("Monitoring", "Monitoring", "Escalated"):
        again = busy(scene, "ladder", "Slow")
        manifests.send(operator.alerts_url, again)
        if state == "Monitoring":
            scene.until_verifying("ladder")
            manifests.send(operator.alerts_url, manifests.resolved(again))
        remediation = scene.until_state("ladder", state)
    assert incidents.acts(remediation) == ["rolloutRestart", "scale"]
    assert incidents.condition(remediation, "Escalated") == ("True", "NoStepLeft")
    manifests.send(operator.alerts_url, busy(scene, "ladder", "Slow"))
    assert len(scene.effects("ladder")) == 2
    assert len(scene.remediations("ladder")) == 1


def test_a_crash_loop_that_outlives_every_restart_is_no_endless_series(scene: Scene) -> None:
    """Restarted pods run well for longer than `stableFor`: that it "helped" starts nothing anew (TRAPS 25)."""
    scene.release("restarts", "app:crash-2")
    remediation = scene.until_state("restarts", "Escalated")
    assert incidents.acts(remediation) == ["rolloutRestart", "rolloutRestart"]
    assert incidents.condition(remediation, "Escalated") == ("True", "NoStepLeft")
    assert incidents.condition(remediation, "Recovered")[0] != "True"
    assert len(scene.effects("restarts")) == 2
    assert len(scene.remediations("restarts")) == 1


def test_a_new_bad_release_a_moment_after_an_undo_is_an_incident_of_its_own(scene: Scene) -> None:
    """Another template is another fault: it does not use up the ladder of the one before."""
    scene.release("release", "app:crash-2")
    scene.until_state("release", "Monitoring")
    assert scene.image("release") == GOOD
    scene.release("release", "app:crash-3")
    remediation = scene.until_state("release", "Monitoring", number=2)
    assert incidents.acts(remediation) == ["rolloutUndo"]
    assert scene.image("release") == GOOD
    assert len(scene.effects("release")) == 2


def test_replicas_added_for_an_alert_are_reverted_when_it_resolves(scene: Scene, operator: OperatorProcess) -> None:
    firing = busy(scene, "busy")
    manifests.send(operator.alerts_url, firing)
    scene.until_verifying("busy")
    assert scene.replicas("busy") == 4
    manifests.send(operator.alerts_url, manifests.resolved(firing))
    remediation = scene.until_state("busy", "Closed")
    assert remediation["status"]["reason"] == "Recovered"
    assert scene.replicas("busy") == 2
    writes = scene.effects("busy")
    assert [write.subresource for write in writes] == ["scale", "scale"]
    attempt = f"{remediation['metadata']['uid']}/0/1"
    assert [incidents.attempt_of(write) for write in writes] == [attempt, f"{attempt}/back"]


def test_replicas_added_for_a_time_are_reverted_when_it_is_over(scene: Scene, operator: OperatorProcess) -> None:
    firing = busy(scene, "timed")
    manifests.send(operator.alerts_url, firing)
    scene.until_verifying("timed")
    manifests.send(operator.alerts_url, manifests.resolved(firing))
    scene.until_state("timed", "Monitoring")
    assert scene.replicas("timed") == 4
    remediation = scene.until_state("timed", "Closed")
    assert scene.replicas("timed") == 2
    scaled, reverted = scene.effects("timed")
    planned = datetime.fromisoformat(remediation["status"]["attempts"][0]["revert"]["dueAt"])
    assert scaled.timestamp < planned <= reverted.timestamp


def test_a_bad_release_during_a_temporary_scale_up_is_undone_and_the_scale_up_still_reverted(
    scene: Scene, operator: OperatorProcess
) -> None:
    firing = busy(scene, "both")
    manifests.send(operator.alerts_url, firing)
    scene.until_verifying("both")
    manifests.send(operator.alerts_url, manifests.resolved(firing))
    scene.until_state("both", "Monitoring")
    scene.release("both", "app:crash-2")
    undone = scene.until_state("both", "Closed", number=2)
    assert incidents.acts(undone) == ["rolloutUndo"]
    assert [remediation["status"]["reason"] for remediation in scene.remediations("both")] == ["Recovered", "Recovered"]
    assert (scene.image("both"), scene.replicas("both")) == (GOOD, 2)
    assert [effect.subresource for effect in scene.effects("both")] == ["scale", "", "scale"]


def test_replicas_that_an_autoscaler_owns_are_not_touched(scene: Scene, operator: OperatorProcess) -> None:
    scene.admit("busy", "autoscaled", replicas=2)
    scene.kubectl("autoscale", "deployment", "autoscaled", "--min=1", "--max=9", "--cpu-percent=80")
    manifests.send(operator.alerts_url, busy(scene, "autoscaled"))
    remediation = scene.until_state("autoscaled", "Escalated")
    assert "HPAOwned" in incidents.story(remediation)
    assert scene.effects("autoscaled") == []
