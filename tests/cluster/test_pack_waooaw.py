"""Seed 000, the pack waooaw: its situations run in the runbook's own order, with a sixtieth of the times."""

import pytest

from tests.cluster import manifests
from tests.cluster.app import Load
from tests.cluster.listening import Publishers
from tests.cluster.stage import Ending, Interrupt, PutOn

pytestmark = pytest.mark.cluster


def test_errors_roll_back_and_then_scale_to_6(put_on: PutOn, publishers: Publishers, interrupt: Interrupt) -> None:
    stage = put_on("waooaw", publishers=publishers)
    stage.deploy("waooaw-backend")
    stage.app.well = False
    stage.scene.release("waooaw-backend", "app:good-2")
    stage.app.bear(Load(errors=0.3))
    interrupt(stage, "waooaw-backend")
    stage.scene.until("six replicas", "waooaw-backend", lambda: stage.scene.replicas("waooaw-backend") == 6, 120)
    stage.app.well = True
    stage.app.bear(Load())
    stage.until_over("waooaw-backend")
    assert stage.scene.image("waooaw-backend") == manifests.GOOD
    assert stage.ending("waooaw-backend") == Ending(
        state="Monitoring",
        attempts=[("rolloutUndo", "Done", "Failed"), ("scale", "Done", "Recovered")],
        writes=["patch deployments"] * 2,
        told={(1, sink, "Acted") for sink in ("engineer", "teamlead", "manager", "cto")},
    )
    assert stage.called() == {"engineer", "teamlead", "manager", "cto"}


MEASURED = {
    "ErrorRateWarning": Load(errors=0.005),  # beyond 0.01 it is critical, and another policy's
    "ResponseTimeWarning": Load(seconds=0.7),
    "ResponseTimeCritical": Load(seconds=2),
    "CPUWarning": Load(cpu=0.8),
    "CPUCritical": Load(cpu=0.95),
    "MemoryWarning": Load(memory=0.9),
    "MemoryCritical": Load(memory=0.97),
}


@pytest.mark.parametrize(("trigger", "load"), MEASURED.items(), ids=MEASURED)
def test_each_threshold_scales_to_6_and_back(put_on: PutOn, trigger: str, load: Load) -> None:
    stage = put_on("waooaw")
    stage.deploy("waooaw-backend", proven=False)
    stage.app.bear(load)
    stage.scene.until("six replicas", "waooaw-backend", lambda: stage.scene.replicas("waooaw-backend") == 6, 90)
    assert trigger in stage.shown("waooaw-backend")
    stage.app.bear(Load())
    stage.scene.until("those from before", "waooaw-backend", lambda: stage.scene.replicas("waooaw-backend") == 2, 90)


CONNECTIONS = {"DatabaseConnectionsWarning": 90, "DatabaseConnectionsCritical": 99}


@pytest.mark.parametrize(("trigger", "count"), CONNECTIONS.items(), ids=CONNECTIONS)
def test_the_database_is_for_people_and_only_looked_at(put_on: PutOn, trigger: str, count: int) -> None:
    stage = put_on("waooaw")
    stage.deploy("waooaw-backend", proven=False)
    stage.app.measure("pg_stat_activity_count", count)
    stage.scene.until_waiting("waooaw-backend", "WouldHaveActed")
    assert trigger in stage.shown("waooaw-backend")
    assert stage.scene.effects("waooaw-backend") == []
