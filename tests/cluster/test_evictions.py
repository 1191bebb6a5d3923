"""A step that evicts failing pods, on a real API server with its disruption controller."""

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests
from tests.cluster.incidents import Playground, Scene
from tests.cluster.kubelet import kill
from tests.cluster.manifests import RESTART, Json

pytestmark = pytest.mark.cluster
FAILS = [{"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 1}}]
EVICT: Json = manifests.step("evict", evictPods={})
POLICIES = (
    manifests.policy("evicted", FAILS, EVICT, RESTART),
    manifests.policy("held", FAILS, EVICT, RESTART),
    manifests.policy("asked", FAILS, EVICT, mode="Approve"),
    manifests.policy("watched", FAILS, EVICT, mode="Observe"),
)


@pytest.fixture(scope="module")
def playground(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A namespace with all policies."""
    with incidents.playground(control_plane, tmp_path_factory.mktemp("operator"), *POLICIES) as playground:
        yield playground


def admit(scene: Scene, name: str, replicas: int = 3) -> dict[str, str]:
    """A healthy Deployment of the policy of its name: its pods, uid by name."""
    scene.admit(name, name, replicas=replicas)
    scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    return uids(scene, name)


def uids(scene: Scene, name: str) -> dict[str, str]:
    """The pods that stay, uid by name."""
    pods = [pod["metadata"] for pod in scene.pods(name) if "deletionTimestamp" not in pod["metadata"]]
    return {pod["name"]: pod["uid"] for pod in pods}


def is_ready(pod: Json) -> bool:
    """Whether it runs, and its only container is ready."""
    return pod["status"]["phase"] == "Running" and all(one["ready"] for one in pod["status"]["containerStatuses"])


def evictions(scene: Scene, name: str) -> list[tuple[int, str]]:
    """What the operator has asked of the Eviction API for pods of a workload: status and uid, by the audit log."""
    events = [event for event in scene.plane.audit_events() if event.user == scene.operator]
    ours = [event for event in events if event.namespace == scene.namespace and event.subresource == "eviction"]
    return [
        (event.code, event.request["deleteOptions"]["preconditions"]["uid"])
        for event in ours
        if event.request is not None and event.name.startswith(f"{name}-")
    ]


def budget(scene: Scene, name: str, least: int) -> None:
    """A PodDisruptionBudget of the workload, once its controller has looked at it."""
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": name}}}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
    scene.apply(json.dumps(body))

    def is_known() -> bool:
        stored = json.loads(scene.kubectl("get", "pdb", name, "-o", "json"))
        status = stored.get("status", {})
        known = status.get("observedGeneration") == stored["metadata"]["generation"]
        return known and bool(status.get("desiredHealthy") == least)

    scene.until("the disruption controller", name, is_known)


def test_the_failing_pod_goes_once_and_all_others_stay(playground: Playground) -> None:
    scene, _ = playground
    before = admit(scene, "evicted")
    failing = min(before)
    kill(scene, "evicted", 1)
    healed = scene.until_state("evicted", "Closed", "Monitoring")
    (attempt,) = healed["status"]["attempts"]
    assert (attempt["action"], attempt["phase"], attempt["verdict"]) == ("evictPods", "Done", "Recovered")
    assert evictions(scene, "evicted") == [(201, before[failing])]
    after = uids(scene, "evicted")
    assert before.keys() - after.keys() == {failing}
    assert scene.effects("evicted") == []


def test_a_disruption_budget_is_waited_for(playground: Playground) -> None:
    """The API server's own word on the same pod: 429."""
    scene, _ = playground
    before = admit(scene, "held")
    failing = min(before)
    budget(scene, "held", 3)
    kill(scene, "held", 1)

    def is_held() -> bool:
        (remediation,) = scene.remediations("held") or [{"status": {}}]
        return bool(remediation["status"].get("reason") == "DisruptionBudget")

    scene.until("the budget's no", "held", is_held)
    (remediation,) = scene.remediations("held")
    assert "PodDisruptionBudget held needs 3 healthy pods and has 2" in remediation["status"]["message"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": failing}}
    path = f"/api/v1/namespaces/{scene.namespace}/pods/{failing}/eviction"
    with pytest.raises(cluster.KubectlFailed, match="disruption budget"):
        scene.kubectl("create", "--raw", path, "-f", "-", text=json.dumps(eviction))
    assert evictions(scene, "held") == []
    assert uids(scene, "held") == before
    budget(scene, "held", 2)
    scene.until_state("held", "Closed", "Monitoring")
    assert evictions(scene, "held") == [(201, before[failing])]
    assert scene.effects("held") == []


def test_what_is_over_is_removed_beside_it(playground: Playground) -> None:
    """A pod that the kubelet has evicted: its controller lets it lie."""
    scene, _ = playground
    before = admit(scene, "asked")
    left = max(before)
    status = {"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}}
    scene.kubectl("patch", "pod", left, "--subresource=status", "--type=merge", "-p", json.dumps(status))
    scene.until("the pod that replaces it", "asked", lambda: sum(map(is_ready, scene.pods("asked"))) == 3)
    failing = min(uids(scene, "asked").items())[1]
    kill(scene, "asked", 1)
    asked = scene.until_state("asked", "AwaitingApproval")
    assert asked["status"]["approval"]["summary"].endswith(f"and remove 1 that is over: {left}")
    assert evictions(scene, "asked") == []
    token = asked["status"]["approval"]["token"]
    marks = (f"platelet.dev/approve={token}", "platelet.dev/approved-by=admin")
    scene.kubectl("annotate", "rem", asked["metadata"]["name"], *marks)
    healed = scene.until_state("asked", "Closed", "Monitoring")
    assert healed["status"]["attempts"][0]["approvedBy"] == "admin"
    assert {uid for _, uid in evictions(scene, "asked")} == {failing, before[left]}
    assert left not in uids(scene, "asked")


def test_observe_says_which_it_would_evict(playground: Playground) -> None:
    scene, _ = playground
    before = admit(scene, "watched", 2)
    kill(scene, "watched", 1)

    def has_said() -> bool:
        messages = [remediation["status"].get("message", "") for remediation in scene.remediations("watched")]
        return f"would evict 1 of 1 failing pods: {min(before)}" in messages

    scene.until("what would be done", "watched", has_said)
    assert (evictions(scene, "watched"), uids(scene, "watched")) == ([], before)


REFUSED = {
    "no pod at all": ({"evictPods": {"maxPods": 0}}, "greater than or equal to 1"),
    "more than one attempt writes": ({"evictPods": {"maxPods": 5}}, "less than or equal to 4"),
    "evictions that are to be reverted": ({"evictPods": {}, "onFailure": "Revert"}, "evictPods cannot be reverted"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_makes_no_sense(playground: Playground, written: Json, fix: str) -> None:
    body = yaml.safe_load(manifests.runbook("nonsense", {"name": "nonsense", **written}))
    assert fix in playground[0].post("runbooks", json.dumps(body), expected=422)
