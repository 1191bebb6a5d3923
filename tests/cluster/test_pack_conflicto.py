"""Seed 001, the pack conflicto: its situations run in the runbook's own order, with a sixtieth of the times."""

import pytest

from tests.cluster import cron_jobs, incidents, kubelet, manifests
from tests.cluster.app import Load
from tests.cluster.listening import Publishers
from tests.cluster.stage import Ending, Interrupt, PutOn

pytestmark = pytest.mark.cluster


def test_production_down_is_confirmed_approved_and_rolled_back(put_on: PutOn, publishers: Publishers) -> None:
    """The page is held from the rollback on, and not while it is only asked for."""
    stage = put_on("conflicto", publishers=publishers)
    stage.deploy("conflicto")
    stage.app.well = False
    stage.scene.release("conflicto", "app:good-2")
    alert = stage.fire("ConflictoDown")
    stage.scene.until_state("conflicto", "AwaitingApproval", seconds=90)
    assert stage.posted() == set()
    stage.approve("conflicto")
    stage.scene.until_acted("conflicto")
    stage.app.well = True
    stage.resolve(alert)
    ended = stage.until_over("conflicto")
    assert (incidents.acts(ended), stage.scene.image("conflicto")) == (["rolloutUndo"], manifests.GOOD)
    stage.scene.until("the page to be held", "conflicto", lambda: stage.posted() == {"PlateletHealing"})


def test_a_stuck_rollout_goes_back_to_the_known_good_template(put_on: PutOn) -> None:
    stage = put_on("conflicto")
    stage.deploy("conflicto")
    stage.scene.patch("conflicto", {"spec": {"progressDeadlineSeconds": 5}})
    stage.scene.release("conflicto", "app:pullfail-1")
    stage.approve("conflicto")
    ended = stage.until_over("conflicto")
    assert (incidents.acts(ended), stage.scene.image("conflicto")) == (["rolloutUndo"], manifests.GOOD)


def test_a_pod_that_fails_on_after_the_rollback_is_evicted_with_approval(put_on: PutOn) -> None:
    """What it fails of is mended by then, so that the one in its place is well. Each step asks.

    One pod of the good release is made anew by the rollback, and fails before it counts as available.
    """
    stage = put_on("conflicto")
    long_enough = {"timeout": "25s", "stableFor": "1s"}  # for the rollback's own rollout to be stuck
    steps = [{**step, "verify": long_enough} for step in stage.steps("stuck-rollout")]
    stage.scene.merge("runbook", "stuck-rollout", {"spec": {"steps": steps}})
    stage.deploy("conflicto")
    strategy = {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    stage.scene.patch(
        "conflicto", {"spec": {"minReadySeconds": 10, "progressDeadlineSeconds": 15, "strategy": strategy}}
    )
    before = {pod["metadata"]["name"] for pod in stage.scene.pods("conflicto")}
    stage.scene.release("conflicto", "app:pullfail-1")
    stage.approve("conflicto")

    def made_anew() -> list[str]:
        pods = [pod for pod in stage.scene.pods("conflicto") if pod["metadata"]["name"] not in before]
        good = [pod for pod in pods if pod["spec"]["containers"][0]["image"] == manifests.GOOD]
        return [pod["metadata"]["name"] for pod in good if pod["status"]["phase"] == "Running"]

    (failing,) = stage.scene.until("the pod made anew", "conflicto", made_anew)
    kubelet.kill_pod(stage.scene, failing)
    stage.approve("conflicto", "rolloutUndo")
    assert incidents.acts(stage.until_over("conflicto")) == ["rolloutUndo", "evictPods"]
    assert failing not in [pod["metadata"]["name"] for pod in stage.scene.pods("conflicto")]
    assert stage.scene.image("conflicto") == manifests.GOOD


BREACHES = {"ErrorRate": Load(errors=0.5), "ResponseTime": Load(seconds=9)}


@pytest.mark.parametrize(("trigger", "load"), BREACHES.items(), ids=BREACHES)
def test_a_breach_after_a_release_is_rolled_back_with_approval(put_on: PutOn, trigger: str, load: Load) -> None:
    stage = put_on("conflicto")
    stage.deploy("conflicto")
    stage.scene.release("conflicto", "app:good-2")
    stage.app.bear(load)
    stage.approve("conflicto")
    stage.scene.until_acted("conflicto")
    assert stage.shown("conflicto") == {trigger}
    stage.app.bear(Load())
    ended = stage.until_over("conflicto")
    assert (incidents.acts(ended), stage.scene.image("conflicto")) == (["rolloutUndo"], manifests.GOOD)


def test_a_cpu_that_is_used_up_gets_two_pods_more_with_approval(put_on: PutOn) -> None:
    stage = put_on("conflicto")
    stage.deploy("conflicto")
    stage.app.bear(Load(cpu=0.9))
    stage.approve("conflicto")
    stage.scene.until("more replicas", "conflicto", lambda: stage.scene.replicas("conflicto") == 4)
    stage.app.bear(Load())
    stage.scene.until("the replicas from before", "conflicto", lambda: stage.scene.replicas("conflicto") == 2, 90)


def test_connections_that_time_out_are_restarted_with_approval(put_on: PutOn) -> None:
    stage = put_on("conflicto")
    stage.deploy("conflicto")
    alert = stage.fire("DatabaseConnectionTimeouts")
    stage.approve("conflicto")
    stage.scene.until_acted("conflicto")
    stage.resolve(alert)
    assert incidents.acts(stage.until_over("conflicto")) == ["rolloutRestart"]


def test_corrupted_data_stops_all_writes_with_approval_and_people_have_it(put_on: PutOn) -> None:
    stage = put_on("conflicto")
    stage.deploy("conflicto", replicas=3)
    stage.fire("DataCorruption")
    stage.approve("conflicto")
    stage.scene.until("no pods", "conflicto", lambda: stage.scene.replicas("conflicto") == 0)
    stage.scene.until_state("conflicto", "Escalated", seconds=90)


def test_a_stuck_migration_is_retried_with_approval(put_on: PutOn) -> None:
    stage = put_on("conflicto")
    stage.scene.apply(cron_jobs.suspended("retry-migration"))
    stage.deploy("conflicto", proven=False)
    alert = stage.fire("MigrationStuck")
    stage.approve("conflicto")
    stage.finish_job("conflicto")
    stage.resolve(alert)
    assert incidents.acts(stage.until_over("conflicto")) == ["job"]


def test_a_migration_that_fails_again_is_for_people(
    put_on: PutOn, publishers: Publishers, interrupt: Interrupt
) -> None:
    stage = put_on("conflicto", publishers=publishers)
    stage.scene.apply(cron_jobs.suspended("retry-migration"))
    stage.deploy("conflicto", proven=False)
    stage.fire("MigrationStuck")
    stage.approve("conflicto")
    interrupt(stage, "conflicto")
    stage.finish_job("conflicto", "Failed")
    stage.scene.until_state("conflicto", "Escalated", seconds=90)
    assert stage.ending("conflicto") == Ending(
        state="Escalated",
        attempts=[("job", "Done", "Failed")],
        writes=["create jobs", "patch deployments"],  # the mark that people have it
        told={(1, who, "Acted") for who in ("owner", "techlead", "management")}
        | {(1, "owner", kind) for kind in ("ApprovalNeeded", "Answered", "Escalated")}
        | {(1, "annotation", "Escalated")},
    )
    assert stage.paged() == {"owner"}
