"""Seed 003, the pack architect-api: its situations run in the runbook's own order, with a sixtieth of the times."""

import pytest

from tests.cluster import cron_jobs, incidents, manifests
from tests.cluster.app import Load
from tests.cluster.listening import Publishers
from tests.cluster.stage import Ending, Interrupt, PutOn

pytestmark = pytest.mark.cluster


def test_p1_restarts_then_rolls_back_then_scales_to_15(put_on: PutOn) -> None:
    """Each step is tried only when /health and the error rate have shown that the one before did not help."""
    stage = put_on("architect-api", faster=20)  # so that what the last step mends is seen in time
    stage.deploy("architect-api")
    stage.app.well = False
    stage.scene.release("architect-api", "app:good-2")
    alert = stage.fire("ArchitectAPIDown", severity="critical")
    stage.scene.until_acted("architect-api")
    stage.app.bear(Load(errors=1.0))  # now, since this alone would be P2, and may be known before an alert
    stage.scene.until("the third step", "architect-api", lambda: stage.scene.replicas("architect-api") == 15, 120)
    stage.app.well = True
    stage.app.bear(Load())
    stage.resolve(alert)
    ended = stage.until_over("architect-api")
    assert incidents.acts(ended) == ["rolloutRestart", "rolloutUndo", "scale"]
    assert stage.scene.image("architect-api") == manifests.GOOD
    assert len(stage.scene.effects("architect-api")) == 3


def test_p2_looks_at_the_dependencies_first_and_then_scales_to_20(put_on: PutOn) -> None:
    stage = put_on("architect-api", faster=30)  # so that they are up again in time
    stage.deploy("architect-api")
    stage.app.down.add("postgres")
    stage.app.bear(Load(errors=0.02))
    stage.scene.until_waiting("architect-api", "Waits")
    assert stage.scene.effects("architect-api") == []
    stage.app.down.clear()
    stage.scene.until("more replicas", "architect-api", lambda: stage.scene.replicas("architect-api") == 20)
    stage.app.bear(Load())
    ended = stage.until_over("architect-api")
    assert incidents.acts(ended) == ["scale"]
    stage.scene.until("the replicas from before", "architect-api", lambda: stage.scene.replicas("architect-api") == 2)


def test_p2_a_dependency_that_stays_down_is_for_people(put_on: PutOn) -> None:
    stage = put_on("architect-api")
    stage.deploy("architect-api")
    stage.app.down.add("postgres")
    stage.app.bear(Load(errors=0.02))
    escalated = stage.scene.until_state("architect-api", "Escalated", seconds=90)
    assert incidents.condition(escalated, "Escalated")[1] == "WaitedInVain"
    assert stage.scene.effects("architect-api") == []


def test_data_loss_stops_all_changes_once_a_person_approves(put_on: PutOn) -> None:
    """When the data is sound a person asks for the replicas from before, which wait for the cooldown."""
    stage = put_on("architect-api")
    stage.deploy("architect-api", replicas=10)
    stage.fire("DataLoss")
    stage.approve("architect-api")
    stage.scene.until("no pods", "architect-api", lambda: stage.scene.replicas("architect-api") == 0)
    stage.scene.until_state("architect-api", "Escalated", seconds=90)
    stage.run("back-to-work", "deployment/architect-api")
    stage.scene.until_waiting("architect-api", "Cooldown")


SLOW = {"LatencyP95": Load(seconds=2), "CPU": Load(cpu=2)}


@pytest.mark.parametrize(("trigger", "load"), SLOW.items(), ids=SLOW)
def test_p3_what_is_slow_gets_five_pods_more_until_it_is_over(put_on: PutOn, trigger: str, load: Load) -> None:
    stage = put_on("architect-api")
    stage.deploy("architect-api")
    stage.app.bear(load)
    stage.scene.until("more replicas", "architect-api", lambda: stage.scene.replicas("architect-api") == 7, 90)
    assert stage.shown("architect-api") == {trigger}
    stage.app.bear(Load())
    stage.scene.until("those from before", "architect-api", lambda: stage.scene.replicas("architect-api") == 2, 90)


def test_pods_that_crash_go_back_to_the_release_before(put_on: PutOn) -> None:
    stage = put_on("architect-api")
    stage.deploy("architect-api")
    stage.scene.release("architect-api", "app:crash")
    ended = stage.until_over("architect-api")
    assert (incidents.acts(ended), stage.scene.image("architect-api")) == (["rolloutUndo"], manifests.GOOD)


def test_an_image_that_was_never_there_is_for_people(put_on: PutOn) -> None:
    """No release is known that ran well: nothing to go back to."""
    stage = put_on("architect-api")
    stage.deploy("architect-api", image="app:pullfail-1")
    escalated = stage.scene.until_state("architect-api", "Escalated", seconds=90)
    assert {fact["reason"] for fact in escalated["status"]["evidence"]} <= {"ImagePullBackOff", "ErrImagePull"}
    assert stage.scene.effects("architect-api") == []


def test_memory_that_grows_is_restarted(put_on: PutOn) -> None:
    stage = put_on("architect-api")
    stage.deploy("architect-api")
    stage.app.bear(Load(leak=200_000))
    stage.scene.until_acted("architect-api")
    stage.app.bear(Load())
    assert incidents.acts(stage.until_over("architect-api")) == ["rolloutRestart"]


def test_idle_connections_are_ended_by_a_job(put_on: PutOn) -> None:
    stage = put_on("architect-api")
    stage.scene.apply(cron_jobs.suspended("end-idle-connections"))
    stage.deploy("architect-api", proven=False)
    alert = stage.fire("DatabaseConnectionsExhausted")
    stage.finish_job("architect-api")
    stage.resolve(alert)
    assert incidents.acts(stage.until_over("architect-api")) == ["job"]


def test_connections_that_a_job_cannot_end_are_for_people_level_by_level(
    put_on: PutOn, publishers: Publishers, interrupt: Interrupt
) -> None:
    stage = put_on("architect-api", publishers=publishers)
    stage.scene.apply(cron_jobs.suspended("end-idle-connections"))
    stage.deploy("architect-api", proven=False)
    stage.fire("DatabaseConnectionsExhausted", severity="critical")
    interrupt(stage, "architect-api")
    stage.finish_job("architect-api", "Failed")
    stage.scene.until_state("architect-api", "Escalated")
    stage.scene.until("the second level", "architect-api", lambda: "lead" in stage.paged())
    assert stage.ending("architect-api") == Ending(
        state="Escalated",
        attempts=[("job", "Done", "Failed")],
        writes=["create jobs", "patch deployments"],  # the mark that people have it
        told={(1, who, "Acted") for who in ("oncall", "lead", "director")}
        | {(1, who, "Escalated") for who in ("annotation", "oncall", "incidents")}
        | {(2, "lead", "Escalated")},
    )
    assert stage.paged() == {"oncall", "lead"}


def test_a_complete_failure_fails_over_with_approval_and_then_restarts(put_on: PutOn) -> None:
    stage = put_on("architect-api")
    stage.scene.apply(cron_jobs.suspended("failover-to-backup-region"))
    stage.deploy("architect-api")
    alert = stage.fire("ProductionDown")
    stage.approve("architect-api")
    stage.finish_job("architect-api")
    stage.scene.until("the restart", "architect-api", lambda: bool(stage.scene.effects("architect-api")), 120)
    stage.resolve(alert)
    assert incidents.acts(stage.until_over("architect-api")) == ["job", "rolloutRestart"]


def test_an_attack_is_answered_by_a_rate_limit_for_as_long_as_it_lasts(put_on: PutOn) -> None:
    stage = put_on("architect-api")
    stage.deploy("architect-api")
    alert = stage.fire("DDoS")
    limited = [{"name": "RATE_LIMIT", "value": "100"}]
    stage.scene.until("the limit", "architect-api", lambda: stage.container("architect-api").get("env") == limited)
    stage.resolve(alert)
    stage.scene.until("no limit", "architect-api", lambda: "env" not in stage.container("architect-api"), 90)
