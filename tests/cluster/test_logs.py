"""The end of a log as evidence, on a real API server: only with the right of deploy/logs, and no heal waits for it."""

from collections.abc import Iterator

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import cron_jobs, incidents, installation, manifests, operating
from tests.cluster.incidents import Scene
from tests.cluster.manifests import CRASHES, GOOD, UNDO, Json, step

pytestmark = pytest.mark.cluster
ROLE = str(installation.ROOT / "deploy" / "logs")
POLICIES = (
    manifests.policy("told", [CRASHES], UNDO, evidence={"logs": True}),
    manifests.policy("silent", [CRASHES], UNDO),
    manifests.policy("mended", [CRASHES], step("mend", job={"fromCronJob": "mend"}), UNDO, evidence={"logs": True}),
)


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An operator, and a namespace in which all have been seen healthy."""
    with (
        operating.one_leader(control_plane, tmp_path_factory.mktemp("operator")),
        incidents.scene(control_plane) as scene,
    ):
        scene.use(*POLICIES)
        scene.admit("told", "refused", "allowed")
        scene.admit("silent", "unasked")
        scene.admit("mended", "torn")
        scene.apply(cron_jobs.suspended("mend"))
        scene.until_proven("refused", "allowed", "unasked", "torn")
        yield scene


def healed(scene: Scene, name: str) -> Json:
    """The status of the incident of a bad release that was undone."""
    scene.release(name, "app:crash-2")
    stored = scene.until_state(name, "Closed", "Monitoring")
    assert scene.image(name) == GOOD
    status: Json = stored["status"]
    return status


def reads_of_logs(scene: Scene, name: str) -> list[int]:
    """The answers to all that the operator has asked for of this Deployment's pods.

    Reading a log counts as a long-running request, of which the audit log has two lines.
    """
    asked = [
        event
        for event in scene.plane.audit_events(mentioning=scene.namespace)
        if event.user == "platelet" and event.subresource == "log" and event.name.startswith(f"{name}-")
    ]
    return list({(event.uri, event.timestamp): event.code for event in asked}.values())


def test_without_the_right_it_heals_and_says_what_is_missing(scene: Scene) -> None:
    tail = healed(scene, "refused")["logTail"]
    assert tail["notAvailable"].endswith("kubectl apply -k deploy/logs lets it")
    assert reads_of_logs(scene, "refused") == [403]


def test_with_the_right_the_log_is_asked_for_and_a_node_that_does_not_answer_holds_nothing_up(scene: Scene) -> None:
    """Nodes are simulated: no kubelet listens."""
    scene.plane.kubectl("apply", "-k", ROLE)
    scene.plane.kubectl(
        "create", "clusterrolebinding", "logs-of-tests", "--clusterrole=platelet-logs", "--user=platelet"
    )
    try:
        tail = healed(scene, "allowed")["logTail"]
        assert (tail["container"], "lines" in tail) == ("app", False)
        assert tail["notAvailable"]
        assert "deploy/logs" not in tail["notAvailable"]
        assert len(reads_of_logs(scene, "allowed")) == 1
    finally:
        scene.plane.kubectl("delete", "clusterrolebinding", "logs-of-tests")
        scene.plane.kubectl("delete", "-k", ROLE)


def test_no_log_is_asked_for_unless_the_policy_says_so(scene: Scene) -> None:
    assert "logTail" not in healed(scene, "unasked")
    assert reads_of_logs(scene, "unasked") == []


def test_of_a_job_that_failed_the_log_is_asked_for_once(scene: Scene) -> None:
    """Its pod is found by its Job; without the right it says what is missing, and the next step follows."""
    scene.release("torn", "app:crash-2")
    scene.until("a Job", "torn", lambda: bool(scene.items(cron_jobs.JOBS)))
    (job,) = scene.items(cron_jobs.JOBS)
    cron_jobs.end(scene, job, "Failed")
    status = scene.until_state("torn", "Closed", "Monitoring")["status"]
    assert scene.image("torn") == GOOD
    mended, undone = status["attempts"]
    assert (mended["verdict"], undone["verdict"]) == ("Failed", "Recovered")
    assert "logTail" not in undone
    tail = mended["logTail"]
    assert (tail["container"], tail["pod"].startswith(job["metadata"]["name"])) == ("mend", True)
    assert tail["notAvailable"].endswith("kubectl apply -k deploy/logs lets it")
    assert reads_of_logs(scene, job["metadata"]["name"]) == [403]
