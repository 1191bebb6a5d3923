"""A step that says something, with a real API server and a local pager: in order, once, and before the next step."""

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.listening import Pager
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Sick")]
INVESTIGATING, IDENTIFIED = "INVESTIGATING: errors on the API", "IDENTIFIED: it is restarted"
STEPS: tuple[Json, ...] = (
    {"name": "investigating", "notify": {"message": INVESTIGATING}},
    {"name": "identified", "notify": {"message": IDENTIFIED}},
    RESTART,
)


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace."""
    with incidents.scene(control_plane) as scene:
        yield scene


def told(pager: Pager, scene: Scene) -> list[str]:
    """What a pager has taken about the namespace, a repetition once: the words of a step, else the kind."""
    taken = {}
    for call in pager.of(scene.namespace):
        kind = call.event["type"].rpartition(".")[2]
        taken[call.event["id"]] = call.event["data"]["message"] if kind == "announced" else kind
    return list(taken.values())


def strike(scene: Scene, operator: OperatorProcess, name: str) -> Json:
    """An alert about a healthy Deployment of the policy of this name."""
    scene.admit(name, name)
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    alert = manifests.alert("Sick", scene.namespace, deployment=name)
    manifests.send(operator.alerts_url, alert)
    return alert


def test_the_first_level_hears_it_in_order_and_then_what_was_done_and_the_end(
    scene: Scene, operator: OperatorProcess
) -> None:
    with listening.pager() as status, listening.pager() as lead:
        sinks = [{"name": "status", "webhook": {"url": status.url}}, {"name": "lead", "webhook": {"url": lead.url}}]
        levels = [{"after": "0s", "sinks": ["status"]}, {"after": "10m", "sinks": ["lead"]}]
        body = {"apiVersion": "platelet.dev/v1alpha1", "kind": "EscalationPolicy", "metadata": {"name": "oncall"}}
        scene.apply(json.dumps({**body, "spec": {"sinks": sinks, "levels": levels}}))
        scene.use(manifests.policy("web", SICK, *STEPS, escalation={"policyRef": {"name": "oncall"}}))
        alert = strike(scene, operator, "web")
        scene.until("the restart", "web", lambda: bool(scene.effects("web")))
        manifests.send(operator.alerts_url, manifests.resolved(alert))
        scene.until("the end", "web", lambda: "resolved" in told(status, scene))
        assert told(status, scene) == [INVESTIGATING, IDENTIFIED, "acted", "recovered", "resolved"]
        assert told(lead, scene) == []
    (remediation,) = scene.remediations("web")
    assert [attempt["action"] for attempt in remediation["status"]["attempts"]] == ["rolloutRestart"]


def announced(scene: Scene) -> list[str]:
    """The Events on Deployments that say what a step says."""
    events = scene.items("/apis/events.k8s.io/v1|events")
    ours = [event for event in events if event["reason"] == "Announced"]
    return sorted(event["note"] for event in ours if event["regarding"]["kind"] == "Deployment")


def test_without_sinks_an_event_says_it(scene: Scene, operator: OperatorProcess) -> None:
    scene.use(manifests.policy("api", SICK, *STEPS))
    strike(scene, operator, "api")
    scene.until("both Events", "api", lambda: len(announced(scene)) == 2)
    assert [note.partition("Announced: ")[2] for note in announced(scene)] == [IDENTIFIED, INVESTIGATING]


def test_observe_says_nothing_but_what_it_would_say(scene: Scene, operator: OperatorProcess) -> None:
    scene.use(manifests.policy("shop", SICK, *STEPS, mode="Observe"))
    strike(scene, operator, "shop")

    def has_decided() -> bool:
        decisions = [known for stored in scene.remediations("shop") for known in stored["status"].get("decisions", [])]
        return f"it would only say: {INVESTIGATING}" in [decision["message"] for decision in decisions]

    scene.until("what would be said", "shop", has_decided)
    assert announced(scene) == []


REFUSED = {
    "no words": ({"notify": {}}, "message"),
    "words of several lines": ({"notify": {"message": "one\ntwo"}}, "write one line of text"),
    "too many words": ({"notify": {"message": "x" * 501}}, "500"),
    "words that a person approves": ({"notify": {"message": "x"}, "approval": "Required"}, "remove approval"),
    "words that are to be reverted": ({"notify": {"message": "x"}, "onFailure": "Revert"}, "notify cannot be reverted"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_cannot_be_said(scene: Scene, written: Json, fix: str) -> None:
    body = yaml.safe_load(manifests.runbook("nonsense", {"name": "nonsense", **written}))
    assert fix in scene.post("runbooks", json.dumps(body), expected=422)
