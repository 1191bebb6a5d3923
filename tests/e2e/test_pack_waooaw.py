"""Seed 000, the pack waooaw, with real containers: what they do decides."""

from tests.cluster.stage import Ending
from tests.e2e import apps
from tests.e2e.theatre import PutOn


def test_errors_that_prometheus_measures_are_rolled_back(put_on: PutOn) -> None:
    stage = put_on("waooaw", "waooaw-backend")
    stage.open()
    stage.invite()
    stage.release(apps.BROKEN)
    assert stage.until_healed() == ["rolloutUndo"]
    assert stage.scene.image("waooaw-backend") == apps.GOOD


def test_slow_answers_scale_to_6_and_back_once_customers_ask_for_less(put_on: PutOn) -> None:
    stage = put_on("waooaw", "waooaw-backend", faster=60)
    stage.open(proven=False)
    stage.invite(ASK="heavy")
    stage.restart_operator("waooaw-backend")
    stage.scene.until("six pods", "waooaw-backend", lambda: len(stage.running("waooaw-backend")) == 6, 120)
    assert stage.shown("waooaw-backend") <= {"ResponseTimeCritical", "ResponseTimeWarning"}
    stage.invite(ASK="buy")
    stage.scene.until("those from before", "waooaw-backend", lambda: stage.scaled()[:2] == [6, 2], 120)
    assert stage.ending("waooaw-backend") == Ending(
        state="Monitoring",
        attempts=[("scale", "Done", "Recovered"), ("scale", "Done", "")],
        writes=["patch deployments"] * 2,
        told={(1, sink, "Acted") for sink in ("engineer", "teamlead", "manager", "cto")},
    )
