"""StatefulSets and DaemonSets are healed by their own rules (TRAPS 5 to 7), on a real API server."""

from collections.abc import Iterator

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import GOOD, RESTART, UNDO, Json

pytestmark = pytest.mark.cluster
ALL = ["Deployment", "StatefulSet", "DaemonSet"]
SICK = [{"pod": {"reasons": ["CrashLoopBackOff", "ImagePullBackOff"], "minRestarts": 1}}]
SLOW = [manifests.fires("Slow")]
KINDS: list[tuple[str, Json]] = [("StatefulSet", {"replicas": 1, "serviceName": "any"}), ("DaemonSet", {})]
IN_VAIN = {**RESTART, "verify": {"timeout": "5s", "stableFor": "1s"}}
SCALE = manifests.step("scale", scale={"by": 1})


def policy(name: str, triggers: list[Json], *steps: Json) -> str:
    """For the workloads of all kinds that are labelled with its name."""
    targets = {"kinds": ALL, "selector": {"matchLabels": {manifests.POLICY_LABEL: name}}}
    return manifests.policy(name, triggers, *steps, targets=targets, approval={"kinds": []})


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A namespace in which what a test releases badly has been seen healthy."""
    with incidents.scene(control_plane) as scene:
        scene.use(
            policy("undo", SICK, UNDO),
            policy("previous", SICK, manifests.step("undo", rolloutUndo={"to": "Previous"})),
            policy("restart", SICK, IN_VAIN),
            policy("both", SICK, UNDO, RESTART),
            policy("scale", SLOW, SCALE),
        )
        scene.admit_kind("StatefulSet", "undo", "db", replicas=3, serviceName="db")
        split = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        scene.admit_kind("StatefulSet", "undo", "canary", replicas=2, serviceName="canary", updateStrategy=split)
        scene.admit_kind("DaemonSet", "undo", "agent")
        scene.admit_kind("StatefulSet", "scale", "cache", replicas=1, serviceName="cache")
        scene.admit_kind("DaemonSet", "scale", "proxy")
        scene.until_proven("db", "canary", "agent", "cache", "proxy")
        yield scene


def is_ready(pod: Json) -> bool:
    """Whether the pod's condition says so."""
    conditions = pod["status"].get("conditions", [])
    return any((condition["type"], condition["status"]) == ("Ready", "True") for condition in conditions)


def pod_deletions(scene: Scene, name: str) -> list[tuple[str, str]]:
    """The pods of a workload that the operator deleted: their names, and the attempt that did it."""
    deletions = [write for write in scene.writes() if (write.verb, write.resource) == ("delete", "pods")]
    preconditions = [(deletion.request or {}).get("preconditions", {}) for deletion in deletions]
    assert all(options.get("uid") and options.get("resourceVersion") for options in preconditions)
    return [
        (deletion.name, incidents.attempt_of(deletion))
        for deletion in deletions
        if deletion.name.startswith(f"{name}-")
    ]


@pytest.mark.parametrize(("name", "stuck"), [("db", "db-2"), ("canary", "canary-1")])
def test_a_bad_release_of_an_ordered_stateful_set_is_undone_and_its_stuck_pod_replaced(
    scene: Scene, name: str, stuck: str
) -> None:
    """kubernetes#67250: the controller alone would wait for the pod that can never start. With a partition, too."""
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in scene.pods(name)}
    scene.release(name, "app:pullfail-2")
    healed = scene.until_state(name, "Closed")
    assert incidents.condition(healed, "Recovered") == ("True", "Recovered")
    attempt = f"{healed['metadata']['uid']}/0/1"
    assert [incidents.attempt_of(effect) for effect in scene.effects(name)] == [attempt]
    assert pod_deletions(scene, name) == [(stuck, attempt)]
    assert "StuckPod" in incidents.story(healed)
    assert scene.image(name) == GOOD
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in scene.pods(name)}
    assert [pod for pod in after if after[pod] != before[pod]] == [stuck]


def test_a_bad_release_of_a_daemon_set_is_undone(scene: Scene) -> None:
    scene.release("agent", "app:pullfail-2")
    healed = scene.until_state("agent", "Closed")
    assert incidents.condition(healed, "Recovered") == ("True", "Recovered")
    assert [incidents.attempt_of(effect) for effect in scene.effects("agent")] == [f"{healed['metadata']['uid']}/0/1"]
    assert scene.image("agent") == GOOD
    assert pod_deletions(scene, "agent") == []


@pytest.mark.parametrize(("kind", "spec"), KINDS)
def test_what_was_released_before_anybody_looked_goes_back_by_the_controllers_own_history(
    scene: Scene, kind: str, spec: Json
) -> None:
    """Its ControllerRevisions know the template that platelet has never seen live."""
    name = f"late-{kind.lower()}"
    scene.admit_kind(kind, "nobody", name, **spec)
    scene.until("its pods", name, lambda: [pod for pod in scene.pods(name) if is_ready(pod)])
    scene.release(name, "app:pullfail-2")
    scene.until("its bad pods", name, lambda: [pod for pod in scene.pods(name) if not is_ready(pod)])
    scene.patch(name, {"metadata": {"labels": {manifests.POLICY_LABEL: "previous"}}})
    healed = scene.until_state(name, "Closed")
    assert incidents.condition(healed, "Recovered") == ("True", "Recovered")
    assert (scene.image(name), len(scene.effects(name))) == (GOOD, 1)


@pytest.mark.parametrize(("kind", "spec"), KINDS)
def test_a_restart_that_heals_nothing_is_carried_out_and_seen_to_have_failed(
    scene: Scene, kind: str, spec: Json
) -> None:
    name = f"ill-{kind.lower()}"
    scene.admit_kind(kind, "restart", name, image="app:pullfail-1", **spec)
    remediation = scene.until_state(name, "Escalated")
    (attempt,) = remediation["status"]["attempts"]
    assert (attempt["action"], attempt["phase"], attempt["verdict"]) == ("rolloutRestart", "Done", "Failed")
    assert [incidents.attempt_of(effect) for effect in scene.effects(name)] == [attempt["id"]]
    stamp = scene.workload(name)["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    assert stamp == attempt["changes"][0]["meant"]["restartStamp"]
    begun = attempt["intendedAt"][:19]
    assert all(pod["metadata"]["creationTimestamp"][:19] >= begun for pod in scene.pods(name))


@pytest.mark.parametrize(("kind", "spec"), KINDS)
def test_nothing_is_written_where_no_rollout_would_follow(scene: Scene, kind: str, spec: Json) -> None:
    """With OnDelete a restart or an undo changes the history, and no pod."""
    name = f"held-{kind.lower()}"
    scene.admit_kind(kind, "both", name, image="app:pullfail-1", updateStrategy={"type": "OnDelete"}, **spec)
    remediation = scene.until_state(name, "Escalated")
    refusals = [decision for decision in remediation["status"]["decisions"] if decision["reason"] == "RolloutHeld"]
    assert [refusal["by"] for refusal in refusals] == ["rolloutUndo", "rolloutRestart"]
    assert all("OnDelete" in refusal["message"] and "set RollingUpdate" in refusal["message"] for refusal in refusals)
    assert scene.effects(name) == []


def test_a_stateful_set_is_scaled_and_a_daemon_set_is_not(scene: Scene, operator: OperatorProcess) -> None:
    """Both alerts name their workload by its kind's own label."""
    alerts = [
        manifests.alert("Slow", scene.namespace, statefulset="cache"),
        manifests.alert("Slow", scene.namespace, daemonset="proxy"),
    ]
    manifests.send(operator.alerts_url, *alerts)
    scene.until_acted("cache")
    (effect,) = scene.effects("cache")
    assert (effect.subresource, scene.replicas("cache")) == ("scale", 2)
    assert "NotScalable" in incidents.story(scene.until_state("proxy", "Escalated"))
    assert scene.effects("proxy") == []
