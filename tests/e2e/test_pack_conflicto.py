"""Seed 001, the pack conflicto, with real containers: what they do decides."""

import pytest

from tests.cluster import incidents
from tests.cluster.stage import Ending
from tests.e2e import apps
from tests.e2e.theatre import PutOn


def test_an_outage_is_confirmed_approved_and_rolled_back(put_on: PutOn) -> None:
    """The page is held from the rollback on."""
    stage = put_on("conflicto", "conflicto")
    stage.open()
    stage.invite()
    stage.release(apps.BROKEN)
    stage.approve("conflicto")
    assert stage.until_healed() == ["rolloutUndo"]
    assert stage.scene.image("conflicto") == apps.GOOD
    stage.scene.until("the page to be held", "conflicto", lambda: stage.publishers.taken("/api/v2/alerts"))


def test_a_stuck_rollout_goes_back_to_the_release_before(put_on: PutOn) -> None:
    stage = put_on("conflicto", "conflicto")
    stage.open()
    stage.scene.patch("conflicto", {"spec": {"progressDeadlineSeconds": 5}})
    stage.release(apps.NEVER_THERE)
    stage.approve("conflicto")
    assert stage.until_healed() == ["rolloutUndo"]
    assert stage.scene.image("conflicto") == apps.GOOD


BREACHES = {"ErrorRate": (apps.FLAWED, "buy buy buy buy cart"), "ResponseTime": (apps.SLOW, "buy")}


@pytest.mark.parametrize("trigger", BREACHES)
def test_a_breach_after_a_release_is_rolled_back_with_approval(put_on: PutOn, trigger: str) -> None:
    release, wishes = BREACHES[trigger]
    stage = put_on("conflicto", "conflicto")
    stage.open()
    stage.invite(ASK=wishes)
    stage.release(release)
    stage.approve("conflicto")
    assert stage.until_healed() == ["rolloutUndo"]
    assert stage.shown("conflicto") == {trigger}
    assert stage.scene.image("conflicto") == apps.GOOD


def test_connections_that_time_out_are_made_anew_by_a_restart_with_approval(put_on: PutOn) -> None:
    """Sessions with a database are good for nothing once another one is in its place."""
    stage = put_on("conflicto", "conflicto")
    stage.stand("database")
    stage.open()
    stage.invite()
    stage.scene.kubectl("delete", "pod", "-l", "app=database")
    stage.approve("conflicto")
    assert stage.until_healed() == ["rolloutRestart"]


def test_lost_data_stops_all_writes_with_approval_and_people_have_it(put_on: PutOn) -> None:
    stage = put_on("conflicto", "conflicto")
    stage.stand("database")
    stage.open(3, apps.CARELESS)
    stage.invite()
    stage.approve("conflicto")
    stage.scene.until_state("conflicto", "Escalated", seconds=120)
    stage.scene.until("no pods", "conflicto", lambda: stage.scene.pods("conflicto") == [], 120)
    assert stage.scaled() == [0]


def test_a_stuck_migration_is_retried_with_approval(put_on: PutOn) -> None:
    """The Job is there to end it, whatever becomes of the operator meanwhile."""
    stage = put_on("conflicto", "conflicto", faster=60)
    stage.stand("database")
    stage.shelve("retry-migration", 'sleep 3; ask "$DATABASE_SERVICE_HOST" "keep?stuck_migrations=0"')
    stage.open(proven=False)
    stage.keep("database", "stuck_migrations", 1)
    stage.approve("conflicto")
    stage.restart_operator("conflicto")
    stage.until_over("conflicto")
    assert stage.ending("conflicto") == Ending(
        state="Monitoring",
        attempts=[("job", "Done", "Recovered")],
        writes=["create jobs"],
        told={(1, who, "Acted") for who in ("owner", "techlead", "management")}
        | {(1, "owner", kind) for kind in ("ApprovalNeeded", "Answered")},
    )


def test_a_migration_that_fails_again_is_for_people(put_on: PutOn) -> None:
    stage = put_on("conflicto", "conflicto", faster=60)
    stage.stand("database")
    stage.shelve("retry-migration", "exit 1")
    stage.open(proven=False)
    stage.keep("database", "stuck_migrations", 1)
    stage.approve("conflicto")
    escalated = stage.scene.until_state("conflicto", "Escalated", seconds=120)
    assert incidents.acts(escalated) == ["job"]
    assert stage.scene.effects("conflicto") == []
