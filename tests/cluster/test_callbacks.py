"""PagerDuty and Slack answer: what they sign is heard on a real API server, and nothing else is anything."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import ROOT, OperatorProcess
from tests.cluster.listening import Pager, Publishers
from tests.cluster.manifests import RESTART, UNDO, Json
from tests.published import pagerduty, slack

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Sick")]
SECRET = "a-secret-of-the-subscription-1234"
BY = "pagerduty:PLH1HKV (Tenex Engineer)"


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace with the keys of its pager, which the operator may read."""
    with incidents.scene(control_plane) as scene:
        keys = [f"--from-literal=pagerduty={listening.ROUTING_KEY}", f"--from-literal=webhook={SECRET}"]
        scene.kubectl("create", "secret", "generic", "pagers", *keys, "--from-literal=short=0123456789")
        scene.kubectl("create", "role", "pagers", "--verb=get", "--resource=secrets", "--resource-name=pagers")
        scene.kubectl("create", "rolebinding", "pagers", "--role=pagers", "--user=platelet")
        yield scene


def oncall(url: str, lead: str, after: str, *keys: str) -> str:
    """PagerDuty first, the lead after a while."""
    pager = {"url": url, "routingKeyRef": {"name": "pagers", "key": "pagerduty"}}
    spec = {
        "sinks": [{"name": "pager", "pagerduty": pager}, {"name": "lead", "webhook": {"url": lead}}],
        "levels": [{"after": "0s", "sinks": ["pager"]}, {"after": after, "sinks": ["lead"]}],
        "callbacks": {"pagerduty": {"secretRefs": [{"name": "pagers", "key": key} for key in keys]}},
    }
    head = {"apiVersion": "platelet.dev/v1alpha1", "kind": "EscalationPolicy", "metadata": {"name": "oncall"}}
    return json.dumps({**head, "spec": spec})


@contextmanager
def paged(scene: Scene, operator: OperatorProcess, after: str) -> Iterator[tuple[Publishers, Pager]]:
    """Somebody was paged by PagerDuty about `web`."""
    with ExitStack() as stack:
        publishers = stack.enter_context(listening.publishers())
        lead = stack.enter_context(listening.pager())
        scene.apply(oncall(publishers.url, lead.url, after, "webhook"))
        scene.use(manifests.policy("people", SICK, UNDO, escalation={"policyRef": {"name": "oncall"}}))
        scene.admit("people", "web")
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment="web"))
        scene.until("the page", "web", lambda: len(publishers.taken("/v2/enqueue")) == 1)
        scene.until("its record", "web", lambda: states(scene) == [("pager", "Delivered")])
        yield publishers, lead


def states(scene: Scene) -> list[tuple[str, str]]:
    """What is on record of calls."""
    (remediation,) = scene.remediations("web")
    known = remediation["status"].get("notifications", [])
    return [
        (call["sink"], call["state"]) for call in known if call["kind"] == "Escalated" and call["sink"] != "annotation"
    ]


def post(operator: OperatorProcess, path: str, headers: dict[str, str], body: bytes) -> int:
    """Send a webhook; the status of the answer."""
    request = urllib.request.Request(f"{operator.callbacks_url}{path}", data=body, headers=headers)  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - ours
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def acknowledged_by(scene: Scene) -> str:
    """Who has said that they have heard."""
    by: str = scene.remediations("web")[0]["status"]["escalation"].get("acknowledgedBy", "")
    return by


def test_who_acknowledges_in_pagerduty_ends_the_levels_and_nobody_who_does_not_hold_its_secret(
    scene: Scene, operator: OperatorProcess
) -> None:
    with paged(scene, operator, "10m") as (publishers, lead):
        path = f"/callbacks/pagerduty/{scene.namespace}/oncall"
        key = publishers.taken("/v2/enqueue")[0]["dedup_key"]
        now = datetime.now(UTC)
        headers, body = pagerduty.webhook(key, SECRET, occurred_at=now)
        forged, _ = pagerduty.webhook(key, "another-secret-of-some-length-12", occurred_at=now)
        old = pagerduty.webhook(key, SECRET, occurred_at=now - timedelta(hours=1))
        before = version(scene)
        assert post(operator, path, forged, body) == 401
        assert post(operator, path, headers, body + b" ") == 401
        assert post(operator, path, {}, body) == 401
        assert post(operator, path, headers, b"x" * (256 * 1024 + 1)) == 413
        assert post(operator, path.replace("oncall", "nobody"), headers, body) == 404
        assert post(operator, path, *pagerduty.webhook("of-others", SECRET, occurred_at=now)) == 200
        assert post(operator, path, *old) == 200
        assert version(scene) == before
        assert post(operator, path, headers, body) == 200
        scene.until("the acknowledgement", "web", lambda: acknowledged_by(scene) == BY)
        scene.until("word of it", "web", lambda: len(publishers.taken("/v2/enqueue")) == 2)
        assert publishers.taken("/v2/enqueue")[1]["event_action"] == "acknowledge"
        assert lead.of(scene.namespace) == []
        (kept,) = replies(scene)
        assert post(operator, path, headers, body) == 200
        assert replies(scene) == [kept]
        assert kept["by"] == BY
    assert SECRET not in operator.log.read_text()
    assert SECRET not in json.dumps(scene.items("/apis/platelet.dev/v1alpha1|remediations"))


def replies(scene: Scene) -> list[Json]:
    """What was answered, as it is on record."""
    (remediation,) = scene.remediations("web")
    answers: list[Json] = remediation["status"].get("replies", [])
    return answers


SIGNING, ANN = "8f742231b10e8888abcd99yyyzzz85a5", "U0123456789"


def shown(publishers: Publishers) -> dict[str, Json]:
    """What can be pressed on the newest message, by its label."""
    blocks = [call.event["blocks"] for call in publishers.calls if "/api/chat" in call.path and "blocks" in call.event]
    rows = [block["elements"] for block in blocks[-1] if block["type"] == "actions"] if blocks else []
    return {button["text"]["text"]: button for row in rows for button in row}


def test_who_is_listed_approves_by_a_button_exactly_what_is_shown_and_nobody_else_does(
    scene: Scene, operator: OperatorProcess
) -> None:
    keys = [f"--from-literal=slack={listening.SLACK_TOKEN}", f"--from-literal=signing={SIGNING}"]
    scene.kubectl("create", "secret", "generic", "chat", *keys)
    scene.kubectl("create", "role", "chat", "--verb=get", "--resource=secrets", "--resource-name=chat")
    scene.kubectl("create", "rolebinding", "chat", "--role=chat", "--user=platelet")
    with listening.publishers() as publishers:
        channel = {"url": publishers.url, "channel": "C0123456789", "tokenRef": {"name": "chat", "key": "slack"}}
        spec = {
            "sinks": [{"name": "channel", "slack": channel}],
            "levels": [{"after": "0s", "sinks": ["channel"]}],
            "callbacks": {"slack": {"secretRef": {"name": "chat", "key": "signing"}, "approvers": [ANN]}},
        }
        head = {"apiVersion": "platelet.dev/v1alpha1", "kind": "EscalationPolicy", "metadata": {"name": "oncall"}}
        scene.apply(json.dumps({**head, "spec": spec}))
        followed = {"policyRef": {"name": "oncall"}}
        scene.use(manifests.policy("people", SICK, RESTART, mode="Approve", escalation=followed))
        scene.admit("people", "web")
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment="web"))
        scene.until("the question", "web", lambda: "Approve" in shown(publishers))
        scene.until("its record", "web", lambda: "Delivered" in json.dumps(scene.remediations("web")))
        path, button, now = (
            f"/callbacks/slack/{scene.namespace}/oncall",
            shown(publishers)["Approve"],
            datetime.now(UTC),
        )
        headers, body = slack.pressed(button, SIGNING, now, user=ANN)
        assert post(operator, path, *slack.pressed(button, "another-secret-of-some-length-12", now, user=ANN)) == 401
        assert post(operator, path, headers, body + b"&a=b") == 401
        assert post(operator, path, *slack.pressed(button, SIGNING, now - timedelta(minutes=6), user=ANN)) == 401
        assert post(operator, path, *slack.pressed(button, SIGNING, now, user="U0999999999")) == 403
        other = {**button, "value": f"{button['value']}0"}
        assert post(operator, path, *slack.pressed(other, SIGNING, now, user=ANN)) == 409
        assert not scene.effects("web")
        assert post(operator, path, headers, body) == 200
        scene.until_acted("web")
        assert post(operator, path, headers, body) == 409
        (attempt,) = scene.remediations("web")[0]["status"]["attempts"]
        assert attempt["approvedBy"] == f"slack:{ANN} (ann)"
    assert publishers.faults == []
    assert SIGNING not in operator.log.read_text()


def version(scene: Scene) -> str:
    """Of the Remediation."""
    (remediation,) = scene.remediations("web")
    resource_version: str = remediation["metadata"]["resourceVersion"]
    return resource_version


def test_what_of_a_callback_cannot_work_is_told_on_the_escalation_policy(scene: Scene) -> None:
    scene.apply(oncall("http://127.0.0.1:1", "http://127.0.0.1:1/x", "5m", "short"))
    scene.kubectl("wait", "escpol/oncall", "--for=condition=Warning", "--timeout=30s")
    assert "spec.callbacks.pagerduty: the Secret" in warning(scene)
    assert "short is shorter than 16 bytes" in warning(scene)


def test_the_api_server_refuses_a_callback_by_which_nobody_could_answer(scene: Scene) -> None:
    for keys, words in (((), "spec.callbacks.pagerduty.secretRefs"), (("",), "key")):
        with pytest.raises(cluster.KubectlFailed) as error:
            scene.apply(oncall("http://127.0.0.1:1", "http://127.0.0.1:1/x", "5m", *keys))
        assert words in str(error.value)
    nowhere: Json = json.loads(oncall("http://127.0.0.1:1", "http://127.0.0.1:1/x", "5m", "webhook"))
    nowhere["spec"]["callbacks"] = {}
    with pytest.raises(cluster.KubectlFailed) as error:
        scene.apply(json.dumps(nowhere))
    assert "callbacks without a place" in str(error.value)


def warning(scene: Scene) -> str:
    """What it says of itself."""
    return scene.kubectl("get", "escpol/oncall", "-o", 'jsonpath={.status.conditions[?(@.type=="Warning")].message}')


def test_what_opens_the_port_is_built_and_taken(control_plane: cluster.ControlPlane, scene: Scene) -> None:
    """deploy/callbacks beside deploy/base, as the guide has it."""
    documents = control_plane.kubectl("kustomize", str(ROOT / "deploy" / "callbacks"))
    control_plane.kubectl("apply", "--dry-run=server", "-f", "-", input=documents)
    del scene
