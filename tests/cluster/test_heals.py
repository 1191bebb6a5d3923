"""Bad releases are undone on a real cluster: back to what was healthy, never to what is known to be bad."""

from collections.abc import Iterator

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests, operating
from tests.cluster.incidents import Scene
from tests.cluster.manifests import CRASHES, GOOD, UNDO, Json

pytestmark = pytest.mark.cluster
SICK = {  # by what its pods do: the image, and the reason that is on record
    "crash": ("app:crash-2", "CrashLoopBackOff"),
    "crash-unready": ("app:crash-unready-2", "CrashLoopBackOff"),
    "oom": ("app:oom-2", "CrashLoopBackOff"),  # a loop is a loop whatever ended it
    "pullfail": ("app:pullfail-2", "ImagePullBackOff"),
    "configerror": ("app:configerror-2", "CreateContainerConfigError"),
    "unready": ("app:unready-2", "Unready"),
}
REASONS = ["CrashLoopBackOff", "OOMKilled", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"]
POLICIES = (
    manifests.policy(
        "any",
        [{"pod": {"reasons": REASONS, "minRestarts": 1}}, {"pod": {"reasons": ["Unready"], "for": "9s"}}],
        UNDO,
    ),
    manifests.policy("oom", [{"pod": {"reasons": ["OOMKilled"], "minRestarts": 1}}], UNDO),
    manifests.policy("crash", [CRASHES], UNDO),
    manifests.policy("previous", [CRASHES], manifests.step("undo", rolloutUndo={"to": "Previous"})),
)
PROVEN = {
    "any": (*SICK, "slow"),
    "oom": ("killed", "not-killed"),
    "crash": ("restarted", "at-once", "one-by-one"),
    "previous": ("bad-again",),
}


@pytest.fixture(scope="module")
def operator(control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The operator of this file."""
    with operating.one_leader(control_plane, tmp_path_factory.mktemp("operator")):
        yield


@pytest.fixture(scope="module")
def scene(control_plane: cluster.ControlPlane, operator: None) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A namespace in which all of PROVEN have been seen healthy; each test has its own of them."""
    with incidents.scene(control_plane) as scene:
        scene.use(*POLICIES)
        for policy, names in PROVEN.items():
            scene.admit(policy, *names, replicas=2)
        scene.until_proven(*(name for names in PROVEN.values() for name in names))
        yield scene


def assert_undone(scene: Scene, name: str, times: int = 1) -> None:
    """Each bad release was undone by one write with its attempt's id on it; the last one left the good template."""

    def acted() -> list[Json]:
        return [remediation for remediation in scene.remediations(name) if incidents.acts(remediation)]

    def over() -> list[Json]:
        remediations = acted()
        ended = len(remediations) >= times and all(
            remediation["status"]["state"] in ("Closed", "Escalated") for remediation in remediations
        )
        return remediations if ended else []

    healed = scene.until(f"{name} to be healed", name, over)
    assert [remediation["status"]["reason"] for remediation in healed] == ["Recovered"] * times
    assert incidents.condition(healed[-1], "Recovered") == ("True", "Recovered")
    assert scene.image(name) == GOOD
    attempts = [attempt["id"] for remediation in healed for attempt in remediation["status"]["attempts"]]
    assert attempts == [f"{remediation['metadata']['uid']}/0/1" for remediation in healed]
    assert [incidents.attempt_of(effect) for effect in scene.effects(name)] == attempts


def assert_what_changed_is_on_record(scene: Scene, name: str, image: str) -> None:
    """As it was before the undo, and by whom it was released."""
    change = scene.remediations(name)[0]["status"]["recentChange"]
    differences = [words.split(" image ")[1] for words in change["differences"]]
    assert differences == [f"{GOOD} -> {image.removeprefix('app:')}"]
    assert {"healthyAt", "releasedAt", "releasedBy", "healthyTemplate"} <= set(change)


def test_each_kind_of_release_that_cannot_work_is_undone_and_a_slow_one_is_left_alone(scene: Scene) -> None:
    """Most of them never complete their rollout: then the rollout is the fault, and undone too."""
    scene.release("slow", "app:slow-2")  # gets ready after 5 s
    for name, (image, _) in SICK.items():
        scene.release(name, image)
    for name, (image, reason) in SICK.items():
        assert_undone(scene, name)
        assert scene.remediations(name)[0]["spec"]["signal"]["reason"] == reason
        assert_what_changed_is_on_record(scene, name, image)
    assert scene.image("slow") == "app:slow-2"
    assert scene.remediations("slow") == []


def test_running_out_of_memory_is_a_trigger_of_its_own(scene: Scene) -> None:
    scene.release("not-killed", "app:crash-2")
    scene.release("killed", "app:oom-2")
    assert_undone(scene, "killed")
    assert scene.remediations("killed")[0]["spec"]["signal"]["reason"] == "OOMKilled"
    assert scene.remediations("not-killed") == []


def test_a_restart_after_the_bad_release_does_not_make_it_the_last_good_one(scene: Scene) -> None:
    """TRAPS 2: the restart is a revision of its own, so the one before it is the same bad image."""
    scene.release("restarted", "app:crash-2")
    scene.kubectl("rollout", "restart", "deployment/restarted")
    assert_undone(scene, "restarted")


def test_of_two_bad_releases_in_a_row_neither_is_gone_back_to(scene: Scene) -> None:
    """Whether or not the first was seen to be sick before the second came."""
    for name in ("at-once", "one-by-one"):
        scene.release(name, "app:crash-2")
    scene.release("at-once", "app:crash-3")
    scene.patch("one-by-one", {"metadata": {"annotations": {"platelet.dev/suspend": "they deploy"}}})
    scene.until_waiting("one-by-one", "Suspended")
    scene.release("one-by-one", "app:crash-3")
    scene.patch("one-by-one", {"metadata": {"annotations": {"platelet.dev/suspend": None}}})
    assert_undone(scene, "at-once")
    assert_undone(scene, "one-by-one")


def test_a_workload_that_was_never_healthy_goes_to_people_not_to_another_bad_template(scene: Scene) -> None:
    scene.admit("crash", "never-well", image="app:crash-1")
    scene.until("the first incident", "never-well", lambda: scene.remediations("never-well"))
    scene.release("never-well", "app:crash-2")
    remediation = scene.until_state("never-well", "Escalated")
    assert "NoHealthyRevision" in incidents.story(remediation)
    assert incidents.condition(remediation, "Escalated") == ("True", "NoStepLeft")
    assert scene.effects("never-well") == []
    assert scene.image("never-well") == "app:crash-2"


def test_a_later_bad_release_never_leads_back_to_a_known_bad_template(scene: Scene) -> None:
    """TRAPS 1: `Previous` by number is the template that an undo has just left, and that people released again."""
    scene.release("bad-again", "app:crash-2")
    assert_undone(scene, "bad-again")
    scene.release("bad-again", "app:crash-2")
    scene.release("bad-again", "app:crash-3")
    assert_undone(scene, "bad-again", times=2)
