"""A step that runs a Job, on a real API server with its Job controller: what is created, and what its end leads to."""

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import cron_jobs, incidents, manifests
from tests.cluster.incidents import Playground, Scene, condition
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
MEND: Json = {"fromCronJob": "mend", "timeout": "2m"}
FAILED_OVER = """object.metadata.annotations["failover"] == 'done'"""
POLICIES = (
    manifests.policy("mended", [manifests.fires("Torn")], manifests.step("mend", job=MEND)),
    manifests.policy("or-restart", [manifests.fires("Torn")], manifests.step("mend", job=MEND), RESTART),
    manifests.policy("patient", [manifests.fires("Torn")], {"name": "wait", "wait": {"for": "8s"}}, RESTART),
    manifests.policy(
        "failing-over",
        [manifests.fires("Torn")],
        {"name": "wait", "wait": {"for": "5m", "until": {"expression": FAILED_OVER}}},
        RESTART,
    ),
    manifests.policy("missing", [manifests.fires("Torn")], manifests.step("mend", job={"fromCronJob": "no-such"})),
)


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with all policies and a suspended CronJob, and what lets an alert fire."""
    directory = tmp_path_factory.mktemp("operator")
    with incidents.playground(control_plane, directory, *POLICIES) as playground:
        playground[0].apply(cron_jobs.suspended("mend"))
        yield playground


def started_for(scene: Scene, target: str) -> list[Json]:
    """The Jobs of a target's incident."""
    uids = [remediation["metadata"]["uid"] for remediation in scene.remediations(target)]
    stored = scene.items(cron_jobs.JOBS)
    return [job for job in stored if job["metadata"]["annotations"].get("platelet.dev/started-for") in uids]


def strike(playground: Playground, policy: str, name: str) -> Json:
    """An alert about a Deployment of this policy."""
    scene, send = playground
    scene.admit(policy, name)
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    torn = manifests.alert("Torn", scene.namespace, deployment=name)
    send(torn)
    return torn


def test_it_runs_once_and_its_end_leads_to_the_proof(playground: Playground) -> None:
    scene, send = playground
    torn = strike(playground, "mended", "api")
    scene.until("a Job", "api", lambda: bool(started_for(scene, "api")))
    (job,) = started_for(scene, "api")
    assert job["spec"]["activeDeadlineSeconds"] == 120
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("CronJob", "mend")
    send(manifests.resolved(torn))
    cron_jobs.end(scene, job, "Succeeded")
    healed = scene.until_state("api", "Closed", "Monitoring")
    assert condition(healed, "Recovered") == ("True", "Recovered")
    assert [stored["metadata"]["uid"] for stored in started_for(scene, "api")] == [job["metadata"]["uid"]]


def test_a_job_that_fails_leads_to_the_next_step(playground: Playground) -> None:
    scene, _ = playground
    strike(playground, "or-restart", "web")
    scene.until("a Job", "web", lambda: bool(started_for(scene, "web")))
    (job,) = started_for(scene, "web")
    cron_jobs.end(scene, job, "Failed")
    scene.until("a restart", "web", lambda: bool(scene.effects("web")))
    (remediation,) = scene.remediations("web")
    first = remediation["status"]["attempts"][0]
    assert (first["action"], first["verdict"]) == ("job", "Failed")
    assert "BackoffLimitExceeded" in first["verdictMessage"]


def test_without_the_cronjob_people_have_it(playground: Playground) -> None:
    scene, _ = playground
    strike(playground, "missing", "shop")
    escalated = scene.until_state("shop", "Escalated")
    assert "there is no CronJob no-such" in escalated["status"]["message"]
    assert started_for(scene, "shop") == []


def test_what_recovers_while_it_waits_is_left_alone_and_what_stays_is_not(playground: Playground) -> None:
    scene, send = playground
    passing = strike(playground, "patient", "passing")
    waiting = scene.until_state("passing", "Waiting")
    send(manifests.resolved(passing))
    strike(playground, "patient", "lasting")
    closed = scene.until_state("passing", "Closed")
    assert closed["status"]["reason"] == "ResolvedByItself"
    assert waiting["metadata"]["uid"] == closed["metadata"]["uid"]
    assert "attempts" not in closed["status"] or closed["status"]["attempts"] == []
    scene.until("a restart", "lasting", lambda: bool(scene.effects("lasting")))
    assert scene.effects("passing") == []
    (remediation,) = scene.remediations("lasting")
    assert "Waited" in [decision["reason"] for decision in remediation["status"]["decisions"]]


def test_it_waits_until_the_workload_is_as_its_expression_says(playground: Playground) -> None:
    """Evaluated in a process of its own, on the object as it is stored at that moment."""
    scene, _ = playground
    strike(playground, "failing-over", "db")
    waiting = scene.until_waiting("db", "Waits")
    assert waiting["message"].endswith("not known at present: there is no field failover: ask for it with has()")
    scene.kubectl("annotate", "deployment/db", "failover=running")
    scene.until(
        "it to be known",
        "db",
        lambda: scene.until_waiting("db", "Waits")["message"].endswith("'done' is true"),
    )
    assert scene.effects("db") == []
    scene.kubectl("annotate", "deployment/db", "failover=done", "--overwrite")
    scene.until("a restart", "db", lambda: bool(scene.effects("db")))
    (remediation,) = scene.remediations("db")
    assert f"{FAILED_OVER} is true: it goes on" in [
        decision["message"] for decision in remediation["status"]["decisions"]
    ]


def test_an_expression_that_is_not_cel_is_told_on_the_runbook(playground: Playground) -> None:
    scene, _ = playground
    until = {"expression": "object.status.availableReplicas >= "}
    scene.apply(manifests.runbook("broken", {"name": "wait", "wait": {"until": until}}))
    scene.kubectl("wait", "rbk/broken", "--for=condition=Ready=False", "--timeout=30s")
    status = json.loads(scene.kubectl("get", "rbk/broken", "-o", "json"))["status"]
    assert condition({"status": status}, "Ready") == ("False", "InvalidCondition")
    assert "wait.until.expression" in status["conditions"][0]["message"]


REFUSED = {
    "a Job of no CronJob": ({"job": {}}, "fromCronJob"),
    "a Job of another namespace": ({"job": {"fromCronJob": "shop/mend"}}, "write it like retry-migration"),
    "a Job without an end": ({"job": {"fromCronJob": "mend", "timeout": "25h"}}, "at most 24h"),
    "a Job that is to be reverted": ({"job": MEND, "onFailure": "Revert"}, "job cannot be reverted"),
    "a wait for nothing": ({"wait": {"for": "0s"}}, "at least 1s"),
    "a wait for a query without a bound": ({"wait": {"until": {"query": "up"}}}, "set above or below"),
    "a wait for two things": ({"wait": {"until": {"query": "up", "above": 0, "expression": "true"}}}, "exactly one"),
    "a wait for an expression with a bound": ({"wait": {"until": {"expression": "true", "above": 0}}}, "has none"),
    "a wait that a person approves": ({"wait": {}, "approval": "Required"}, "remove approval"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_makes_no_sense(playground: Playground, written: Json, fix: str) -> None:
    scene, _ = playground
    body = yaml.safe_load(manifests.runbook("nonsense", {"name": "nonsense", **written}))
    assert fix in scene.post("runbooks", json.dumps(body), expected=422)
