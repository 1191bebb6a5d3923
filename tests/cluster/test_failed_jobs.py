"""Jobs that have failed, on a real API server with its Job controller: people are told, once, until it is over."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import cron_jobs, incidents, installation, listening, manifests, patience, test_cli
from tests.cluster.incidents import Scene
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
HOME = installation.NAMESPACE
TELLING: Json = {
    "apiVersion": "platelet.dev/v1alpha1",
    "kind": "RemediationPolicy",
    "metadata": {"name": "jobs"},
    "spec": {"mode": "Enforce", "triggers": [{"job": {"reasons": ["BackoffLimitExceeded", "DeadlineExceeded"]}}]},
}
"""Without targets and Runbook."""
ALONE: Json = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "migrate"},
    "spec": {
        "backoffLimit": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "mend", "image": "app:job"}]}},
    },
}


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A namespace with a policy that looks for failed Jobs, and a CronJob."""
    directory = tmp_path_factory.mktemp("operator")
    with incidents.playground(control_plane, directory, yaml.safe_dump(TELLING)) as (scene, _):
        scene.apply(cron_jobs.suspended("report"))
        yield scene


def listed(scene: Scene, name: str) -> Json:
    """What is on record of a Job; empty: nothing."""
    jobs = scene.policy("jobs").get("status", {}).get("failedJobs", [])
    return next((job for job in jobs if job["name"] == name), {})


def until_listed(scene: Scene, name: str) -> Json:
    patience.until(f"{name} to be on record", lambda: bool(listed(scene, name)))
    return listed(scene, name)


def row(shown: str, name: str) -> list[str]:
    """The cells of a failed Job in what `platelet get` shows."""
    return next(line.split() for line in shown.splitlines() if line.split()[1:2] == [name])


def until_over(scene: Scene, name: str) -> str:
    """Why it is over."""
    patience.until(f"{name} to be over", lambda: "resolvedAt" in listed(scene, name))
    resolution: str = listed(scene, name)["resolution"]
    return resolution


def test_a_job_of_nobody_is_told_with_evidence_until_it_is_deleted(scene: Scene) -> None:
    scene.apply(yaml.safe_dump(ALONE))
    job = cron_jobs.find(scene, "migrate")
    cron_jobs.end(scene, job, "Failed")
    entry = until_listed(scene, "migrate")
    assert (entry["uid"], entry["reason"], entry["count"]) == (job["metadata"]["uid"], "BackoffLimitExceeded", 1)
    assert entry["message"].startswith(f"Job {scene.namespace}/migrate failed: BackoffLimitExceeded: ")
    assert entry["message"].endswith("container mend exited 1")

    def regarding() -> list[str]:
        events = [event for event in scene.items("/apis/events.k8s.io/v1|events") if event["reason"] == "JobFailed"]
        return sorted(event["regarding"]["kind"] for event in events if "/migrate" in event["note"])

    patience.until("Events", lambda: regarding() == ["Job", "RemediationPolicy"])
    story = test_cli.platelet(scene.plane, "explain", "job/migrate", "-n", scene.namespace)
    assert (story.code, story.err) == (0, "")
    assert "people were called; it fails since" in story.out
    shown = test_cli.platelet(scene.plane, "get", "policies", "-n", scene.namespace)
    assert row(shown.out, "migrate")[2:6] == ["-", "Failed", "BackoffLimitExceeded", "1"]
    scene.kubectl("delete", "job", "migrate")
    assert until_over(scene, "migrate") == "Job migrate is gone"
    history = test_cli.platelet(scene.plane, "timeline", "job/migrate", "-n", scene.namespace)
    assert (history.code, history.err) == (0, "")
    assert "(does not exist any more)" in history.out
    assert f"JobFailed: {entry['message']}" in history.out
    assert f"{scene.namespace}/jobs: Resolved: Job migrate is gone" in history.out
    assert scene.remediations() == []


def test_a_cronjob_is_told_of_until_one_of_its_jobs_succeeds(scene: Scene) -> None:
    cron_jobs.end(scene, cron_jobs.start(scene, "report", "report-1"), "Failed")
    assert until_listed(scene, "report-1")["cronJob"] == "report"
    cron_jobs.end(scene, cron_jobs.start(scene, "report", "report-2"), "Failed")
    again = until_listed(scene, "report-2")
    assert (again["count"], listed(scene, "report-1")) == (2, {}), "one entry of each CronJob"
    cron_jobs.end(scene, cron_jobs.start(scene, "report", "report-3"), "Succeeded")
    assert until_over(scene, "report-2").startswith("a Job succeeded at ")
    history = test_cli.platelet(scene.plane, "timeline", "cronjob/report", "-n", scene.namespace).out
    assert f"on record of policy {scene.namespace}/jobs: people are called (2 times)" in history
    assert [name for name in ("report-2", "report-3") if f"Job {scene.namespace}/{name} " not in history] == []
    writes = [write for write in scene.writes() if write.resource in ("jobs", "cronjobs", "pods")]
    assert writes == [], "nothing is ever done about it"


def test_levels_are_told_in_their_order_and_who_was_told_hears_the_end(scene: Scene) -> None:
    """With seconds for minutes; the third level never comes."""
    with ExitStack() as stack:
        pagers = {name: stack.enter_context(listening.pager()) for name in ("first", "second", "third")}
        sinks = [{"name": name, "webhook": {"url": pager.url}} for name, pager in pagers.items()]
        after = {"first": "0s", "second": "3s", "third": "10m"}
        levels = [{"after": span, "sinks": [name]} for name, span in after.items()]
        escalation = {**TELLING, "kind": "EscalationPolicy", "metadata": {"name": "oncall"}}
        scene.apply(json.dumps({**escalation, "spec": {"sinks": sinks, "levels": levels}}))
        trigger = {"job": {"matchLabels": {"tier": "nightly"}}}
        spec = {"mode": "Enforce", "triggers": [trigger], "escalation": {"policyRef": {"name": "oncall"}}}
        scene.apply(json.dumps({**TELLING, "metadata": {"name": "nightly"}, "spec": spec}))
        scene.apply(json.dumps({**ALONE, "metadata": {"name": "nightly", "labels": {"tier": "nightly"}}}))
        cron_jobs.end(scene, cron_jobs.find(scene, "nightly"), "Failed")

        def kinds(name: str) -> list[str]:
            taken = {call.event["id"]: call.event["type"] for call in pagers[name].of(scene.namespace)}
            return [kind.removeprefix("dev.platelet.job.") for kind in taken.values()]

        patience.until("the second level", lambda: kinds("second") == ["failed"])
        assert kinds("first") == ["failed"]
        assert [call.event["data"]["level"] for call in pagers["second"].of(scene.namespace)] == [2]
        answer = test_cli.platelet(scene.plane, "acknowledge", "job/nightly", "-n", scene.namespace)
        assert (answer.code, answer.err) == (0, "")

        def call() -> Json:
            (entry,) = scene.policy("nightly")["status"]["failedJobs"]
            of_entry: Json = entry["call"]
            return of_entry

        patience.until("the acknowledgement", lambda: call().get("acknowledgedBy") == "admin")
        again = test_cli.platelet(scene.plane, "acknowledge", "job/nightly", "-n", scene.namespace)
        assert (again.code, "is acknowledged already, by admin" in again.err) == (1, True)
        shown = test_cli.platelet(scene.plane, "get", "policies", "-n", scene.namespace)
        rows = [cells for line in shown.out.splitlines() if (cells := line.split())[1:2] == ["nightly"]]
        assert [cells[5:9] for cells in rows if cells[-2] == "nightly"] == [["1", "2", "first,second", "admin"]]
        history = test_cli.platelet(scene.plane, "timeline", "job/nightly", "-n", scene.namespace)
        assert f"{scene.namespace}/nightly: Acknowledged: admin has heard of it" in history.out
        assert f"{scene.namespace}/nightly: JobFailed: level 2: second" in history.out
        scene.kubectl("delete", "job", "nightly")
        for name in ("first", "second"):
            patience.until(f"the end at the {name}", lambda: kinds(name) == ["failed", "resolved"])  # noqa: B023 - at once
        assert kinds("third") == []


def test_a_policy_of_the_operators_namespace_shows_what_it_has_on_record_of_this_one(scene: Scene) -> None:
    spec = {
        "mode": "Enforce",
        "triggers": [{"job": {"matchLabels": {"tier": "everywhere"}}}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
    }
    everywhere = {**TELLING, "metadata": {"name": f"jobs-of-{scene.namespace}", "namespace": HOME}, "spec": spec}
    scene.plane.kubectl("apply", "-f", "-", input=json.dumps(everywhere))
    try:
        scene.apply(json.dumps({**ALONE, "metadata": {"name": "everywhere", "labels": {"tier": "everywhere"}}}))
        cron_jobs.end(scene, cron_jobs.find(scene, "everywhere"), "Failed")

        def shown() -> str:
            answer = test_cli.platelet(scene.plane, "get", "policies", "-n", scene.namespace)
            return answer.out.partition(f"failed jobs in namespace {scene.namespace} of policies in namespace {HOME}")[
                2
            ]

        patience.until("what the policy has on record", lambda: "everywhere" in shown())
        assert row(shown(), "everywhere")[2:6] == ["-", "Failed", "BackoffLimitExceeded", "1"]
    finally:
        scene.plane.kubectl("delete", "rempol", "-n", HOME, f"jobs-of-{scene.namespace}")


REFUSED = {
    "no reason at all": ({"reasons": []}, "should have at least 1 items"),
    "a reason that is none": ({"reasons": ["OOMKilled"]}, "Unsupported value"),
    "labels that choose nothing": ({"matchLabels": {}}, "should have at least 1 properties"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_makes_no_sense(scene: Scene, written: Json, fix: str) -> None:
    *_, body = yaml.safe_load_all(manifests.policy("nonsense", [{"job": written}], RESTART))
    assert fix in scene.post("remediationpolicies", json.dumps(body), expected=422)
