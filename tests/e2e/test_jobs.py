"""Jobs of real containers: what the last lines of their logs say is kept, whoever has started them."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster import incidents, installation, manifests, operating, patience, people
from tests.cluster.incidents import Scene
from tests.e2e import workloads
from tests.e2e.node import BUSYBOX, Node

CRASHES = {"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 1}}
LIVES = {
    "fails": "echo begins; echo DB_PASSWORD=hunter2; echo no lock on the table; exit 1",
    "ends-well": "echo begins; echo all is done",
    "hangs": "echo begins; echo waits for a lock; sleep 600",
}
QUICK = {"timeout": "3s", "stableFor": "1s"}


def shelved(name: str) -> str:
    """A suspended CronJob that runs a line of shell, once."""
    containers = [{"name": "mend", "image": BUSYBOX, "command": ["sh", "-c", LIVES[name]]}]
    job = {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": containers}}}
    spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": job}}
    return yaml.safe_dump({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec})


@pytest.fixture(scope="module")
def scene(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A namespace with a healthy Deployment, whose next release is bad."""
    steps = [{"name": name, "verify": QUICK, "job": {"fromCronJob": name, "timeout": "15s"}} for name in LIVES]
    undo: dict[str, Any] = manifests.step("undo", rolloutUndo={}, verify={"timeout": "60s", "stableFor": "2s"})
    with (
        operating.one_leader(node.plane, tmp_path_factory.mktemp("operator")),
        incidents.scene(node.plane) as scene,
    ):
        node.plane.kubectl("apply", "-k", str(installation.ROOT / "deploy" / "logs"))
        people.bind(node.plane, "platelet", scene.namespace, "platelet-logs")  # the operator is no ServiceAccount here
        scene.apply(*(shelved(name) for name in LIVES))
        scene.use(
            manifests.policy("mended", [CRASHES], *steps, undo, evidence={"logs": True}),
            manifests.policy("told", [{"job": {}}], manifests.RESTART, evidence={"logs": True}),
        )
        scene.apply(workloads.target("torn", policy="mended"))
        scene.until_proven("torn")
        yield scene


def test_the_end_of_each_log_is_kept_with_its_attempt(scene: Scene) -> None:
    """As a real kubelet answers, and without the password."""
    scene.patch("torn", {"spec": {"template": {"spec": {"containers": [workloads.CRASHES]}}}})
    healed = scene.until_state("torn", "Closed", "Escalated", seconds=180)
    assert healed["status"]["reason"] == "Recovered", incidents.story(healed)
    failed, ended_well, stopped, undone = healed["status"]["attempts"]
    assert failed["logTail"]["lines"] == ["begins", "DB_PASSWORD=<redacted>", "no lock on the table"]
    assert ended_well["logTail"]["lines"] == ["begins", "all is done"]
    assert stopped["logTail"]["lines"] == ["begins", "waits for a lock"]
    assert "DeadlineExceeded" in stopped["verdictMessage"]
    assert "BackoffLimitExceeded" in failed["verdictMessage"]
    assert "logTail" not in undone


def test_of_a_job_that_people_have_started_it_is_told(scene: Scene) -> None:
    """What the steps have started is theirs to tell, whether it failed before or after."""
    scene.kubectl("create", "job", "by-hand", "--from=cronjob/fails")

    def failed_jobs() -> list[Any]:
        listed: list[Any] = scene.policy("told").get("status", {}).get("failedJobs", [])
        return listed

    patience.until("the failed Job on record", lambda: bool(failed_jobs()))
    (entry,) = failed_jobs()
    assert (entry["name"], entry["cronJob"], entry["reason"]) == ("by-hand", "fails", "BackoffLimitExceeded")
    assert entry["message"].endswith("container mend exited 1")
    assert entry["logTail"]["lines"] == ["begins", "DB_PASSWORD=<redacted>", "no lock on the table"]
