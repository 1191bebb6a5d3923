"""What is scaled to nothing and back, and what is written in templates, on a real API server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests, people
from tests.cluster.incidents import Playground, Scene
from tests.cluster.manifests import Json, step
from tests.cluster.test_approvals import asked, says

pytestmark = pytest.mark.cluster
OFF = step("off", scale={"to": 0, "allowZero": True}, onInconclusive="Next")
DOUBLE: Json = {"grace": {"byPercent": 100, "max": "10m"}}
PROBE: Json = {"exec": {"command": ["true"]}, "failureThreshold": 3, "periodSeconds": 10}
LIMITED: Json = {
    "env": [{"name": "RATE_LIMIT", "value": "new-and-secret"}, {"name": "MODE", "value": "strict"}],
    "revertAfter": "8s",
}
SWITCHED: Json = {
    "configMap": "chat",
    "key": "PROVIDER",
    "value": "new-and-secret",
    "restart": True,
    "revertAfter": "8s",
}
POLICIES = (
    manifests.policy("down", [manifests.fires("Down")], step("switch", setConfig=SWITCHED)),
    manifests.policy(
        "slow", [manifests.fires("Slow")], step("grace", adjustProbes={"liveness": DOUBLE, "revertAfter": "8s"})
    ),
    manifests.policy("attacked", [manifests.fires("Attacked")], step("limit", setEnv=LIMITED)),
    manifests.policy(
        "kept",
        [manifests.CRASHES],
        step("limit", setEnv={"env": LIMITED["env"]}),
        step("undo", rolloutUndo={"keepAdjustments": True}),
    ),
    manifests.policy(
        "corrupted", [manifests.fires("Corrupted")], OFF, step("back", scale={"to": "previous"}), mode="Approve"
    ),
)


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with all policies, what lets an alert fire, and alice, who may approve."""
    directory = tmp_path_factory.mktemp("operator")
    with incidents.playground(control_plane, directory, *POLICIES) as playground:
        people.bind(control_plane, "alice", playground[0].namespace, "platelet-approve")
        yield playground


def approve(scene: Scene, target: str, besides: str = "") -> Json:
    """Alice says yes to the plan that is shown, which is another one than `besides`."""
    shown = asked(scene, target, besides=besides)
    assert says(scene, "alice", "approve", f"remediation/{shown['metadata']['name']}").code == 0
    approval: Json = shown["status"]["approval"]
    return approval


def test_writes_are_stopped_with_a_person_and_it_comes_back_as_it_was(playground: Playground) -> None:
    scene, send = playground
    scene.admit("corrupted", "ledger", replicas=3)
    corrupted = manifests.alert("Corrupted", scene.namespace, deployment="ledger")
    send(corrupted)
    off = approve(scene, "ledger")
    assert off["summary"] == "scale from 3 to 0 replicas"
    scene.until("no pod", "ledger", lambda: scene.replicas("ledger") == 0 and not scene.pods("ledger"))
    assert approve(scene, "ledger", besides=off["token"])["summary"] == (
        "scale back from 0 to 3 replicas, as before platelet scaled it"
    )
    scene.until("all replicas", "ledger", lambda: scene.replicas("ledger") == 3)
    send(manifests.resolved(corrupted))
    healed = scene.until_state("ledger", "Closed", "Monitoring")
    first, second = healed["status"]["attempts"]
    assert (first["approvedBy"], first["verdict"], second["verdict"]) == ("alice", "Inconclusive", "Recovered")
    assert "nothing can be proven of what does not run" in first["verdictMessage"]
    sent = [effect.request["spec"] for effect in scene.effects("ledger") if isinstance(effect.request, dict)]
    assert sent == [{"replicas": 0}, {"replicas": 3}]


def container(scene: Scene, name: str) -> Json:
    """Its container, as it is stored."""
    stored: Json = scene.workload(name)["spec"]["template"]["spec"]["containers"][0]
    return stored


def set_up(scene: Scene, policy: str, name: str, **fields: Any) -> Json:
    """A Deployment whose container has these fields; as it is stored when it is rolled out."""
    scene.admit(policy, name)
    operations = [
        {"op": "add", "path": f"/spec/template/spec/containers/0/{field}", "value": value}
        for field, value in fields.items()
    ]
    scene.kubectl("patch", f"deployment/{name}", "--type=json", "-p", json.dumps(operations))
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    return container(scene, name)


def test_a_probe_gets_a_longer_grace_for_a_while(playground: Playground) -> None:
    scene, send = playground
    before = set_up(scene, "slow", "web", livenessProbe=PROBE)
    slow = manifests.alert("Slow", scene.namespace, deployment="web")
    send(slow)
    longer = {**before, "livenessProbe": {**before["livenessProbe"], "failureThreshold": 6}}
    scene.until("a longer grace", "web", lambda: container(scene, "web") == longer)
    send(manifests.resolved(slow))
    scene.until("the grace from before", "web", lambda: container(scene, "web") == before)
    first, _ = scene.effects("web")
    operations: Any = first.request
    place = "/spec/template/spec/containers/0/livenessProbe/failureThreshold"
    assert [operation for operation in operations if operation["op"] != "test"] == [
        {"op": "replace", "path": place, "value": 6}
    ]
    (attempt, _) = scene.remediations("web")[0]["status"]["attempts"]
    assert "liveness grace 30s -> 1m (failureThreshold 3 -> 6) (8s)" in attempt["summary"]


def test_variables_are_set_for_a_while_and_come_back_exactly(playground: Playground) -> None:
    scene, send = playground
    token: Json = {"name": "TOKEN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    before = set_up(scene, "attacked", "shop", env=[{"name": "RATE_LIMIT", "value": "old-and-secret"}, token])
    attacked = manifests.alert("Attacked", scene.namespace, deployment="shop")
    send(attacked)
    limited = {"name": "RATE_LIMIT", "value": "new-and-secret"}
    env = [limited, before["env"][1], {"name": "MODE", "value": "strict"}]
    scene.until("the variables", "shop", lambda: container(scene, "shop") == {**before, "env": env})
    send(manifests.resolved(attacked))
    scene.until("the variables from before", "shop", lambda: container(scene, "shop") == before)
    assert len(scene.effects("shop")) == 2
    (remediation,) = scene.remediations("shop")
    shown = json.dumps(remediation["status"]) + scene.kubectl("get", "events", "-o", "json")
    assert "set RATE_LIMIT, MODE of container app (8s)" in shown
    assert "old-and-secret" not in shown
    assert "new-and-secret" not in shown


def test_an_undo_keeps_variables_that_were_set_and_shows_no_value(playground: Playground) -> None:
    """A young release that they do not mend: the one before it comes back, with them."""
    scene, _ = playground
    before = set_up(scene, "kept", "till", env=[{"name": "RATE_LIMIT", "value": "old-and-secret"}])
    scene.until_proven("till")
    scene.kubectl("set", "image", "deployment/till", "app=app:crash-2")
    scene.until("the image from before", "till", lambda: scene.image("till") == manifests.GOOD, 120)
    env = [{"name": "RATE_LIMIT", "value": "new-and-secret"}, {"name": "MODE", "value": "strict"}]
    assert container(scene, "till") == {**before, "env": env}
    remediations = scene.remediations("till")
    summaries = [attempt["summary"] for stored in remediations for attempt in stored["status"]["attempts"]]
    assert summaries[-1].endswith("it keeps what platelet has adjusted: app.env.RATE_LIMIT as set, app.env.MODE as set")
    shown = json.dumps([stored["status"] for stored in remediations]) + scene.kubectl("get", "events", "-o", "json")
    assert "and-secret" not in shown


def config(scene: Scene) -> Json:
    """What the ConfigMap holds."""
    stored: Json = json.loads(scene.kubectl("get", "configmap", "chat", "-o", "json"))["data"]
    return stored


def test_a_key_of_a_config_map_is_set_with_a_restart_and_comes_back_with_another(playground: Playground) -> None:
    scene, send = playground
    scene.kubectl("create", "configmap", "chat", "--from-literal=OTHER=stays")
    before = set_up(scene, "down", "chat", envFrom=[{"configMapRef": {"name": "chat"}}])
    down = manifests.alert("Down", scene.namespace, deployment="chat")
    send(down)
    scene.until("the key", "chat", lambda: config(scene) == {"OTHER": "stays", "PROVIDER": "new-and-secret"})
    scene.until("the restart", "chat", lambda: len(scene.effects("chat")) == 1)
    send(manifests.resolved(down))
    scene.until("the ConfigMap from before", "chat", lambda: config(scene) == {"OTHER": "stays"})
    scene.until("another restart", "chat", lambda: len(scene.effects("chat")) == 2)
    healed = scene.until_state("chat", "Closed", "Monitoring")
    assert container(scene, "chat") == before
    written = [event for event in scene.writes() if event.resource in ("configmaps", "deployments")]
    names = [
        (incidents.attempt_of(event).partition("/")[2], event.resource) for event in written if event.name == "chat"
    ]
    assert [name for name in names if "change" in name[0]] == [
        ("0/1/change-1", "configmaps"),
        ("0/1/change-2", "deployments"),
        ("0/1/back/change-1", "configmaps"),
        ("0/1/back/change-2", "deployments"),
    ]
    shown = json.dumps(healed["status"]) + scene.kubectl("get", "events", "-o", "json")
    assert "set PROVIDER of ConfigMap chat (8s), then restart all 1 pods" in shown
    assert "new-and-secret" not in shown


REFUSED = {
    "no key": ({"setConfig": {"configMap": "api", "key": "A B", "value": "x"}}, "such as PROVIDER"),
    "a key for more than a day": (
        {"setConfig": {"configMap": "api", "key": "A", "value": "x", "revertAfter": "25h"}},
        "at most 24h",
    ),
    "a variable twice": ({"setEnv": {"env": [{"name": "A", "value": v} for v in "12"]}}, "names a variable twice"),
    "no name of a variable": ({"setEnv": {"env": [{"name": "A B", "value": "1"}]}}, "such as RATE_LIMIT"),
    "a longer grace of nothing": ({"adjustProbes": {"container": "app"}}, "set startup, liveness or readiness"),
    "a probe without a word": ({"adjustProbes": {"startup": {}}}, "set grace, timeout or both"),
    "a maximum below the time": (
        {"adjustProbes": {"startup": {"grace": {"to": "2m", "max": "1m"}}}},
        "max must not be below to",
    ),
    "a time and a percentage": (
        {"adjustProbes": {"startup": {"grace": {"to": "1m", "byPercent": 9, "max": "1m"}}}},
        "set exactly one of to and byPercent",
    ),
    "no time": ({"adjustProbes": {"startup": {"grace": {"to": "soon", "max": "1m"}}}}, "duration"),
    "a grace of more than a day": ({"adjustProbes": {"startup": {"grace": {"to": "1m", "max": "25h"}}}}, "at most 24h"),
    "zero without a word": ({"scale": {"to": 0}}, "to: 0 and allowZero: true"),
    "zero allowed, and not asked for": ({"scale": {"to": 3, "allowZero": True}}, "to: 0 and allowZero: true"),
    "a goal beyond all bounds": ({"scale": {"to": 10001}}, "write one from 0 to 10000, or previous"),
    "a goal that is no number": ({"scale": {"to": "before"}}, "write one from 0 to 10000, or previous"),
    "the number from before within bounds": ({"scale": {"to": "previous", "max": 3}}, "leave out min, max"),
    "zero within bounds": ({"scale": {"to": 0, "allowZero": True, "min": 3}}, "leave out min, max"),
    "the number from before for a time": ({"scale": {"to": "previous", "revertAfter": "1h"}}, "for good"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_makes_no_sense(playground: Playground, written: Json, fix: str) -> None:
    scene, _ = playground
    body = yaml.safe_load(manifests.runbook("nonsense", step("nonsense", **written)))
    assert fix in scene.post("runbooks", json.dumps(body), expected=422)
