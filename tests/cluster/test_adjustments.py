"""More memory for what was OOM-killed, on a real API server: what is written, what comes back, what is left alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, installation, kubelet, manifests, vertical_autoscalers
from tests.cluster.incidents import Playground, Scene, condition, story
from tests.cluster.manifests import UNDO, Json
from tests.unit.model.test_quantity import STORED

pytestmark = pytest.mark.cluster
KILLED: Json = {"pod": {"reasons": ["OOMKilled"], "minRestarts": 1}}
BY_HALF: Json = {"memory": {"byPercent": 50, "max": "2Gi"}}
FOR_A_WHILE: Json = {**BY_HALF, "revertAfter": "8s"}
POLICIES = (
    manifests.policy("killed", [KILLED], manifests.step("more", adjustResources=BY_HALF)),
    manifests.policy("briefly", [manifests.fires("Hungry")], manifests.step("more", adjustResources=FOR_A_WHILE)),
    manifests.policy("or-undo", [manifests.CRASHES], manifests.step("more", adjustResources=BY_HALF), UNDO),
    manifests.policy(
        "or-keep",
        [manifests.CRASHES],
        manifests.step("more", adjustResources=BY_HALF),
        manifests.step("undo", rolloutUndo={"keepAdjustments": True}),
    ),
)


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with all policies, and what lets an alert fire. The cluster has no VerticalPodAutoscalers yet."""
    directory = tmp_path_factory.mktemp("operator")
    with incidents.playground(control_plane, directory, *POLICIES) as playground:
        yield playground


def admit(scene: Scene, policy: str, name: str) -> None:
    """A Deployment with 512Mi of memory, of which it asks for the half, that is known to be well."""
    scene.admit(policy, name)
    scene.kubectl("set", "resources", f"deployment/{name}", "--limits=memory=512Mi", "--requests=memory=256Mi")
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")


def resources(scene: Scene, name: str) -> Json:
    """Those of its container, as they are stored."""
    written: Json = scene.workload(name)["spec"]["template"]["spec"]["containers"][0]["resources"]
    return written


def memory(scene: Scene, name: str) -> tuple[str, str]:
    """Limit and request."""
    written = resources(scene, name)
    return written["limits"]["memory"], written["requests"]["memory"]


def test_what_was_oom_killed_gets_more_memory_and_the_second_time_people_have_it(playground: Playground) -> None:
    scene, _ = playground
    admit(scene, "killed", "api")
    kubelet.kill(scene, "api")
    scene.until("more memory", "api", lambda: memory(scene, "api") == ("768Mi", "384Mi"))
    healed = scene.until_state("api", "Closed", "Monitoring")
    assert condition(healed, "Recovered") == ("True", "Recovered")
    (effect,) = scene.effects("api")
    operations: Any = effect.request
    sent = [operation for operation in operations if operation["op"] != "test"]
    place = "/spec/template/spec/containers/0/resources"
    assert sent == [
        {"op": "replace", "path": f"{place}/limits/memory", "value": "768Mi"},
        {"op": "replace", "path": f"{place}/requests/memory", "value": "384Mi"},
    ]
    tested = {operation["path"] for operation in operations if operation["op"] == "test"}
    assert {"/metadata/uid", "/metadata/resourceVersion"} <= tested
    attempt = healed["status"]["attempts"][0]
    assert "memory limit 512Mi -> 768Mi, memory request 256Mi -> 384Mi" in attempt["summary"]
    scene.until_state("api", "Closed")
    kubelet.kill(scene, "api")
    escalated = scene.until_state("api", "Escalated", number=2)
    assert escalated["status"]["reason"] != "Recovered"
    assert (len(scene.effects("api")), memory(scene, "api")) == (1, ("768Mi", "384Mi"))


def test_for_a_while_it_is_given_back_exactly(playground: Playground) -> None:
    scene, send = playground
    admit(scene, "briefly", "web")
    before = resources(scene, "web")
    hungry = manifests.alert("Hungry", scene.namespace, deployment="web")
    send(hungry)
    scene.until("more memory", "web", lambda: memory(scene, "web") == ("768Mi", "384Mi"))
    send(manifests.resolved(hungry))
    scene.until("the resources from before", "web", lambda: resources(scene, "web") == before)
    assert len(scene.effects("web")) == 2


UNDONE = {
    "or-undo": ("it drops what platelet has adjusted: app.resources.limits.memory 768Mi -> 512Mi", ("512Mi", "256Mi")),
    "or-keep": (
        "it keeps what platelet has adjusted: app.resources.limits.memory 768Mi instead of 512Mi",
        ("768Mi", "384Mi"),
    ),
}


@pytest.mark.parametrize(("policy", "words", "amounts"), [(name, *end) for name, end in UNDONE.items()], ids=UNDONE)
def test_an_undo_says_which_adjustment_it_drops_or_keeps(
    playground: Playground, policy: str, words: str, amounts: tuple[str, str]
) -> None:
    """A young release that more memory does not mend: the one before it comes back."""
    scene, _ = playground
    admit(scene, policy, policy)
    scene.until_proven(policy)
    scene.kubectl("set", "image", f"deployment/{policy}", "app=app:crash-2")
    scene.until("the image from before", policy, lambda: scene.image(policy) == manifests.GOOD, 120)
    summaries = [
        attempt["summary"]
        for remediation in scene.remediations(policy)
        for attempt in remediation["status"]["attempts"]
    ]
    assert any("raise app: memory limit" in summary for summary in summaries), [
        story(r) for r in scene.remediations(policy)
    ]
    assert words in summaries[-1]
    assert memory(scene, policy) == amounts


def test_what_a_vertical_autoscaler_writes_is_left_to_it(playground: Playground) -> None:
    """One that only advises is in nobody's way."""
    scene, _ = playground
    vertical_autoscalers.install(scene.plane)
    try:
        for name, mode in (("owned", "Recreate"), ("advised", "Off")):
            admit(scene, "killed", name)
            scene.apply(vertical_autoscalers.of_deployment(name, mode))
        for name in ("owned", "advised"):
            kubelet.kill(scene, name)
        escalated = scene.until_state("owned", "Escalated")
        messages = [
            decision["message"] for decision in escalated["status"]["decisions"] if decision["reason"] == "VPAOwned"
        ]
        assert any("belongs to VerticalPodAutoscaler owned" in message for message in messages)
        scene.until("more memory", "advised", lambda: memory(scene, "advised") == ("768Mi", "384Mi"))
        assert (scene.effects("owned"), memory(scene, "owned")) == ([], ("512Mi", "256Mi"))
    finally:
        scene.plane.kubectl("delete", "crd", vertical_autoscalers.NAME)


def test_the_api_server_stores_quantities_as_they_are_written_here(playground: Playground) -> None:
    """So the template that comes of an adjustment is known before it is written."""
    scene, _ = playground
    by_name = {}
    for number, written in enumerate(STORED):
        name = f"quantity-{number}"
        limits = {"cpu": written}
        document = json.loads(scene.kubectl("apply", "-o", "json", "-f", "-", text=limited(name, limits)))
        (container,) = document["spec"]["template"]["spec"]["containers"]
        by_name[written] = next(iter(container["resources"]["limits"].values()))
    assert by_name == STORED


def limited(name: str, limits: dict[str, str]) -> str:
    """A Deployment without pods."""
    manifest = yaml.safe_load(installation.deployment(name, manifests.GOOD, replicas=0))
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": limits, "requests": {}}
    return json.dumps(manifest)


REFUSED = {
    "a maximum below the value": ({"memory": {"to": "2Gi", "max": "1Gi"}}, "max must not be below to"),
    "a maximum below a number": ({"cpu": {"to": 2, "max": "1500m"}}, "max must not be below to"),
    "nothing": ({"container": "app"}, "set memory, cpu or both"),
    "a value and a percentage": (
        {"cpu": {"to": 2, "byPercent": 10, "max": 2}},
        "set exactly one of to and byPercent",
    ),
    "no quantity": ({"cpu": {"byPercent": 10, "max": "lots"}}, "write it like 512Mi"),
    "nothing of it": ({"cpu": {"byPercent": 10, "max": 0}}, "write it like 512Mi"),
    "a day and more": ({"cpu": {"byPercent": 10, "max": 2}, "revertAfter": "25h"}, "at most 24h"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_makes_no_sense(playground: Playground, written: Json, fix: str) -> None:
    scene, _ = playground
    body = yaml.safe_load(manifests.runbook("nonsense", manifests.step("more", adjustResources=written)))
    answer = scene.post("runbooks", json.dumps(body), expected=422)
    assert fix in answer
