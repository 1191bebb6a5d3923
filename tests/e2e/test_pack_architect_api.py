"""Seed 003, the pack architect-api, with real containers: what they do decides."""

from tests.cluster import incidents
from tests.cluster.stage import Ending
from tests.e2e import apps
from tests.e2e.theatre import PAGED, SAID, PutOn


def test_p1_nothing_helps_and_people_are_called_level_by_level_until_it_is_over(put_on: PutOn) -> None:
    """Restart, undo, 15 pods, while the database is gone; then on-call, the lead, the director, the outage notice."""
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.stand("database")
    stage.open()
    stage.invite()
    stage.release(apps.GOOD_2)
    stage.scene.kubectl("rollout", "status", "deployment/architect-api", "--timeout=60s")
    stage.scene.kubectl("delete", "deployment", "database")
    escalated = stage.scene.until_state("architect-api", "Escalated", seconds=180)
    assert incidents.acts(escalated) == ["rolloutRestart", "rolloutUndo", "scale"]
    assert (stage.scene.image("architect-api"), stage.scene.replicas("architect-api")) == (apps.GOOD, 15)
    stage.scene.until("the outage notice", "architect-api", lambda: "C0STATUS" in stage.called(SAID, "channel"), 120)
    assert stage.called(PAGED, "event_action").count("trigger") >= 3
    stage.scene.kubectl("delete", "deployment", "architect-api")  # by people, who put another one in its place

    def all_hear_the_end() -> bool:
        return stage.called(PAGED, "event_action").count("resolve") == 3

    stage.scene.until("the end", "architect-api", all_hear_the_end)


def test_p1_the_release_before_helps(put_on: PutOn) -> None:
    stage = put_on("architect-api", "architect-api")
    stage.open()
    stage.invite()
    stage.release(apps.BROKEN)
    assert stage.until_healed() == ["rolloutRestart", "rolloutUndo"]
    assert stage.scene.image("architect-api") == apps.GOOD
    assert "trigger" not in stage.called(PAGED, "event_action")


def test_p2_a_dependency_that_stays_down_is_for_people(put_on: PutOn) -> None:
    """One request of three needs it."""
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.stand("redis")
    stage.open(proven=False)
    stage.invite(ASK="buy buy cart")
    stage.scene.kubectl("scale", "deployment/redis", "--replicas=0")
    escalated = stage.scene.until_state("architect-api", "Escalated", seconds=120)
    assert incidents.condition(escalated, "Escalated")[1] == "WaitedInVain"
    assert stage.scene.effects("architect-api") == []


def test_p3_what_is_slow_gets_five_pods_more_until_customers_ask_for_less(put_on: PutOn) -> None:
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.open(proven=False)
    stage.invite(ASK="heavy")
    stage.scene.until("more replicas", "architect-api", lambda: stage.scaled()[:1] == [7], 120)
    stage.invite(ASK="buy")
    stage.scene.until("those from before", "architect-api", lambda: stage.scaled()[:2] == [7, 2], 120)


def test_pods_that_crash_go_back_to_the_release_before(put_on: PutOn) -> None:
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.open()
    stage.release(apps.CRASH)
    stage.restart_operator("architect-api")
    stage.until_over("architect-api")
    assert stage.scene.image("architect-api") == apps.GOOD
    assert stage.ending("architect-api") == Ending(
        state="Monitoring",
        attempts=[("rolloutUndo", "Done", "Recovered")],
        writes=["patch deployments"],
        told={(1, who, "Acted") for who in ("oncall", "lead", "director")},
    )


def test_an_image_that_was_never_there_is_for_people(put_on: PutOn) -> None:
    """No release is known that ran well: nothing to go back to."""
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.open(image=apps.NEVER_THERE)
    escalated = stage.scene.until_state("architect-api", "Escalated", seconds=120)
    assert {fact["reason"] for fact in escalated["status"]["evidence"]} <= {"ImagePullBackOff", "ErrImagePull"}
    assert stage.scene.effects("architect-api") == []


def test_memory_that_grows_is_given_back_by_a_restart(put_on: PutOn) -> None:
    stage = put_on("architect-api", "architect-api", faster=120)
    stage.open(proven=False)
    stage.visit("leak")
    assert stage.until_healed() == ["rolloutRestart"]


def test_idle_connections_are_ended_by_a_job(put_on: PutOn) -> None:
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.stand("database")
    stage.shelve("end-idle-connections", 'ask "$DATABASE_SERVICE_HOST" "keep?idle_connections=5"')
    stage.open(proven=False)
    stage.keep("database", "idle_connections", 99)
    assert stage.until_healed() == ["job"]
    assert stage.execute("database", "cat /tmp/kept/idle_connections").strip() == "idle_connections 5"


def test_connections_that_a_job_cannot_end_are_for_people(put_on: PutOn) -> None:
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.stand("database")
    stage.shelve("end-idle-connections", "exit 1")
    stage.open(proven=False)
    stage.keep("database", "idle_connections", 99)
    escalated = stage.scene.until_state("architect-api", "Escalated", seconds=120)
    made = [(attempt["action"], attempt["phase"], attempt["verdict"]) for attempt in escalated["status"]["attempts"]]
    assert made == [("job", "Done", "Failed")]


def test_a_complete_failure_fails_over_with_approval(put_on: PutOn) -> None:
    """The Job helps, so nothing is restarted."""
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.stand("region")
    stage.shelve("failover-to-backup-region", 'ask "$REGION_SERVICE_HOST" "keep?region_down=0"')
    stage.open(proven=False)
    stage.keep("region", "region_down", 1)
    stage.approve("architect-api")
    assert stage.until_healed() == ["job"]
    assert stage.scene.effects("architect-api") == []


def test_data_loss_stops_all_changes_once_a_person_approves(put_on: PutOn) -> None:
    """Each request loses a row, until nobody answers any. To begin again waits for the cooldown."""
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.stand("database")
    stage.open(10, apps.CARELESS)
    stage.invite()
    stage.approve("architect-api")
    stage.scene.until_state("architect-api", "Escalated", seconds=120)
    stage.scene.until("no pods", "architect-api", lambda: stage.scene.pods("architect-api") == [], 120)
    lost = stage.execute("database", "wc -l < /tmp/lost")
    stage.run("back-to-work", "deployment/architect-api")
    stage.scene.until_waiting("architect-api", "Cooldown")
    assert stage.execute("database", "wc -l < /tmp/lost") == lost
    assert stage.scaled() == [0]


def test_an_attack_is_answered_by_a_rate_limit_until_it_is_given_up(put_on: PutOn) -> None:
    """Attackers are told that it is too much, and go; the limit goes with them."""
    stage = put_on("architect-api", "architect-api", faster=60)
    stage.open(proven=False)
    stage.invite(apps.ATTACKERS)
    stage.scene.until("a limit and none", "architect-api", lambda: len(stage.scene.effects("architect-api")) == 2, 180)
    assert "env" not in stage.container("architect-api")
    assert "too many requests" in stage.scene.kubectl("logs", "deployment/attackers")
