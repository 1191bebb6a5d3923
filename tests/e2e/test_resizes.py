"""More memory and CPU in containers that run: a real kubelet resizes them, and the kernel holds them to it."""

import json
from pathlib import Path

import yaml

from tests.cluster import incidents, manifests
from tests.cluster.incidents import Scene
from tests.cluster.manifests import Json
from tests.e2e import control_groups, workloads
from tests.e2e.node import Node

RESOURCES = {"limits": {"cpu": "200m", "memory": "64Mi"}, "requests": {"cpu": "100m", "memory": "32Mi"}}
BY_HALF: Json = {"byPercent": 50, "max": "2Gi"}
MORE = {"memory": BY_HALF, "cpu": {"byPercent": 50, "max": "1"}, "inPlace": "Prefer", "revertAfter": "10s"}
POLICY = manifests.policy("hungry", [manifests.fires("Hungry")], manifests.step("more", adjustResources=MORE))
OLD, NEW = (64 << 20, 0.2), (96 << 20, 0.3)  # bytes and cores

WORK = ("dd", "if=/dev/zero", "of=/dev/null", "bs=80M", "count=1")  # the kernel would end it at the old limit


def containers(scene: Scene) -> dict[str, Json]:
    """The one container of each pod, as its status has it, by the pod's name."""
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0] for pod in scene.pods("shop")}


def held(scene: Scene) -> list[tuple[int, float]]:
    """To how many bytes and cores the kernel holds each of them."""
    ids = [status["containerID"].rpartition("/")[2] for status in containers(scene).values()]
    return [(control_groups.memory_limit(name), control_groups.cpu_limit(name)) for name in ids]


def begun(scene: Scene) -> dict[str, tuple[str, str, int]]:
    """Which containers run, since when, and how often they were restarted."""
    return {
        pod: (status["containerID"], status["state"]["running"]["startedAt"], status["restartCount"])
        for pod, status in containers(scene).items()
    }


def test_containers_get_more_while_they_run_and_after_a_while_what_they_had(node: Node, tmp_path: Path) -> None:
    """None of them is restarted, and of the workload itself nothing is written."""
    with incidents.playground(node.plane, tmp_path, POLICY) as (scene, send):
        life = workloads.container("sleep 1d", resources=RESOURCES)
        scene.apply(yaml.safe_dump(workloads.deployment("shop", life, labels={manifests.POLICY_LABEL: "hungry"})))
        scene.kubectl("rollout", "status", "deployment/shop", "--timeout=60s")
        before, template = begun(scene), scene.workload("shop")["spec"]
        assert (held(scene), {restarts for _, _, restarts in before.values()}) == ([OLD, OLD], {0})
        hungry = manifests.alert("Hungry", scene.namespace, deployment="shop")
        send(hungry)
        scene.until("the kernel to allow more", "shop", lambda: held(scene) == [NEW, NEW])
        for pod in before:
            node.plane.kubectl("exec", "-n", scene.namespace, pod, "--", *WORK)
        send(manifests.resolved(hungry))
        scene.until("the limits from before", "shop", lambda: held(scene) == [OLD, OLD])
        closed = scene.until_state("shop", "Closed")
        act, revert = closed["status"]["attempts"]
        assert (act["kind"], act["phase"], act["verdict"]) == ("Act", "Done", "Recovered")
        assert (revert["kind"], revert["phase"]) == ("Revert", "Done")
        assert (begun(scene), scene.workload("shop")["spec"]) == (before, template)
        writes = [(write.verb, write.resource, write.subresource, write.name) for write in scene.foreign_writes()]
        assert sorted(writes) == sorted([("patch", "pods", "resize", pod) for pod in before] * 2), json.dumps(act)
