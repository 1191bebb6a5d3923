"""Each brake, through the real API: it is on record why nothing is done and until when, and nothing is done."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, installation, manifests, operating
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import CRASHES, GOOD, RESTART, UNDO, Json

pytestmark = pytest.mark.cluster
MORE = manifests.step("more", scale={"by": 1, "max": 9})
SICK = [manifests.fires("Sick")]
HOUR = timedelta(hours=1)
ONCE = {"maxActions": 1, "per": "1h"}
ALWAYS = {"schedule": "* * * * *", "duration": "1h", "timeZone": "Europe/Berlin"}
POLICIES = (
    manifests.policy("restart", SICK, RESTART),
    manifests.policy("more", SICK, MORE),
    manifests.policy("undo", [CRASHES], UNDO),
    manifests.policy("off", SICK, RESTART, suspended={"reason": "we move house"}),
    manifests.policy("window", SICK, RESTART, limits={"maintenanceWindows": [ALWAYS]}),
    manifests.policy("cooldown", SICK, RESTART, limits={"cooldown": "1h"}),
    manifests.policy("rate", SICK, RESTART, limits={"rate": ONCE}),
    manifests.policy("per-policy", SICK, RESTART, limits={"perPolicy": ONCE}),
    manifests.policy("one-by-one", SICK, RESTART, limits={"maxConcurrent": 1}),
    manifests.policy("few-sick", SICK, RESTART, limits={"maxUnhealthy": 1}),
)


@pytest.fixture(scope="module")
def shielded(control_plane: cluster.ControlPlane) -> Iterator[Scene]:
    """A namespace that the operator's settings name as protected."""
    with incidents.scene(control_plane) as scene:
        yield scene


@pytest.fixture(scope="module")
def operator(
    control_plane: cluster.ControlPlane, shielded: Scene, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """The operator of this file. Nothing wakes it when a namespace is resumed but its own resync."""
    settings = {"protectedNamespaces": [shielded.namespace], "resync": "2s"}
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator"), **settings) as operator:
        yield operator


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A namespace with all policies; each test has Deployments of its own."""
    with incidents.scene(control_plane) as scene:
        scene.use(*POLICIES)
        yield scene


@pytest.fixture
def fire(operator: OperatorProcess, scene: Scene) -> Callable[..., Json]:
    """Let the alert fire for one Deployment."""

    def send(target: str, namespace: str = "") -> Json:
        firing = manifests.alert("Sick", namespace or scene.namespace, deployment=target)
        manifests.send(operator.alerts_url, firing)
        return firing

    return send


def annotated(name: str, value: str | None) -> Json:
    return {"metadata": {"annotations": {name: value}}}


TRACKED = "argocd.argoproj.io/tracking-id"
PAUSED_BY_PEOPLE: Mapping[str, tuple[str, Json, str, str]] = {
    "rollouts are paused": ("restart", {"spec": {"paused": True}}, "Paused", "is paused (spec.paused)"),
    "the workload is suspended": ("restart", annotated("platelet.dev/suspend", "at work"), "Suspended", "at work"),
    "the policy is suspended": ("off", {}, "Suspended", "we move house"),
}


def test_what_people_have_stopped_waits_and_says_who_stopped_it(scene: Scene, fire: Callable[..., Json]) -> None:
    names = dict(zip(PAUSED_BY_PEOPLE, ("paused", "suspended", "policy-off"), strict=True))
    for row, name in names.items():
        policy, change, _, _ = PAUSED_BY_PEOPLE[row]
        scene.admit(policy, name)
        scene.patch(name, change)
        fire(name)
    for row, name in names.items():
        _, _, reason, words = PAUSED_BY_PEOPLE[row]
        waiting = scene.until_waiting(name, reason)
        assert words in waiting["message"], row
        assert "until" not in waiting, row  # until people say so
        assert scene.effects(name) == [], row


def test_inside_a_maintenance_window_nothing_acts_until_people_move_it(scene: Scene, fire: Callable[..., Json]) -> None:
    """A window that is always, then one in which the policy may always act."""
    scene.admit("window", "windowed")
    fire("windowed")
    assert "`* * * * *` for 1h (Europe/Berlin)" in scene.until_waiting("windowed", "MaintenanceWindow")["message"]
    assert scene.effects("windowed") == []
    scene.merge("rempol", "window", {"spec": {"limits": {"maintenanceWindows": [{**ALWAYS, "effect": "Allow"}]}}})
    scene.until_acted("windowed")


def test_a_suspended_namespace_waits_until_it_is_resumed(scene: Scene, fire: Callable[..., Json]) -> None:
    with incidents.scene(scene.plane) as other:
        other.use(manifests.policy("restart", SICK, RESTART))
        other.admit("restart", "web")
        scene.plane.kubectl("annotate", "namespace", other.namespace, "platelet.dev/suspend=night shift")
        fire("web", other.namespace)
        assert "night shift" in other.until_waiting("web", "Suspended")["message"]
        assert other.effects("web") == []
        scene.plane.kubectl("annotate", "namespace", other.namespace, "platelet.dev/suspend-")
        other.until_acted("web")


def test_the_kill_switch_names_its_reason_and_end_and_frees_everything_when_it_is_released(
    scene: Scene, fire: Callable[..., Json]
) -> None:
    scene.admit("restart", "switched-off")
    until = manifests.ago(-3600)[:19] + "Z"
    suspend(scene, {"reason": "release freeze", "until": until})
    try:
        fire("switched-off")
        waiting = scene.until_waiting("switched-off", "Suspended")
        assert "release freeze" in waiting["message"]
        assert waiting["until"] == until
        assert scene.effects("switched-off") == []
    finally:
        suspend(scene, None)
    scene.until_acted("switched-off")


def suspend(scene: Scene, suspended: Json | None) -> None:
    scene.merge("budget", "platelet", {"spec": {"suspended": suspended}}, namespace=installation.NAMESPACE)


def test_what_git_owns_goes_to_people_and_a_helm_label_owns_nothing(scene: Scene, fire: Callable[..., Json]) -> None:
    scene.admit("more", "argo", "copied", "helm")
    itself = f"shop:apps/Deployment:{scene.namespace}/argo"
    scene.patch("argo", annotated(TRACKED, itself))
    scene.patch("copied", annotated(TRACKED, itself))  # of another object: a copy
    scene.patch("helm", {"metadata": {"labels": {"app.kubernetes.io/instance": "shop"}}})
    for name in ("argo", "copied", "helm"):
        fire(name)
    remediation = scene.until_state("argo", "Escalated")
    assert incidents.condition(remediation, "Escalated") == ("True", "GitOpsManaged")
    assert "Argo CD application shop" in remediation["status"]["message"]
    for name in ("copied", "helm"):
        scene.until_acted(name)
    assert scene.effects("argo") == []


@pytest.fixture(params=["set", "kube-system", installation.NAMESPACE])
def protected(request: pytest.FixtureRequest, shielded: Scene) -> Iterator[Scene]:
    """A namespace that the settings protect, or one that always is."""
    if request.param == "set":
        yield shielded
        return
    with incidents.scene(shielded.plane, request.param) as scene:
        yield scene
        scene.kubectl("delete", "deployment,rem", "--all")


def test_nothing_is_done_in_a_protected_namespace(protected: Scene, fire: Callable[..., Json]) -> None:
    """Whatever a policy of the operator's namespace selects; people are called."""
    label = {"platelet.test/protected": protected.namespace}
    protected.plane.kubectl("label", "namespace", protected.namespace, *(f"{k}={v}" for k, v in label.items()))
    shielded = manifests.policy("shielded", SICK, RESTART, namespaceSelector={"matchLabels": label})
    with incidents.scene(protected.plane, installation.NAMESPACE) as home:
        home.use(shielded)
        protected.admit("shielded", "web")
        fire("web", protected.namespace)
        remediation = protected.until_state("web", "Escalated")
        assert incidents.condition(remediation, "Escalated") == ("True", "ProtectedNamespace")
        assert protected.effects("web") == []


def test_a_policy_of_a_protected_namespace_says_so_at_once(protected: Scene) -> None:
    """It could never act: not Ready, with what to do."""
    protected.apply(manifests.policy("in-vain", SICK, RESTART))
    wait = "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=ProtectedNamespace"
    protected.kubectl("wait", "rempol/in-vain", wait, "--timeout=30s")
    protected.kubectl("delete", "rempol/in-vain", "rbk/in-vain")


def heal_once(scene: Scene, fire: Callable[..., Json], operator: OperatorProcess, name: str) -> datetime:
    """Let an incident be healed and closed; the time of its attempt's outcome."""
    firing = fire(name)
    scene.until_verifying(name)
    manifests.send(operator.alerts_url, manifests.resolved(firing))
    closed = scene.until_state(name, "Closed")
    return datetime.fromisoformat(closed["status"]["attempts"][0]["outcomeAt"])


@pytest.mark.parametrize(("policy", "reason"), [("cooldown", "Cooldown"), ("rate", "TargetRateLimited")])
def test_a_limit_of_one_per_hour_for_a_target_holds_over_remediations(
    scene: Scene, fire: Callable[..., Json], operator: OperatorProcess, policy: str, reason: str
) -> None:
    """Not even deleting the record of the first frees a place."""
    scene.admit(policy, policy)
    acted_at = heal_once(scene, fire, operator, policy)
    scene.kubectl("delete", "rem", f"deployment-{policy}-1")
    fire(policy)
    waiting = scene.until_waiting(policy, reason)
    assert abs(datetime.fromisoformat(waiting["until"]) - acted_at - HOUR) < timedelta(seconds=2)
    assert len(scene.effects(policy)) == 1


def test_a_limit_for_the_policy_counts_all_its_targets(
    scene: Scene, fire: Callable[..., Json], operator: OperatorProcess
) -> None:
    scene.admit("per-policy", "first", "second")
    acted_at = heal_once(scene, fire, operator, "first")
    fire("second")
    waiting = scene.until_waiting("second", "PolicyRateLimited")
    assert abs(datetime.fromisoformat(waiting["until"]) - acted_at - HOUR) < timedelta(seconds=2)
    assert scene.effects("second") == []


def test_one_at_a_time_means_until_the_first_is_verified(
    scene: Scene, fire: Callable[..., Json], operator: OperatorProcess
) -> None:
    scene.admit("one-by-one", "early", "late")
    firing = fire("early")
    scene.until_verifying("early")
    fire("late")
    assert "early" in scene.until_waiting("late", "TooManyConcurrent")["message"]
    assert scene.effects("late") == []
    manifests.send(operator.alerts_url, manifests.resolved(firing))
    scene.until_acted("late")


def test_when_too_much_is_sick_at_once_nothing_is_done(scene: Scene, fire: Callable[..., Json]) -> None:
    """A Deployment of the scope that has no alert, but no available pod either, counts as sick."""
    scene.admit("few-sick", "down", image="app:unready-1")
    scene.admit("few-sick", "up")
    scene.kubectl("wait", "deployment/down", "--for=condition=Available=False", "--timeout=30s")
    fire("up")
    assert "2 of 2 targets are sick" in scene.until_waiting("up", "TooManyUnhealthy")["message"]
    assert scene.effects("up") == []


def test_a_rollout_under_way_is_not_disturbed_by_a_restart(scene: Scene, fire: Callable[..., Json]) -> None:
    scene.admit("restart", "rolling", replicas=2)
    scene.kubectl("rollout", "status", "deployment/rolling", "--timeout=30s")
    scene.release("rolling", "app:pullfail-2")
    fire("rolling")
    scene.until_waiting("rolling", "RolloutInProgress")
    assert scene.effects("rolling") == []


def test_what_people_mend_while_it_waits_has_resolved_by_itself(scene: Scene) -> None:
    scene.admit("undo", "mended")
    scene.until_proven("mended")
    scene.patch("mended", annotated("platelet.dev/suspend", "true"))
    scene.release("mended", "app:crash-2")
    scene.until_waiting("mended", "Suspended")
    scene.release("mended", GOOD)
    remediation = scene.until_state("mended", "Closed")
    assert remediation["status"]["reason"] == "ResolvedByItself"
    assert scene.effects("mended") == []
