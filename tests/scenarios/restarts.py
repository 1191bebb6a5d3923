"""Containers that end and start again, in the words of a kubelet: their pods are ready again a moment later."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from platelet.model.durations import format_time
from platelet.replay.pods import write_status
from platelet.shell import kube
from platelet.shell.kube import Json
from tests.scenarios.simulation import Simulation

_A_MOMENT = timedelta(milliseconds=200)  # between two statuses of a pod


def restart_containers(simulation: Simulation, workloads: Sequence[str]) -> None:
    """The container of each of their pods ends, runs, and is ready: three changes of each, all pods together."""
    for change in (_end, _run, _get_ready):
        _write_all(simulation, workloads, change)
        simulation.run(_A_MOMENT)


def end_containers(simulation: Simulation, workloads: Sequence[str]) -> None:
    """The container of each of their pods ends, and that is all for now."""
    _write_all(simulation, workloads, _end)


def _write_all(simulation: Simulation, workloads: Sequence[str], change: Callable[[Json, str], Json]) -> None:
    now = format_time(simulation.world.now)
    for pod in (pod for workload in workloads for pod in simulation.world.pods(workload)):
        _write(simulation, pod, change, now)


def _write(simulation: Simulation, pod: Json, change: Callable[[Json, str], Json], now: str) -> None:
    (container,) = pod["status"]["containerStatuses"]
    changed = {**container, **change(container, now)}
    ready = {"status": str(changed["ready"]), "lastTransitionTime": now}
    conditions = [
        {**condition, **ready} if condition["type"] in ("ContainersReady", "Ready") else condition
        for condition in pod["status"]["conditions"]
    ]
    status = {**pod["status"], "conditions": conditions, "containerStatuses": [changed]}
    write_status(simulation.world.store, kube.PODS, pod, status)


def _end(container: Json, now: str) -> Json:
    ended = {"exitCode": 137, "reason": "Error", "finishedAt": now, **container["state"]["running"]}
    return {"ready": False, "started": False, "state": {"terminated": ended}}


def _run(container: Json, now: str) -> Json:
    restarts = container["restartCount"] + 1
    return {"restartCount": restarts, "state": {"running": {"startedAt": now}}, "lastState": container["state"]}


def _get_ready(_container: Json, _now: str) -> Json:
    return {"ready": True, "started": True}
