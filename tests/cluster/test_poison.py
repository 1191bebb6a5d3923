"""Remediations and records that somebody spoilt, on a real API server: they cost themselves only."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import control_plane as cluster
from tests.cluster import incidents, manifests, operating, patience
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.manifests import RESTART

pytestmark = pytest.mark.cluster
DEEP = '{"a":' * 1_500 + "1" + "}" * 1_500
TYPO = '{"name":"restart","roloutRestart":{}}'


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace with a policy for all its Deployments."""
    with incidents.scene(control_plane) as scene:
        scene.use(manifests.policy("restart", [manifests.fires("Sick")], RESTART, targets={"all": True}))
        yield scene


def by_hand(target: str, step: str, first_seen: str = "2026-01-01T00:00:00Z") -> str:
    """What somebody with the right to create Remediations may send."""
    fact = (
        '{"source":"alert","reason":"Sick","fingerprint":"x","message":"m","lastSeen":"2026-01-01T00:00:00Z",'
        f'"firstSeen":"{first_seen}"}}'
    )
    spec = (
        f'{{"targetRef":{{"kind":"Deployment","name":"{target}"}},"policyRef":{{"name":"restart"}},'
        f'"runbookRef":{{"name":"restart"}},"mode":"Enforce","signal":{fact},"steps":[{step}]}}'
    )
    metadata = f'{{"name":"by-hand-{target}"}}'
    return f'{{"apiVersion":"platelet.dev/v1alpha1","kind":"Remediation","metadata":{metadata},"spec":{spec}}}'


def send(scene: Scene, operator: OperatorProcess, *targets: str) -> None:
    """All of them are sick."""
    alerts = (manifests.alert("Sick", scene.namespace, deployment=target) for target in targets)
    manifests.send(operator.alerts_url, *alerts)


def test_one_with_a_typo_is_closed_and_the_next_one_heals(scene: Scene, operator: OperatorProcess) -> None:
    """It must not keep the target's alerts to itself."""
    scene.admit("restart", "typo")
    scene.post("remediations", by_hand("typo", TYPO))
    closed = scene.until_state("typo", "Closed")
    assert closed["status"]["reason"] == "InvalidSpec", incidents.story(closed)
    send(scene, operator, "typo")
    scene.until_acted("typo")


def test_one_that_is_nested_without_end_stops_neither_its_target_nor_another(
    fresh_control_plane: Callable[[], cluster.ControlPlane], tmp_path: Path
) -> None:
    """1,500 levels end the stack of most readers, kopf's and that of these tests among them: this one asks kubectl."""
    plane = fresh_control_plane()
    with operating.one_leader(plane, tmp_path) as operator, incidents.scene(plane) as scene:
        scene.use(manifests.policy("restart", [manifests.fires("Sick")], RESTART, targets={"all": True}))
        scene.admit("restart", "deep", "other")
        scene.post("remediations", by_hand("deep", DEEP))

        def said(what: str, path: str) -> str:
            return scene.kubectl("get", *what.split("/"), "-o", f"jsonpath={{{path}}}")

        def restarted(name: str) -> bool:
            return "restartedAt" in said(f"deployment/{name}", ".spec.template.metadata.annotations")

        send(scene, operator, "other")
        patience.until("other to be restarted", lambda: restarted("other"), 60)
        closed = patience.until("the deep one to be closed", lambda: said("rem/by-hand-deep", ".status.reason"), 60)
        assert closed == "InvalidSpec"
        send(scene, operator, "deep")
        patience.until("deep to be restarted", lambda: restarted("deep"), 60)
        assert operator.alive


def test_a_time_that_is_none_is_refused(scene: Scene) -> None:
    """`format: date-time` alone takes a zone of 99 hours."""
    answer = scene.post("remediations", by_hand("api", TYPO, "2026-01-01T00:00:00+99:00"), expected=422)
    assert "firstSeen" in answer
