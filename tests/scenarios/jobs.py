"""CronJobs on a shelf, and what becomes of the Jobs that are made of them."""

from typing import Any

from platelet.model.durations import format_time
from platelet.model.resource import CRON_JOBS, JOBS, PODS
from platelet.replay.cluster import SHOP
from tests.scenarios.simulation import Simulation

POD = {"spec": {"restartPolicy": "Never", "containers": [{"name": "mend", "image": "app:mend"}]}}


def shelve(simulation: Simulation, name: str, **job: Any) -> None:
    """`kubectl apply` of a suspended CronJob; `job` is what else its Jobs' spec says."""
    template = {"metadata": {"labels": {"job": name}}, "spec": {"template": POD, **job}}
    spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": template}
    simulation.world.store.create(CRON_JOBS, SHOP, {"metadata": {"name": name}, "spec": spec})


def finish(simulation: Simulation) -> None:
    """The Job controller at its best: whatever was started is complete."""
    for job in simulation.world.store.find(JOBS, SHOP):
        if "status" not in job:
            end(simulation, job["metadata"]["name"])


def end(simulation: Simulation, name: str, kind: str = "Complete", reason: str = "", message: str = "") -> None:
    """The Job has come to its end."""
    since = format_time(simulation.world.now.replace(microsecond=0))
    condition = {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": since}
    status = {"status": {"conditions": [condition]}}
    simulation.world.store.patch(JOBS, SHOP, name, status, subresource="status")


def run_pod(simulation: Simulation, name: str, exit_code: int) -> None:
    """A pod of the Job has run to its end."""
    job = simulation.world.store.get(JOBS, SHOP, name)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"], "controller": True}
    phase = "Failed" if exit_code else "Succeeded"
    state = {"terminated": {"exitCode": exit_code, "finishedAt": format_time(simulation.world.now)}}
    container = {"name": "mend", "image": "app:mend", "ready": False, "restartCount": 0, "state": state}
    pod = f"{name}-x"
    metadata = {"name": pod, "labels": {"job-name": name, "app": "mend"}, "ownerReferences": [owner]}
    simulation.world.store.create(PODS, SHOP, {"metadata": metadata, "spec": POD["spec"]})
    status = {"status": {"phase": phase, "containerStatuses": [container]}}
    simulation.world.store.patch(PODS, SHOP, pod, status, subresource="status")


def started(simulation: Simulation) -> list[Any]:
    """All Jobs of the namespace."""
    return simulation.world.store.find(JOBS, SHOP)


def schedule(simulation: Simulation, name: str, **status: Any) -> str:
    """A CronJob that runs by its schedule; its uid."""
    spec = {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": POD}}}
    stored = simulation.world.store.create(CRON_JOBS, SHOP, {"metadata": {"name": name}, "spec": spec})
    if status:
        simulation.world.store.patch(CRON_JOBS, SHOP, name, {"status": status}, subresource="status")
    return str(stored["metadata"]["uid"])


def run(simulation: Simulation, name: str, cron_job: tuple[str, str] | None = None, **metadata: Any) -> str:
    """A Job that people or a CronJob (its name and uid) have started; its uid."""
    if cron_job is not None:
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job[0], "uid": cron_job[1]}
        metadata["ownerReferences"] = [{**owner, "controller": True}]
    body = {"metadata": {"name": name, **metadata}, "spec": {"template": POD}}
    return str(simulation.world.store.create(JOBS, SHOP, body)["metadata"]["uid"])


def leave_pod(simulation: Simulation, job: str, uid: str, code: int) -> None:
    """A pod of the Job whose container has ended with this code."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid, "controller": True}
    labels = {"job-name": job, "app": job}
    ended = {"terminated": {"exitCode": code, "reason": "Error", "finishedAt": format_time(simulation.world.now)}}
    name = f"{job}-x1"
    pod = {"metadata": {"name": name, "labels": labels, "ownerReferences": [owner]}, "spec": POD["spec"]}
    simulation.world.store.create(PODS, SHOP, pod)
    status = {"phase": "Failed", "containerStatuses": [{"name": "mend", "state": ended, "restartCount": 0}]}
    simulation.world.store.patch(PODS, SHOP, name, {"status": status}, subresource="status")
