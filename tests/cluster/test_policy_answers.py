"""PagerDuty and Slack answer to what a policy has on record, on a real API server: stored there, once, and told on."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import cron_jobs, incidents, listening, manifests, operating, patience, test_cli
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.listening import Publishers
from tests.cluster.manifests import UNDO, Json
from tests.cluster.test_callbacks import SECRET, SIGNING, post
from tests.cluster.test_failed_jobs import ALONE, TELLING
from tests.published import pagerduty, slack

pytestmark = pytest.mark.cluster
FOLLOWED = {"policyRef": {"name": "oncall"}}


@pytest.fixture(scope="module")
def operator(
    control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One that looks again often."""
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator"), resync="2s") as operator:
        yield operator


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace with all keys, which the operator may read."""
    values = {"routing": listening.ROUTING_KEY, "webhook": SECRET, "token": listening.SLACK_TOKEN, "signing": SIGNING}
    with incidents.scene(control_plane) as scene:
        keys = [f"--from-literal={name}={value}" for name, value in values.items()]
        scene.kubectl("create", "secret", "generic", "pagers", *keys)
        scene.kubectl("create", "role", "pagers", "--verb=get", "--resource=secrets", "--resource-name=pagers")
        scene.kubectl("create", "rolebinding", "pagers", "--role=pagers", "--user=platelet")
        yield scene


def escalation_policy(url: str, name: str) -> str:
    """A pager and a channel, from where people may answer."""

    def key(name: str) -> Json:
        return {"name": "pagers", "key": name}

    pager = {"url": url, "routingKeyRef": key("routing")}
    channel = {"url": url, "channel": "C0123456789", "tokenRef": key("token")}
    spec = {
        "sinks": [{"name": "pager", "pagerduty": pager}, {"name": "chat", "slack": channel}],
        "levels": [{"after": "0s", "sinks": ["pager", "chat"]}],
        "callbacks": {"pagerduty": {"secretRefs": [key("webhook")]}, "slack": {"secretRef": key("signing")}},
    }
    return json.dumps({**TELLING, "kind": "EscalationPolicy", "metadata": {"name": name}, "spec": spec})


@contextmanager
def called_for(scene: Scene, begin: Callable[[], None]) -> Iterator[Publishers]:
    """People are called in PagerDuty and in Slack for what begins."""
    with listening.publishers() as publishers:
        for escalation in ("oncall", "other"):
            scene.apply(escalation_policy(publishers.url, escalation))
        begin()
        patience.until("the page", lambda: len(publishers.taken("/v2/enqueue")) == 1)
        patience.until("the message", lambda: len(publishers.taken("/api/chat.postMessage")) == 1)
        yield publishers
    assert publishers.faults == []


def fail(scene: Scene, name: str) -> None:
    """A Job of nobody."""
    scene.apply(json.dumps({**TELLING, "spec": {**TELLING["spec"], "escalation": FOLLOWED}}))
    scene.apply(json.dumps({**ALONE, "metadata": {"name": name}}))
    cron_jobs.end(scene, cron_jobs.find(scene, name), "Failed")


def on_record(scene: Scene, policy: str = "jobs", listed: str = "failedJobs") -> Json:
    (entry,) = scene.policy(policy)["status"][listed]
    call: Json = entry["call"]
    return call


def until_acknowledged(scene: Scene, publishers: Publishers, by: str) -> None:
    """On record by this name, and told in both places."""
    assert on_record(scene)["acknowledgedBy"] == by, "durable before it was answered"
    patience.until("word of it in PagerDuty", lambda: len(publishers.taken("/v2/enqueue")) == 2)
    assert publishers.taken("/v2/enqueue")[1]["event_action"] == "acknowledge"
    patience.until("word of it in Slack", lambda: len(publishers.taken("/api/chat.postMessage")) == 2)
    (shown,) = publishers.taken("/api/chat.update")
    assert f"ACKNOWLEDGED: policy {scene.namespace}/jobs: {by} has heard of it" in shown["text"]
    assert [block["type"] for block in shown["blocks"]] == ["section"], "no button any more"


def test_who_acknowledges_in_pagerduty_has_acknowledged_the_job(scene: Scene, operator: OperatorProcess) -> None:
    by = "pagerduty:PLH1HKV (Tenex Engineer)"
    with called_for(scene, lambda: fail(scene, "migrate")) as publishers:
        path, other = (f"/callbacks/pagerduty/{scene.namespace}/{name}" for name in ("oncall", "other"))
        key, now = publishers.taken("/v2/enqueue")[0]["dedup_key"], datetime.now(UTC)
        signed = pagerduty.webhook(key, SECRET, occurred_at=now)
        forged = pagerduty.webhook(key, "another-secret-of-some-length-12", occurred_at=now)
        assert post(operator, path, *forged) == 401
        assert post(operator, path, *pagerduty.webhook(f"{key}0", SECRET, occurred_at=now)) == 200
        assert post(operator, other, *signed) == 200
        assert on_record(scene)["acknowledgedBy"] == ""
        assert post(operator, path, *signed) == 200
        until_acknowledged(scene, publishers, by)
        heard_at = on_record(scene)["acknowledgedAt"]
        assert post(operator, path, *pagerduty.webhook(key, SECRET, occurred_at=datetime.now(UTC))) == 200
        assert on_record(scene)["acknowledgedAt"] == heard_at
        shown = test_cli.platelet(scene.plane, "get", "policies", "-n", scene.namespace)
        assert by in shown.out
    assert SECRET not in operator.log.read_text()


def test_who_presses_the_button_has_acknowledged_the_job(scene: Scene, operator: OperatorProcess) -> None:
    with called_for(scene, lambda: fail(scene, "nightly")) as publishers:
        path, other = (f"/callbacks/slack/{scene.namespace}/{name}" for name in ("oncall", "other"))
        (shown,) = publishers.taken("/api/chat.postMessage")
        (button,) = next(block["elements"] for block in shown["blocks"] if block["type"] == "actions")
        now = datetime.now(UTC)
        signed = slack.pressed(button, SIGNING, now)
        assert post(operator, path, *slack.pressed(button, "another-secret-of-some-length-12", now)) == 401
        assert post(operator, path, *slack.pressed({**button, "value": f"{button['value']}0"}, SIGNING, now)) == 409
        assert post(operator, path, *slack.pressed({**button, "action_id": "platelet-approve"}, SIGNING, now)) == 409
        assert post(operator, other, *signed) == 409
        assert on_record(scene)["acknowledgedBy"] == ""
        assert post(operator, path, *signed) == 200
        until_acknowledged(scene, publishers, "slack:U0123456789 (ann)")
        assert post(operator, path, *signed) == 409
    assert SIGNING not in operator.log.read_text()


def test_who_presses_the_button_has_acknowledged_an_alert_that_leads_to_no_workload(
    scene: Scene, operator: OperatorProcess
) -> None:
    def fire() -> None:
        scene.use(
            manifests.policy("people", [manifests.fires("Sick")], UNDO, targets={"all": True}, escalation=FOLLOWED)
        )
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, team="a"))

    with called_for(scene, fire) as publishers:
        path = f"/callbacks/slack/{scene.namespace}/oncall"
        (shown,) = publishers.taken("/api/chat.postMessage")
        (button,) = next(block["elements"] for block in shown["blocks"] if block["type"] == "actions")
        signed = slack.pressed(button, SIGNING, datetime.now(UTC))
        assert post(operator, path, *signed) == 200
        assert on_record(scene, "people", "untargetedAlerts")["acknowledgedBy"] == "slack:U0123456789 (ann)"
        patience.until("word of it in PagerDuty", lambda: len(publishers.taken("/v2/enqueue")) == 2)
        patience.until("the message as it stands", lambda: len(publishers.taken("/api/chat.update")) == 1)
        key, now = publishers.taken("/v2/enqueue")[0]["dedup_key"], datetime.now(UTC)
        before = on_record(scene, "people", "untargetedAlerts")
        paging = pagerduty.webhook(key, SECRET, occurred_at=now)
        assert post(operator, path.replace("slack", "pagerduty"), *paging) == 200
        assert on_record(scene, "people", "untargetedAlerts") == before
