"""Replicas that an autoscaler owns: its bounds are raised for a time and given back, if they are still ours."""

from collections.abc import Iterator

import pytest

from tests.cluster import autoscalers, incidents, manifests
from tests.cluster import control_plane as cluster
from tests.cluster.autoscalers import bounds_of, spec_of
from tests.cluster.incidents import Playground, Scene
from tests.cluster.manifests import Json

pytestmark = pytest.mark.cluster
BUSY = [manifests.fires("Busy")]


def raising(kind: str, after: str) -> Json:
    """A step that asks for three replicas for a while."""
    return manifests.step("more", scale={"to": 3, "max": 5, "revertAfter": after, "autoscaler": kind})


POLICIES = (
    manifests.policy("briefly", BUSY, raising("HorizontalPodAutoscaler", "8s")),
    manifests.policy("longer", BUSY, raising("HorizontalPodAutoscaler", "20s")),
    manifests.policy("keda", BUSY, raising("ScaledObject", "8s")),
    manifests.policy("plain", BUSY, manifests.step("more", scale={"to": 3, "revertAfter": "1h"})),
)


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with all policies, and what lets an alert fire for one of its Deployments."""
    autoscalers.install_keda(control_plane)
    directory = tmp_path_factory.mktemp("operator")
    with incidents.playground(control_plane, directory, *POLICIES) as playground:
        yield playground
    control_plane.kubectl("delete", "crd", "scaledobjects.keda.sh")


def raised(scene: Scene, name: str) -> list[Json]:
    """What the operator asked of the autoscaler of this name, in order, by the audit log."""
    resources = ("horizontalpodautoscalers", "scaledobjects")
    return [
        (write.request or {})["spec"] for write in scene.writes() if write.name == name and write.resource in resources
    ]


def test_an_alert_raises_an_hpas_bounds_and_they_are_given_back(
    playground: Playground,
) -> None:
    """The HPA follows by itself; the Deployment's own number is never written."""
    scene, send = playground
    scene.admit("briefly", "web")
    scene.apply(autoscalers.hpa("web", 1, 2))
    busy = manifests.alert("Busy", scene.namespace, deployment="web")
    send(busy)
    scene.until("raised bounds", "web", lambda: bounds_of(scene, "web") == (3, 3))
    scene.until("the HPA to follow", "web", lambda: scene.replicas("web") == 3)
    send(manifests.resolved(busy))
    scene.until("the bounds from before", "web", lambda: bounds_of(scene, "web") == (1, 2))
    asked = raised(scene, "web")
    assert asked == [{"minReplicas": 3, "maxReplicas": 3}, {"minReplicas": 1, "maxReplicas": 2}]
    assert scene.effects("web") == []


def test_bounds_that_somebody_has_changed_meanwhile_are_left_alone(
    playground: Playground,
) -> None:
    scene, send = playground
    scene.admit("longer", "shared")
    scene.apply(autoscalers.hpa("shared", 1, 2))
    busy = manifests.alert("Busy", scene.namespace, deployment="shared")
    send(busy)
    scene.until("raised bounds", "shared", lambda: bounds_of(scene, "shared") == (3, 3))
    scene.merge("hpa", "shared", {"spec": {"maxReplicas": 9}})
    send(manifests.resolved(busy))

    def is_left() -> bool:
        decisions = [
            decision
            for remediation in scene.remediations("shared")
            for decision in remediation["status"].get("decisions", [])
        ]
        return any(decision["reason"] == "NotOursAnymore" and "3-9" in decision["message"] for decision in decisions)

    scene.until("the record to say so", "shared", is_left)
    assert bounds_of(scene, "shared") == (3, 9)
    assert len(raised(scene, "shared")) == 1


def test_behind_an_hpa_of_keda_the_scaled_object_is_raised(playground: Playground) -> None:
    """KEDA itself is played: it makes the HPA what the ScaledObject says."""
    scene, send = playground
    scene.admit("keda", "queue")
    scene.apply(autoscalers.scaled_object("queue", maxReplicaCount=2))
    (owner,) = scene.items(autoscalers.SCALED_OBJECTS)
    scene.apply(autoscalers.hpa("queue", 1, 2, owner))
    before = spec_of(scene, autoscalers.SCALED_OBJECTS, "queue")
    busy = manifests.alert("Busy", scene.namespace, deployment="queue")
    send(busy)

    def says() -> Json:
        return spec_of(scene, autoscalers.SCALED_OBJECTS, "queue")

    scene.until(
        "a raised ScaledObject", "queue", lambda: says() == {**before, "minReplicaCount": 3, "maxReplicaCount": 3}
    )
    assert bounds_of(scene, "queue") == (1, 2)  # not ours
    scene.merge("hpa", "queue", {"spec": {"minReplicas": 3, "maxReplicas": 3}})
    send(manifests.resolved(busy))
    scene.until("the ScaledObject from before", "queue", lambda: says() == before)  # without a minimum, as it was
    assert scene.effects("queue") == []


def test_a_step_that_does_not_say_so_leaves_an_autoscaler_alone(
    playground: Playground,
) -> None:
    """People are told which word would help."""
    scene, send = playground
    scene.admit("plain", "strict")
    scene.apply(autoscalers.hpa("strict", 1, 2))
    send(manifests.alert("Busy", scene.namespace, deployment="strict"))
    escalated = scene.until_state("strict", "Escalated")
    messages = [
        decision["message"] for decision in escalated["status"]["decisions"] if decision["reason"] == "HPAOwned"
    ]
    assert any("autoscaler: HorizontalPodAutoscaler" in message for message in messages)
    assert raised(scene, "strict") == []
