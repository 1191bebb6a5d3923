"""Seed 002, the pack ohmycoins: its situations run in the runbook's own order, with a sixtieth of the times."""

import pytest

from tests.cluster import incidents, manifests
from tests.cluster.app import Load
from tests.cluster.listening import Publishers
from tests.cluster.stage import Ending, Interrupt, PutOn

pytestmark = pytest.mark.cluster


def test_errors_are_rolled_back_only_after_a_recent_change(
    put_on: PutOn, publishers: Publishers, interrupt: Interrupt
) -> None:
    """`frontend` has had none for long: there it goes to people."""
    stage = put_on("ohmycoins/staging", faster=20, publishers=publishers)
    stage.deploy("backend")
    stage.app.bear(Load(errors=0.2))
    stage.scene.release("backend", "app:good-2")
    alert = stage.fire("HighErrorRate")
    interrupt(stage, "backend")
    stage.scene.until_acted("backend")
    stage.app.bear(Load())
    stage.resolve(alert)
    stage.until_over("backend")
    assert stage.scene.image("backend") == manifests.GOOD
    assert stage.ending("backend") == Ending(
        state="Monitoring",
        attempts=[("rolloutUndo", "Done", "Recovered")],
        writes=["patch deployments"],
        told={(1, sink, "Acted") for sink in ("primary", "secondary", "techlead", "manager")},
    )
    assert stage.called() == {"primary", "secondary", "techlead", "manager"}


def test_a_person_scales_to_four(put_on: PutOn) -> None:
    stage = put_on("ohmycoins/production")
    stage.deploy("backend")
    stage.run("scale-to-four", "deployment/backend")
    stage.scene.until("four replicas", "backend", lambda: stage.scene.replicas("backend") == 4)


def test_what_keeps_restarting_gets_a_longer_grace_and_then_the_release_before(put_on: PutOn) -> None:
    """The grace does not help here, so it is as it was before the next step. A run lasts for some seconds."""
    stage = put_on("ohmycoins/staging", faster=10)
    stage.deploy("backend", livenessProbe={"httpGet": {"path": "/", "port": 80}})
    stage.scene.kubectl("set", "image", "deployment/backend", "app=app:crash")
    ended = stage.until_over("backend")
    assert incidents.acts(ended) == ["adjustProbes", "rolloutUndo"]
    assert stage.scene.image("backend") == manifests.GOOD
    assert stage.container("backend")["livenessProbe"]["failureThreshold"] == 3


def test_a_cpu_that_is_used_up_is_raised_by_half(put_on: PutOn) -> None:
    stage = put_on("ohmycoins/staging")
    stage.deploy("backend", resources={"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}})
    alert = stage.fire("HighCPUUsage", deployment="backend")
    more = {"limits": {"cpu": "1500m"}, "requests": {"cpu": "750m"}}
    stage.scene.until("more CPU", "backend", lambda: stage.container("backend")["resources"] == more)
    stage.resolve(alert)
    assert incidents.acts(stage.until_over("backend")) == ["adjustResources"]
