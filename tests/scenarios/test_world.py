"""The mini controllers behave as measured on the real ones (TRAPS 1, 2, 39, 40, 42, 47)."""

from datetime import timedelta

import pytest

from platelet.shell import kube
from platelet.shell.kube import Json
from tests.scenarios.world import SHOP, World

MINUTE = timedelta(minutes=1)
REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture
def world() -> World:
    world = World()
    world.deploy("api", "app:good-1")
    world.advance(MINUTE)
    return world


def condition(world: World, kind: str) -> tuple[str, str]:
    conditions = [entry for entry in world.deployment("api")["status"]["conditions"] if entry["type"] == kind]
    return conditions[0]["status"], conditions[0]["reason"]


def replica_sets(world: World) -> list[Json]:
    """Newest revision first."""
    stored = world.store.find(kube.REPLICA_SETS, SHOP)
    return sorted(stored, key=lambda replica_set: int(replica_set["metadata"]["annotations"][REVISION]), reverse=True)


def revisions(world: World) -> list[tuple[str, str]]:
    """(revision, image), newest first."""
    return [
        (
            replica_set["metadata"]["annotations"][REVISION],
            replica_set["spec"]["template"]["spec"]["containers"][0]["image"],
        )
        for replica_set in replica_sets(world)
    ]


def undo_as_kubectl_does(world: World) -> None:
    """Back to the template with the second highest revision."""
    template = replica_sets(world)[1]["spec"]["template"]
    del template["metadata"]["labels"]["pod-template-hash"]
    operation = {"op": "replace", "path": "/spec/template", "value": template}
    world.store.patch(kube.DEPLOYMENTS, SHOP, "api", [operation])
    world.step()


def test_a_good_deployment_becomes_complete_and_available(world: World) -> None:
    status = world.deployment("api")["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (2, 2, 2)
    assert condition(world, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert condition(world, "Available") == ("True", "MinimumReplicasAvailable")
    assert status["observedGeneration"] == world.deployment("api")["metadata"]["generation"] == 1


def test_undo_twice_brings_the_fault_back(world: World) -> None:
    """TRAPS 1: the old ReplicaSet gets the highest number."""
    world.release("api", "app:crash")
    world.advance(MINUTE)
    undo_as_kubectl_does(world)
    world.advance(MINUTE)
    assert revisions(world) == [("3", "app:good-1"), ("2", "app:crash")]
    undo_as_kubectl_does(world)
    assert world.image("api") == "app:crash"


def test_undo_after_a_restart_brings_the_same_image_back(world: World) -> None:
    """TRAPS 2: a restart is a revision of its own."""
    world.release("api", "app:crash")
    world.advance(MINUTE)
    world.rollout_restart("api")
    world.advance(MINUTE)
    undo_as_kubectl_does(world)
    assert world.image("api") == "app:crash"


def test_a_crash_loop_without_readiness_completes_its_rollout(world: World) -> None:
    """TRAPS 39: the old ReplicaSet goes to 0 and Progressing stays True, with nothing available."""
    world.release("api", "app:crash")
    world.advance(5 * MINUTE)
    status = world.deployment("api")["status"]
    assert condition(world, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert condition(world, "Available") == ("False", "MinimumReplicasUnavailable")
    assert "availableReplicas" not in status
    assert [replica_set["spec"]["replicas"] for replica_set in replica_sets(world)] == [2, 0]


@pytest.mark.parametrize("image", ["app:crash-unready", "app:pullfail", "app:unready", "app:configerror"])
def test_a_release_that_never_gets_ready_leaves_the_old_pods_in_place(world: World, image: str) -> None:
    world.release("api", image)
    world.advance(5 * MINUTE)
    assert [replica_set["spec"]["replicas"] for replica_set in replica_sets(world)] == [1, 2]
    assert world.deployment("api")["status"]["availableReplicas"] == 2
    assert condition(world, "Progressing") == ("True", "ReplicaSetUpdated")
    world.advance(6 * MINUTE)
    assert condition(world, "Progressing") == ("False", "ProgressDeadlineExceeded")


def test_a_crash_loop_goes_through_all_states_with_a_growing_count(world: World) -> None:
    """TRAPS 40: most of a back-off it is terminated, for a moment waiting or running."""
    world.release("api", "app:oom")
    states, counts, reasons = set(), [], set()
    for _ in range(300):
        world.advance(timedelta(seconds=1))
        container = next(pod for pod in world.pods("api"))["status"]["containerStatuses"][0]
        states |= set(container["state"])
        counts.append(container["restartCount"])
        reasons.add(container["lastState"].get("terminated", {}).get("reason"))
    assert states == {"running", "waiting", "terminated"}
    assert counts == sorted(counts)
    assert counts[-1] == 4
    assert reasons == {None, "OOMKilled"}


def test_a_flaky_release_is_well_until_it_exits() -> None:
    world = World()
    world.deploy("api", "app:flaky-90s")
    world.advance(timedelta(seconds=89))
    assert world.deployment("api")["status"]["availableReplicas"] == 2
    world.advance(timedelta(seconds=3))
    assert "availableReplicas" not in world.deployment("api")["status"]


def test_a_restart_cures_pods_that_were_struck_by_a_fault(world: World) -> None:
    world.sicken_pods("api", "crash")
    world.advance(2 * MINUTE)
    assert "availableReplicas" not in world.deployment("api")["status"]
    world.rollout_restart("api")
    world.advance(MINUTE)
    assert world.deployment("api")["status"]["availableReplicas"] == 2


def test_a_scale_changes_the_pods_and_no_template(world: World) -> None:
    world.scale("api", 5)
    world.advance(MINUTE)
    assert (len(world.pods("api")), len(replica_sets(world))) == (5, 1)
    world.scale("api", 0)
    world.advance(MINUTE)
    assert world.pods("api") == []


def test_an_annotation_moves_the_generation_and_is_copied_to_the_newest_replica_set(world: World) -> None:
    """TRAPS 42 and 47."""
    before = world.deployment("api")["metadata"]["generation"]
    world.annotate("api", {"platelet.dev/escalated": "yes"})
    assert world.deployment("api")["metadata"]["generation"] == before + 1
    world.annotate("api", {"platelet.dev/escalated": None})
    assert replica_sets(world)[0]["metadata"]["annotations"]["platelet.dev/escalated"] == "yes"


def test_a_deleted_deployment_takes_its_replica_sets_and_pods_along(world: World) -> None:
    world.delete("api")
    world.advance(MINUTE)
    assert world.store.find(kube.REPLICA_SETS, SHOP) == world.store.find(kube.PODS, SHOP) == []


def test_a_new_rollout_during_a_scale_up_keeps_all_replicas(world: World) -> None:
    world.scale("api", 6)
    world.advance(MINUTE)
    world.release("api", "app:good-2")
    world.advance(MINUTE)
    assert [replica_set["spec"]["replicas"] for replica_set in replica_sets(world)] == [6, 0]
    assert condition(world, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_scale_down_of_an_unfinished_rollout_ends_with_the_wanted_number(world: World) -> None:
    world.scale("api", 6)
    world.advance(MINUTE)
    world.release("api", "app:unready")
    world.advance(MINUTE)
    world.scale("api", 2)
    world.advance(MINUTE)
    assert world.deployment("api")["status"]["availableReplicas"] >= 2
    assert sum(replica_set["spec"]["replicas"] for replica_set in replica_sets(world)) <= 3
