"""CronJobs that only people and runbooks start, and the end of their Jobs."""

import json
from typing import Any

import yaml

from tests.cluster.incidents import Scene
from tests.cluster.manifests import Json

JOBS = "/apis/batch/v1|jobs"


def suspended(name: str, **container: Any) -> str:
    """One that only people and runbooks start, whose container has these fields; a failed pod is not tried again."""
    containers = [{"name": "mend", "image": "app:job", **container}]
    pod = {"spec": {"restartPolicy": "Never", "containers": containers}}
    template = {"metadata": {"labels": {"for": name}}, "spec": {"backoffLimit": 0, "template": pod}}
    return yaml.safe_dump(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": name},
            "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": template},
        }
    )


def start(scene: Scene, cron_job: str, name: str) -> Json:
    """What a CronJob does when its time has come, or a person does by hand: the Job is controlled by it."""
    scene.kubectl("create", "job", name, f"--from=cronjob/{cron_job}")
    return find(scene, name)


def find(scene: Scene, name: str) -> Json:
    """A Job by its name."""
    return next(job for job in scene.items(JOBS) if job["metadata"]["name"] == name)


def end(scene: Scene, job: Json, phase: str) -> None:
    """Its pod comes to an end, as a kubelet would say; the Job controller draws the conclusion."""
    name = job["metadata"]["name"]

    def has_pod() -> bool:
        pods = [pod for pod in scene.items("/api/v1|pods") if pod["metadata"]["labels"].get("job-name") == name]
        for pod in pods:
            code = 0 if phase == "Succeeded" else 1
            state = {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}
            container = {"name": "mend", "image": "app:job", "imageID": "", "ready": False, "restartCount": 0}
            status = {"phase": phase, "containerStatuses": [{**container, "state": state}]}
            patch = json.dumps({"status": status})
            scene.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)
        return bool(pods)

    scene.until(f"a pod of {name}", name, has_pod)
