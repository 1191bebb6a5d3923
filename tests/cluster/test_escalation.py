"""People are told: a mark on the workload, Events, a webhook; and kubectl tells the story."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, installation, listening, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import CRASHES, GOOD, UNDO, Json

pytestmark = pytest.mark.cluster
MARK = "platelet.dev/escalated"
SICK = [manifests.fires("Sick")]


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace."""
    with incidents.scene(control_plane) as scene:
        yield scene


def marked(scene: Scene, name: str) -> Json | None:
    """What the mark on a Deployment says."""
    text = scene.workload(name)["metadata"].get("annotations", {}).get(MARK)
    return json.loads(text) if text else None


def four_events(scene: Scene, kind: str, name: str) -> list[Json]:
    """The operator's Events on an object, in their order, once there are four."""

    def told() -> list[Json]:
        events = [
            event
            for event in scene.items("/apis/events.k8s.io/v1|events")
            if event["reportingController"] == "platelet.dev/operator"
            if (event["regarding"]["kind"], event["regarding"]["name"]) == (kind, name)
        ]
        return sorted(events, key=lambda event: str(event["eventTime"])) if len(events) >= 4 else []

    return scene.until(f"four Events on {kind} {name}", "", told)


def test_the_mark_says_why_since_when_and_where_and_goes_when_the_workload_is_well(scene: Scene) -> None:
    scene.use(manifests.policy("undo", [CRASHES], UNDO))
    scene.admit("undo", "web", image="app:crash-1")
    remediation = scene.until_state("web", "Escalated")
    mark = scene.until("the mark", "web", lambda: marked(scene, "web"))
    assert mark == {
        "reason": "NoStepLeft",
        "time": remediation["status"]["escalation"]["at"],
        "remediation": "deployment-web-1",
        "uid": remediation["metadata"]["uid"],
    }
    scene.release("web", GOOD)
    scene.kubectl("wait", "rem/deployment-web-1", "--for=condition=Closed", "--timeout=40s")
    closed = scene.remediations("web")[0]
    assert closed["status"]["reason"] == "ResolvedByPeople"
    assert incidents.condition(closed, "Escalated") == ("False", "ResolvedByPeople")
    assert marked(scene, "web") is None


def test_events_on_workload_and_policy_tell_what_was_done_and_what_became_of_it(
    scene: Scene, operator: OperatorProcess
) -> None:
    more = manifests.step("more", scale={"by": 1, "max": 2})
    scene.use(manifests.policy("more", SICK, more, limits={"reopenWithin": "1m"}))
    scene.admit("more", "web")
    for state in ("Monitoring", "Escalated"):
        firing = manifests.alert("Sick", scene.namespace, deployment="web")
        manifests.send(operator.alerts_url, firing)
        if state == "Monitoring":
            scene.until_verifying("web")
            manifests.send(operator.alerts_url, manifests.resolved(firing))
        scene.until_state("web", state)
    for kind, name in (("Deployment", "web"), ("RemediationPolicy", "more")):
        events = four_events(scene, kind, name)
        assert [(event["reason"], event["type"]) for event in events] == [
            ("Opened", "Normal"),
            ("Acted", "Normal"),
            ("Recovered", "Normal"),
            ("Escalated", "Warning"),
        ]
        assert f"Remediation {scene.namespace}/deployment-web-1: scale: scale from 1 to 2" in events[1]["note"]
    assert "Escalated" in scene.kubectl("describe", "deployment", "web")


def secret(scene: Scene, value: str) -> None:
    """A Secret in the policy's namespace, and the right to read just this one."""
    scene.kubectl("create", "secret", "generic", "pager", f"--from-literal=token={value}")
    scene.kubectl("create", "role", "pager", "--verb=get", "--resource=secrets", "--resource-name=pager")
    scene.kubectl("create", "rolebinding", "pager", "--role=pager", "--user=platelet")


def webhook(url: str, **more: Any) -> Json:
    return {"webhook": {"url": url, **more}}


def delivery(scene: Scene, name: str) -> Json:
    """What is on record of telling the webhook."""
    remediations = scene.remediations(name)
    known: list[Json] = remediations[0]["status"].get("notifications", []) if remediations else []
    return next((notification for notification in known if notification["sink"] == "webhook"), {})


def has_error(scene: Scene, name: str, words: str) -> bool:
    return delivery(scene, name).get("error") == words


def test_a_notice_is_sent_until_it_is_taken_always_with_the_same_id_and_with_the_token(
    scene: Scene, operator: OperatorProcess
) -> None:
    secret(scene, "t0ken-of-the-pager")
    with listening.pager(refuses=1) as pager:
        escalation = webhook(pager.url, secretRef={"name": "pager", "key": "token"})
        scene.use(manifests.policy("people", SICK, UNDO, escalation=escalation))
        scene.admit("people", "web")
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment="web"))
        scene.until("the delivery on record", "web", lambda: delivery(scene, "web").get("state") == "Delivered")
        remediation = scene.remediations("web")[0]
        first, second = pager.of(scene.namespace)
    assert first.event == second.event
    event = first.event
    assert (event["specversion"], event["type"]) == ("1.0", "dev.platelet.remediation.escalated")
    assert event["id"] == f"{remediation['metadata']['uid']}/escalated"
    assert event["subject"] == f"{scene.namespace}/deployment/web"
    assert event["data"]["reason"] == "NoStepLeft"
    assert event["data"]["remediation"]["name"] == "deployment-web-1"
    for call in (first, second):
        assert call.headers["Authorization"] == "Bearer t0ken-of-the-pager"
        assert call.headers["Content-Type"].startswith("application/cloudevents+json")
        assert call.headers["Idempotency-Key"] == event["id"]


def test_what_cannot_be_delivered_says_why_without_the_webhooks_path(scene: Scene, operator: OperatorProcess) -> None:
    """A path often is the password; and without the right to read the Secret nothing is sent."""
    errors = {
        "no-right": f"the Secret {scene.namespace}/x could not be read: 403 Forbidden",
        "forbidden": "example.org is not in allowedHosts",
    }
    with listening.pager() as pager:
        scene.use(
            manifests.policy(
                "no-right", SICK, UNDO, escalation=webhook(pager.url, secretRef={"name": "x", "key": "token"})
            ),
            manifests.policy("forbidden", SICK, UNDO, escalation=webhook("http://example.org/s3cret")),
        )
        for name in errors:
            scene.admit(name, name)
            manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment=name))
        for name, words in errors.items():
            scene.until(words, name, partial(has_error, scene, name, words))
        assert pager.calls == []


def test_kubectl_tells_the_story(scene: Scene, operator: OperatorProcess) -> None:
    scene.use(manifests.policy("more", SICK, manifests.step("more", scale={"by": 1, "max": 2})))
    scene.admit("more", "web")
    firing = manifests.alert("Sick", scene.namespace, deployment="web")
    manifests.send(operator.alerts_url, firing)
    scene.until_verifying("web")
    manifests.send(operator.alerts_url, manifests.resolved(firing))
    scene.kubectl("wait", "rem/deployment-web-1", "--for=condition=Recovered", "--timeout=30s")
    scene.kubectl("wait", "rem/deployment-web-1", "--for=condition=Closed", "--timeout=30s")

    listed = scene.kubectl("get", "rem,rempol,rbk")
    for words in ("deployment-web-1", "Closed", "Recovered", "more", "Enforce", "True"):
        assert words in listed, listed
    budget = scene.plane.kubectl("get", "budget", "-n", installation.NAMESPACE)
    assert "/1000 per 1h" in budget
    described = scene.kubectl("describe", "rem", "deployment-web-1")
    for words in ("Sick fires", "scale from 1 to 2 replicas", "Verdict:", "alerts of this incident are resolved"):
        assert words in described, described
