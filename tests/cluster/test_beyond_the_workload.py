"""What no action on the workload mends, or others would revert: people are told why, and nothing is done."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests, operating, patience
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import RESTART, UNDO, Json

pytestmark = pytest.mark.cluster
SICK = [manifests.fires("Sick")]
MORE = manifests.step("more", scale={"by": 1, "max": 9})
POLICIES = (
    manifests.policy("restart", SICK, RESTART),
    manifests.policy("more", SICK, MORE),
    manifests.policy("undo", SICK, UNDO),
    manifests.policy("config", [{"pod": {"reasons": ["CreateContainerConfigError"]}}], UNDO),
)


@pytest.fixture(scope="module")
def operator(
    control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """The operator of this file."""
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator"), resync="2s") as operator:
        yield operator


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A namespace with all policies; each case has a Deployment of its own."""
    with incidents.scene(control_plane) as scene:
        scene.use(*POLICIES)
        yield scene
        control_plane.kubectl("delete", "node", lost_node(scene), "--ignore-not-found")


def is_argo(scene: Scene, name: str) -> None:
    tracking = f"shop:apps/Deployment:{scene.namespace}/{name}"
    scene.patch(name, {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracking}}})


def is_flux_kustomize(scene: Scene, name: str) -> None:
    scene.patch(name, {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}})


def is_flux_helm(scene: Scene, name: str) -> None:
    scene.patch(name, {"metadata": {"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}})


def is_owned(scene: Scene, name: str) -> None:
    """Its owner exists, or the garbage collector would delete it."""
    scene.kubectl("create", "configmap", f"owner-of-{name}")
    uid = scene.kubectl("get", "configmap", f"owner-of-{name}", "-o", "jsonpath={.metadata.uid}")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": f"owner-of-{name}", "uid": uid, "controller": True}
    scene.patch(name, {"metadata": {"ownerReferences": [owner]}})


def is_being_deleted(scene: Scene, name: str) -> None:
    scene.patch(name, {"metadata": {"finalizers": ["platelet.test/held"]}})
    scene.kubectl("delete", "deployment", name, "--wait=false")


def is_on_a_lost_node(scene: Scene, name: str) -> None:
    """Its newest pods are bound to a node that nobody plays and that says NotReady."""
    node = lost_node(scene)
    lost = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}
    not_ready = {"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "KubeletDown"}]}}
    scene.plane.kubectl("apply", "-f", "-", input=json.dumps(lost))
    patch = json.dumps(not_ready)
    scene.plane.kubectl("patch", "node", node, "--subresource=status", "--type=merge", "-p", patch)
    scene.patch(name, {"spec": {"template": {"spec": {"nodeName": node}}}})
    patience.until(f"a pod on {node}", lambda: on_node(scene, node))


def lost_node(scene: Scene) -> str:
    """Its name. While it is there, nobody removes its pods, and with them the namespace stays."""
    return f"lost-{scene.namespace}"


def on_node(scene: Scene, node: str) -> list[Json]:
    return [pod for pod in scene.items("/api/v1|pods") if pod["spec"].get("nodeName") == node]


def misses_a_secret(scene: Scene, name: str) -> None:
    """The release that works needs it, too: it is not the newest release's fault."""
    needs = [{"secretRef": {"name": "credentials", "optional": True}}]
    release(scene, name, {"name": "app", "image": "app:good-2", "envFrom": needs})
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=30s")
    patience.until("the release that needs the Secret to be proven", lambda: proven_templates(scene, name) >= 2)
    release(scene, name, {"name": "app", "image": "app:configerror-secret", "envFrom": needs})


def release(scene: Scene, name: str, container: Json) -> None:
    scene.patch(name, {"spec": {"template": {"spec": {"containers": [container]}}}})


def proven_templates(scene: Scene, name: str) -> int:
    return scene.proven().count(name)


@dataclass(frozen=True)
class Case:
    """What is so, under which policy, and what is said of it."""

    policy: str
    befall: Callable[[Scene, str], None]
    reason: str
    words: str
    fires: bool = True


REFUSED: Mapping[str, Case] = {
    "argo-undo": Case("undo", is_argo, "GitOpsManaged", "Argo CD application shop"),
    "flux-scale": Case("more", is_flux_kustomize, "GitOpsManaged", "Flux (kustomize apps)"),
    "flux-undo": Case("undo", is_flux_helm, "GitOpsManaged", "Flux (helm shop)"),
    "owned-scale": Case("more", is_owned, "OperatorManaged", "ConfigMap owner-of-owned-scale"),
    "owned-undo": Case("undo", is_owned, "OperatorManaged", "ConfigMap owner-of-owned-undo"),
    "lost-node": Case("undo", is_on_a_lost_node, "CauseElsewhere", "is NotReady"),
    "no-secret": Case("config", misses_a_secret, "CauseElsewhere", "secret/credentials is missing", fires=False),
}
RESTARTED: Mapping[str, Callable[[Scene, str], None]] = {
    "argo-restart": is_argo,
    "flux-restart": is_flux_kustomize,
    "owned-restart": is_owned,
}


def test_what_others_own_or_cause_goes_to_people_and_only_a_restart_survives_owners(
    scene: Scene, operator: OperatorProcess
) -> None:
    for name, case in REFUSED.items():
        scene.admit(case.policy, name)
    scene.admit("restart", *RESTARTED)
    scene.until_proven(*REFUSED)
    for name, case in REFUSED.items():
        case.befall(scene, name)
    for name, befall in RESTARTED.items():
        befall(scene, name)
    for name in (*RESTARTED, *(name for name, case in REFUSED.items() if case.fires)):
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment=name))
    for name, case in REFUSED.items():
        remediation = scene.until_state(name, "Escalated")
        assert incidents.condition(remediation, "Escalated") == ("True", case.reason), name
        assert case.words in remediation["status"]["message"], name
        assert scene.effects(name) == [], name
    for name in RESTARTED:
        scene.until_acted(name)


def test_a_workload_that_is_being_deleted_is_left_alone(scene: Scene, operator: OperatorProcess) -> None:
    """Not even a mark is put on it."""
    scene.admit("restart", "going")
    is_being_deleted(scene, "going")
    try:
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment="going"))
        assert "being deleted" in scene.until_waiting("going", "BeingDeleted")["message"]
        assert [write for write in scene.writes() if write.resource == "deployments" and write.name == "going"] == []
    finally:
        scene.patch("going", {"metadata": {"finalizers": None}})
    assert scene.until_state("going", "Closed")["status"]["reason"] == "TargetGone"


def test_a_full_quota_is_told_and_no_more_pods_are_asked_for(scene: Scene, operator: OperatorProcess) -> None:
    with incidents.scene(scene.plane) as full:
        full.use(manifests.policy("restart", SICK, RESTART), manifests.policy("more", SICK, MORE))
        full.admit("restart", "restarted")
        full.admit("more", "scaled")
        for name in ("restarted", "scaled"):
            full.kubectl("rollout", "status", f"deployment/{name}", "--timeout=30s")
        full.kubectl("create", "quota", "small", "--hard=pods=2")
        for name in ("restarted", "scaled"):
            full.kubectl("scale", "deployment", name, "--replicas=2")
            full.kubectl("wait", f"deployment/{name}", "--for=condition=ReplicaFailure", "--timeout=30s")
            manifests.send(operator.alerts_url, manifests.alert("Sick", full.namespace, deployment=name))
        for name in ("restarted", "scaled"):
            remediation = full.until_state(name, "Escalated")
            assert incidents.condition(remediation, "Escalated") == ("True", "CauseElsewhere")
            assert "exceeded quota: small" in remediation["status"]["message"]
            assert full.effects(name) == []
