"""An alert that real monitoring fires adds capacity, and its resolution reverts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import incidents, installation, manifests, monitoring, operating
from tests.cluster.incidents import Scene
from tests.cluster.manifests import Json
from tests.e2e import workloads
from tests.e2e.node import Node

ADD = {"by": 2, "max": 6, "revertAfter": "1h", "revertWhenResolved": True}
POLICY = manifests.policy("busy", [manifests.fires("TooManyRequests")], manifests.step("add-capacity", scale=ADD))
RULE = {
    "alert": "TooManyRequests",
    "expr": "sum by (namespace, deployment) (shop_waiting_requests) > 10",
    "for": "2s",
    "labels": {"severity": "warning"},
    "annotations": {"summary": "{{ $value }} requests wait"},
}


@pytest.fixture
def scene(node: Node, tmp_path: Path) -> Iterator[Scene]:
    """A shop that is watched by Prometheus and looked after by a policy."""
    both = monitoring.prepare(tmp_path)
    asked = {"url": both.alertmanager_url}
    with (
        operating.one_leader(node.plane, tmp_path, alertmanager=asked) as operator,
        incidents.scene(node.plane) as scene,
        monitoring.running(both, [RULE], operator.alerts_url),
    ):
        scene.use(POLICY)
        scene.apply(workloads.shop(policy="busy"))
        scene.kubectl("rollout", "status", "deployment/shop", "--timeout=60s")
        pod = pod_of(scene)
        labels = {"namespace": scene.namespace, "pod": pod["metadata"]["name"], "deployment": "shop"}
        both.scrape(f"{pod['status']['podIP']}:8080", labels)
        examine_the_route(scene, both.alertmanager_url)
        yield scene


def examine_the_route(scene: Scene, alertmanager: str) -> None:
    """The doctor's test alert goes through the real Alertmanager, and opens nothing."""
    command = [sys.executable, "-m", "platelet", "doctor", "-n", scene.namespace, "--alertmanager", alertmanager]
    paths = {"KUBECONFIG": str(scene.plane.kubeconfig("admin")), "PYTHONPATH": str(installation.ROOT / "operator")}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **paths}, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok    alerts: a test alert came by Alertmanager's route" in done.stdout
    assert scene.remediations() == []


def pod_of(scene: Scene) -> Json:
    """The one pod that the shop has at first."""
    pods = scene.items("/api/v1|pods")
    return min(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])


def let_wait(scene: Scene, requests: int) -> None:
    """From now on so many requests wait in the first pod of the shop."""
    write = f"echo shop_waiting_requests {requests} > /tmp/www/metrics"
    scene.plane.kubectl("exec", "-n", scene.namespace, pod_of(scene)["metadata"]["name"], "--", "sh", "-c", write)


def test_capacity_is_added_while_a_real_alert_fires_and_reverted_when_it_resolves(scene: Scene) -> None:
    """The rule sums what the pods expose, Alertmanager calls the operator, and the operator asks it in turn."""
    let_wait(scene, 50)
    scene.until_verifying("shop")
    assert scene.replicas("shop") == 3
    scene.kubectl("rollout", "status", "deployment/shop", "--timeout=60s")
    let_wait(scene, 0)
    remediation = scene.until_state("shop", "Closed")
    assert remediation["status"]["reason"] == "Recovered", incidents.story(remediation)
    assert scene.replicas("shop") == 1
    writes = scene.effects("shop")
    assert [write.subresource for write in writes] == ["scale", "scale"]
    attempt = f"{remediation['metadata']['uid']}/0/1"
    assert [incidents.attempt_of(write) for write in writes] == [attempt, f"{attempt}/back"]
