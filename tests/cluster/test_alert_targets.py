"""Which workload an alert is about, on real objects: never the exporter, never another namespace, never a guess."""

from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Sick")]
EXPORTER = "kube-state-metrics"


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace with a policy for all its Deployments, and one that names the Deployment `api`."""
    with incidents.scene(control_plane) as scene:
        refs = {"refs": [{"kind": "Deployment", "name": "api"}]}
        scene.use(
            manifests.policy("restart", SICK, RESTART, targets={"all": True}),
            manifests.policy("down", [manifests.fires(down(scene))], RESTART, targets=refs),
        )
        yield scene


def down(scene: Scene) -> str:
    """The name of an alert that only this namespace's policy knows: without a namespace it is about all of them."""
    return f"ApiDown-{scene.namespace}"


def pod_of(scene: Scene, deployment: str) -> str:
    """The name of a pod of a Deployment."""

    def find() -> str:
        pods = [pod["metadata"] for pod in scene.items("/api/v1|pods")]
        return next((metadata["name"] for metadata in pods if metadata["labels"].get("app") == deployment), "")

    return scene.until(f"a pod of {deployment}", deployment, find)


def untargeted(scene: Scene, policy: str) -> list[Json]:
    """The alerts on record as having no target."""
    alerts: list[Json] = scene.policy(policy).get("status", {}).get("untargetedAlerts", [])
    return alerts


def test_an_alert_with_the_exporters_pod_beside_the_workload_is_about_the_workload(
    scene: Scene, operator: OperatorProcess
) -> None:
    """TRAPS 16: so does every workload-level alert of the common Helm install."""
    scene.admit("restart", "web", EXPORTER)
    labels = {"pod": pod_of(scene, EXPORTER), "container": EXPORTER, "service": EXPORTER}
    both = manifests.alert("Sick", scene.namespace, deployment="web", **labels)
    alone = manifests.alert("Sick", scene.namespace, **labels)
    manifests.send(operator.alerts_url, both, alone)
    scene.until_acted("web")
    assert scene.remediations(EXPORTER) == []
    assert scene.effects(EXPORTER) == []
    assert [EXPORTER in alert["message"] for alert in untargeted(scene, "restart")] == [True]


def test_an_alert_about_a_pod_is_about_the_deployment_that_owns_it(scene: Scene, operator: OperatorProcess) -> None:
    scene.admit("restart", "web", "other")
    manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, pod=pod_of(scene, "web")))
    scene.until_acted("web")
    assert scene.remediations("other") == []


def service(name: str, selector: Json) -> str:
    """A Service of this namespace."""
    spec = {"selector": selector, "ports": [{"port": 80}]}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})


def test_an_alert_about_a_service_is_about_the_one_workload_behind_it(scene: Scene, operator: OperatorProcess) -> None:
    """By the Service's selector; where that chooses more than one, people hear of it and nothing is done."""
    scene.admit("restart", "web", "other")
    scene.apply(service("front", {"app": "web"}), service("nothing", {"app": "gone"}))
    manifests.send(
        operator.alerts_url,
        manifests.alert("Sick", scene.namespace, destination_service_name="front"),
        manifests.alert("Sick", scene.namespace, service="nothing"),
    )
    scene.until_acted("web")
    assert scene.remediations("other") == []
    assert [alert["message"] for alert in untargeted(scene, "restart")] == ["no workload is behind Service nothing"]


def test_an_alert_that_names_no_workload_acts_through_refs_only(scene: Scene, operator: OperatorProcess) -> None:
    """A blackbox probe knows a URL, not a Deployment, and perhaps no namespace."""
    scene.admit("restart", "api", "other")
    probe = {"instance": "https://api.example.com/health", "job": "blackbox"}
    without_refs = manifests.alert("Sick", scene.namespace, **probe)
    manifests.send(operator.alerts_url, manifests.alert(down(scene), "", **probe), without_refs)
    scene.until_acted("api")
    assert len(scene.effects("api")) == 1
    assert scene.remediations("other") == []


def test_an_alert_that_matches_and_names_no_target_is_on_record_and_people_hear_of_it(
    scene: Scene, operator: OperatorProcess
) -> None:
    """Once per episode, however often it is delivered."""
    firing = manifests.alert("Sick", scene.namespace, job="batch")
    for _ in range(3):
        manifests.send(operator.alerts_url, firing)
    (recorded,) = untargeted(scene, "restart")
    assert recorded["reason"] == "Sick"
    assert recorded["message"] == "no label names a workload: name the target in the policy's targets.refs"
    events = [
        event
        for event in scene.items("/apis/events.k8s.io/v1|events")
        if event["regarding"]["kind"] == "RemediationPolicy" and event["reason"] == "NoTarget"
    ]
    assert [event["regarding"]["name"] for event in events] == ["restart"]
    assert scene.remediations() == []


def test_an_alert_of_another_namespace_never_matches(scene: Scene, operator: OperatorProcess) -> None:
    """Not even by refs, nor when the other namespace has a Deployment of that name."""
    with incidents.scene(scene.plane) as other:
        for place in (scene, other):
            place.admit("restart", "api")
        manifests.send(
            operator.alerts_url,
            manifests.alert(down(scene), other.namespace, deployment="api"),
            manifests.alert("Sick", other.namespace, deployment="api"),
        )
        manifests.send(operator.alerts_url, manifests.alert(down(scene), scene.namespace))
        scene.until_acted("api")
        assert len(scene.remediations()) == 1
        assert other.remediations() == []
        assert [write for write in other.writes() if write.resource == "deployments"] == []
    assert untargeted(scene, "restart") == untargeted(scene, "down") == []
