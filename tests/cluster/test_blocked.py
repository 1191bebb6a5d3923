"""blockWhile, with a real API server, and Alertmanager and Prometheus on loopback: it says what blocks, and ends."""

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import cron_jobs, incidents, listening, manifests, operating
from tests.cluster.incidents import Scene
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Sick")]
BLOCKS: dict[str, Json] = {
    "by-a-job": {"running": {"matchLabels": {"for": "backup"}}},
    "by-a-query": {"query": {"query": "replication_lag", "above": 5}},
    "by-an-alert": {"alert": {"matchers": ['alertname="DatabaseDown"']}},
}
POLICIES = tuple(
    manifests.policy(name, SICK, RESTART, limits={"blockWhile": [block]}) for name, block in BLOCKS.items()
)
Listeners = tuple[Scene, listening.Prometheus, str]


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listeners]:
    """A namespace with all policies, what Prometheus measures, and where alerts are sent to."""
    down = manifests.alert("DatabaseDown", "")
    with listening.prometheus() as prometheus, listening.alertmanager(down) as alertmanager:
        prometheus.series["replication_lag"] = [({}, 7.0)]
        asked = {"prometheus": {"url": prometheus.url}, "alertmanager": {"url": alertmanager.url}}
        directory = tmp_path_factory.mktemp("operator")
        with (
            operating.one_leader(control_plane, directory, resync="2s", **asked) as operator,
            incidents.scene(control_plane) as scene,
        ):
            scene.use(*POLICIES)
            yield scene, prometheus, operator.alerts_url


def until_blocked(listeners: Listeners, policy: str) -> str:
    """A Deployment of this policy falls ill: what is said to block."""
    scene, _, alerts_url = listeners
    scene.admit(policy, policy)
    scene.kubectl("rollout", "status", f"deployment/{policy}", "--timeout=60s")
    manifests.send(alerts_url, manifests.alert("Sick", scene.namespace, deployment=policy))
    waiting = scene.until_waiting(policy, "Blocked")
    assert waiting["by"] == "blockWhile"
    assert scene.effects(policy) == []
    return str(waiting["message"])


def test_a_job_that_runs_blocks_until_it_is_over(playground: Listeners) -> None:
    scene = playground[0]
    scene.apply(cron_jobs.suspended("backup"))
    scene.kubectl("create", "job", "backup-1", "--from=cronjob/backup")
    assert "Job backup-1 runs since" in until_blocked(playground, "by-a-job")
    (job,) = [job for job in scene.items(cron_jobs.JOBS) if job["metadata"]["name"] == "backup-1"]
    cron_jobs.end(scene, job, "Succeeded")
    scene.until_acted("by-a-job")


def test_a_result_beyond_its_bound_blocks_until_it_is_not(playground: Listeners) -> None:
    scene, prometheus, _ = playground
    assert "replication_lag is 7, above 5" in until_blocked(playground, "by-a-query")
    prometheus.series["replication_lag"] = [({}, 2.0)]
    scene.until_acted("by-a-query")


def test_an_alert_that_fires_at_alertmanager_blocks(playground: Listeners) -> None:
    assert "alert DatabaseDown fires since" in until_blocked(playground, "by-an-alert")


REFUSED = {
    "nothing": ({}, "say what blocks"),
    "two things": ({**BLOCKS["by-a-job"], **BLOCKS["by-a-query"]}, "one thing that blocks per entry"),
    "no labels": ({"running": {"matchLabels": {}}}, "at least 1"),
    "no bound": ({"query": {"query": "up"}}, "set above or below"),
}


@pytest.mark.parametrize(("block", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_would_block_nothing_or_all(playground: Listeners, block: Json, fix: str) -> None:
    written = manifests.policy("nonsense", SICK, limits={"blockWhile": [block]})
    answer = playground[0].post("remediationpolicies", json.dumps(yaml.safe_load(written)), expected=422)
    assert fix in answer
