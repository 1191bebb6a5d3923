"""What a kubelet would say of pods, where KWOK's stages say nothing of the kind."""

import json
from datetime import UTC, datetime

from tests.cluster.incidents import Scene
from tests.cluster.manifests import Json

_READINESS = ("Ready", "ContainersReady")


def kill(scene: Scene, name: str, most: int | None = None) -> None:
    """Its pods (or so many of them) were OOM-killed, and wait to be started again: what a kubelet would say of them."""
    for pod in scene.pods(name)[:most]:
        _kill(scene, pod)


def kill_pod(scene: Scene, name: str) -> None:
    """The same of one pod, by its own name."""
    (pod,) = [pod for pod in scene.items("/api/v1|pods") if pod["metadata"]["name"] == name]
    _kill(scene, pod)


def _kill(scene: Scene, pod: Json) -> None:
    moment = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": moment, "finishedAt": moment}
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
    (container,) = pod["status"]["containerStatuses"]
    failing = {
        **container, "ready": False, "started": False, "restartCount": 3,
        "state": {"waiting": waiting}, "lastState": {"terminated": ended},
    }  # fmt: skip
    unready = [{"type": kind, "status": "False", "lastTransitionTime": moment} for kind in _READINESS]
    others = [condition for condition in pod["status"]["conditions"] if condition["type"] not in _READINESS]
    status = {"containerStatuses": [failing], "conditions": [*others, *unready]}
    patch = json.dumps({"status": status})
    scene.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)


def give(scene: Scene, name: str) -> None:
    """Its pods have what their specs ask for: a kubelet that can resize them says so of each of its containers."""
    for pod in _staying(scene, name):
        containers = {container["name"]: container.get("resources") or {} for container in pod["spec"]["containers"]}
        statuses = [
            {
                **status,
                "resources": containers[status["name"]],
                "allocatedResources": containers[status["name"]].get("requests") or {},
            }
            for status in pod["status"]["containerStatuses"]
        ]
        conditions = [one for one in pod["status"]["conditions"] if not one["type"].startswith("PodResize")]
        _say(scene, pod, {"containerStatuses": statuses, "conditions": conditions})


def withhold(scene: Scene, name: str, reason: str, words: str) -> None:
    """Its pods do not get what their specs ask for: Deferred or Infeasible."""
    for pod in _staying(scene, name):
        condition = {"type": "PodResizePending", "status": "True", "reason": reason, "message": words}
        _say(scene, pod, {"conditions": [*pod["status"]["conditions"], condition]})


def _staying(scene: Scene, name: str) -> list[Json]:
    return [pod for pod in scene.pods(name) if "deletionTimestamp" not in pod["metadata"]]


def _say(scene: Scene, pod: Json, status: Json) -> None:
    whole = {**status, "observedGeneration": pod["metadata"]["generation"]}
    patch = json.dumps({"status": whole})
    scene.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)
