"""Seed 002, the pack ohmycoins, with real containers: what they do decides."""

from tests.cluster.manifests import Json
from tests.e2e import apps
from tests.e2e.theatre import PutOn, Theatre, variables


def test_errors_after_a_recent_change_are_rolled_back_and_proven_by_their_rate(put_on: PutOn) -> None:
    stage = put_on("ohmycoins/staging", "backend")
    stage.open()
    stage.invite()
    stage.release(apps.BROKEN)
    assert stage.until_healed() == ["rolloutUndo"]
    assert stage.scene.image("backend") == apps.GOOD


def test_errors_without_a_recent_change_are_for_people(put_on: PutOn) -> None:
    """They come of what it depends on; its release is older than the runbook looks back."""
    stage = put_on("ohmycoins/staging", "backend", faster=60)
    (step,) = stage.steps("errors")
    older = {**step, "rolloutUndo": {**step["rolloutUndo"], "within": "5s"}}
    stage.scene.merge("runbook", "errors", {"spec": {"steps": [older]}})
    stage.stand("redis")
    stage.open()
    stage.release(apps.GOOD_2)
    stage.scene.until("the other release, too", "backend", lambda: stage.scene.proven().count("backend") == 2)
    stage.invite(ASK="cart")
    stage.visit("shop?cart")
    stage.scene.kubectl("scale", "deployment/redis", "--replicas=0")
    escalated = stage.scene.until_state("backend", "Escalated", seconds=120)
    assert "NotARecentRelease" in {decision["reason"] for decision in escalated["status"]["decisions"]}
    assert stage.scene.effects("backend") == []


def test_a_person_scales_to_four(put_on: PutOn) -> None:
    stage = put_on("ohmycoins/production", "backend", faster=60)
    stage.open()
    stage.run("scale-to-four", "deployment/backend")
    stage.scene.until("four replicas", "backend", lambda: len(stage.running("backend")) == 4)


def start_slowly(stage: Theatre, seconds: int) -> None:
    """Its probe asks from the first second on, and has no patience for longer than eight."""
    probe: Json = {"httpGet": {"path": "/cgi-bin/health", "port": 8080}, "periodSeconds": 1, "failureThreshold": 8}
    stage.put("backend", 1, apps.GOOD_2, livenessProbe=probe, env=variables(STARTS_AFTER=f"{seconds}"))


def test_what_takes_longer_to_start_than_its_probe_waits_gets_a_longer_grace(put_on: PutOn) -> None:
    """The kubelet ends it again and again, and with twice the grace lets it start; the operator is killed meanwhile."""
    stage = put_on("ohmycoins/staging", "backend")
    stage.open(1)
    start_slowly(stage, 12)
    stage.restart_operator("backend")
    assert stage.until_healed() == ["adjustProbes"]
    assert stage.container("backend")["livenessProbe"]["failureThreshold"] == 16
    stage.scene.until("the server to have started", "backend", lambda: any(stage.heard("backend", "pidof httpd")))
    (pod,) = stage.running("backend")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
