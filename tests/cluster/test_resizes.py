"""More memory in the pods that run, on a real API server; what a kubelet would say of them is said by the test."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, kubelet, manifests
from tests.cluster.audit import AuditEvent
from tests.cluster.incidents import Playground, Scene
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
IN_PLACE: Json = {"memory": {"byPercent": 50, "max": "2Gi"}, "inPlace": "Prefer"}
VAST: Json = {"memory": {"to": "1Pi", "max": "1Pi"}, "inPlace": "Prefer"}
MORE: Json = manifests.step("more", adjustResources=IN_PLACE)
BRIEFLY: Json = manifests.step("more", adjustResources={**IN_PLACE, "revertAfter": "15s"})
POLICIES = (
    manifests.policy("resized", [manifests.fires("Hungry")], MORE),
    manifests.policy("briefly", [manifests.fires("Hungry")], BRIEFLY),
    manifests.policy("narrow", [manifests.fires("Hungry")], MORE, RESTART),
    manifests.policy("vast", [manifests.fires("Hungry")], manifests.step("more", adjustResources=VAST)),
    manifests.policy("untold", [manifests.fires("Hungry")], MORE),
)
LESS = [{"op": "replace", "path": "/spec/containers/0/resources/requests/memory", "value": "128Mi"}]
OLD, NEW = ("512Mi", "256Mi"), ("768Mi", "384Mi")


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with all policies, and what lets an alert fire."""
    with incidents.playground(control_plane, tmp_path_factory.mktemp("operator"), *POLICIES) as playground:
        yield playground


def admit(scene: Scene, name: str) -> None:
    """Two healthy pods of the policy of its name, with 512Mi of memory, of which they ask for the half."""
    scene.admit(name, name, replicas=2)
    scene.kubectl("set", "resources", f"deployment/{name}", "--limits=memory=512Mi", "--requests=memory=256Mi")
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    scene.until("the old pods to go", name, lambda: len(scene.pods(name)) == 2)


def memory(container: Json) -> tuple[str, str]:
    """Limit and request."""
    return container["resources"]["limits"]["memory"], container["resources"]["requests"]["memory"]


def of_pods(scene: Scene, name: str) -> dict[str, tuple[str, str]]:
    """What each of its pods asks for, by uid."""
    return {pod["metadata"]["uid"]: memory(pod["spec"]["containers"][0]) for pod in scene.pods(name)}


def of_template(scene: Scene, name: str) -> tuple[str, str]:
    return memory(scene.workload(name)["spec"]["template"]["spec"]["containers"][0])


def resizes(scene: Scene, name: str) -> list[AuditEvent]:
    """What the operator has asked of pods of a workload, by the audit log."""
    events = [event for event in scene.writes() if (event.resource, event.subresource) == ("pods", "resize")]
    return [event for event in events if event.name.startswith(f"{name}-")]


def reason(scene: Scene, name: str) -> str:
    return "".join(remediation["status"].get("reason", "") for remediation in scene.remediations(name))


def test_pods_get_more_without_a_restart_once_each_and_their_node_proves_it(playground: Playground) -> None:
    scene, send = playground
    admit(scene, "resized")
    kubelet.give(scene, "resized")
    before = of_pods(scene, "resized")
    hungry = manifests.alert("Hungry", scene.namespace, deployment="resized")
    send(hungry)
    scene.until("more memory", "resized", lambda: set(of_pods(scene, "resized").values()) == {NEW})
    scene.until("nothing to be proven yet", "resized", lambda: reason(scene, "resized") == "ResizePending")
    send(manifests.resolved(hungry))
    kubelet.give(scene, "resized")
    healed = scene.until_state("resized", "Closed", "Monitoring")
    (attempt,) = healed["status"]["attempts"]
    assert (attempt["phase"], attempt["verdict"], len(attempt["changes"])) == ("Done", "Recovered", 2)
    assert "in place, of pods" in attempt["summary"]
    assert of_pods(scene, "resized") == dict.fromkeys(before, NEW)
    assert (of_template(scene, "resized"), scene.effects("resized")) == (OLD, [])
    sent = resizes(scene, "resized")
    assert len({event.name for event in sent}) == len(sent) == 2
    for event in sent:
        operations: Any = event.request
        tested = {operation["path"]: operation["value"] for operation in operations if operation["op"] == "test"}
        assert tested["/metadata/uid"] in before
        assert tested["/metadata/resourceVersion"]
        assert tested["/spec/containers/0/name"] == "app"


def test_for_a_while_each_pod_gets_back_exactly_what_it_had(playground: Playground) -> None:
    scene, send = playground
    admit(scene, "briefly")
    kubelet.give(scene, "briefly")
    before = of_pods(scene, "briefly")
    hungry = manifests.alert("Hungry", scene.namespace, deployment="briefly")
    send(hungry)
    scene.until("more memory", "briefly", lambda: set(of_pods(scene, "briefly").values()) == {NEW})
    kubelet.give(scene, "briefly")
    send(manifests.resolved(hungry))
    scene.until("what they had before", "briefly", lambda: of_pods(scene, "briefly") == before)
    assert len(resizes(scene, "briefly")) == 4
    assert (of_template(scene, "briefly"), scene.effects("briefly")) == (OLD, [])


def test_what_a_node_can_never_do_is_said_and_reverted_before_the_next_step(playground: Playground) -> None:
    scene, send = playground
    admit(scene, "narrow")
    kubelet.give(scene, "narrow")
    send(manifests.alert("Hungry", scene.namespace, deployment="narrow"))
    scene.until("more memory", "narrow", lambda: set(of_pods(scene, "narrow").values()) == {NEW})
    kubelet.withhold(scene, "narrow", "Infeasible", "Node didn't have enough capacity: memory")
    scene.until("the next step", "narrow", lambda: bool(scene.effects("narrow")))
    (remediation,) = scene.remediations("narrow")
    first, back, *_ = remediation["status"]["attempts"]
    assert (first["verdict"], back["kind"], back["phase"]) == ("Failed", "Revert", "Done")
    assert "Infeasible: Node didn't have enough capacity: memory" in first["verdictMessage"]
    assert len(resizes(scene, "narrow")) == 4
    assert of_template(scene, "narrow") == OLD


def test_what_the_api_server_does_not_take_is_nothing_written(playground: Playground) -> None:
    """Its admission knows how much the node has, from 1.36 on."""
    scene, send = playground
    admit(scene, "vast")
    kubelet.give(scene, "vast")
    before = of_pods(scene, "vast")
    send(manifests.alert("Hungry", scene.namespace, deployment="vast"))
    ended = scene.until_state("vast", "Escalated")
    (attempt,) = ended["status"]["attempts"]
    assert attempt["phase"] == "Refused"
    assert "allocatable" in attempt["message"]
    assert (of_pods(scene, "vast"), resizes(scene, "vast")) == (before, [])


def test_where_a_node_does_not_tell_what_pods_have_it_is_a_rollout_that_says_why(playground: Playground) -> None:
    """As a kubelet before 1.33 would not: nobody could prove it."""
    scene, send = playground
    admit(scene, "untold")
    send(manifests.alert("Hungry", scene.namespace, deployment="untold"))
    scene.until("more memory", "untold", lambda: of_template(scene, "untold") == NEW)
    (remediation,) = scene.remediations("untold")
    assert "by a rollout: the node of pod untold-" in remediation["status"]["attempts"][0]["summary"]
    (name, *_) = (pod["metadata"]["name"] for pod in scene.pods("untold"))
    with pytest.raises(cluster.KubectlFailed, match="node without support for resize"):
        scene.kubectl("patch", "pod", name, "--subresource=resize", "--type=json", "-p", json.dumps(LESS))
    assert resizes(scene, "untold") == []
