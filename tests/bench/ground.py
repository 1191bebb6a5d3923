"""One contender's namespace: many small Deployments, and the pods in it that fall ill at a known moment."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import yaml

from platelet.model.durations import format_time
from tests.bench.requests import CRASH
from tests.cluster import installation, patience
from tests.cluster.incidents import OURS, Scene
from tests.cluster.manifests import GOOD, POLICY_LABEL, Json

_AT_ONCE = 8
_NAME = "NAME"
_MERGE = {"Content-Type": "application/merge-patch+json"}
_PATIENCE = 900.0  # seconds for a whole crowd of Deployments
_LOOK_EVERY = 0.5  # a list of a crowd costs the API server more than a pod
_CRASHING = {
    "name": "app",
    "image": "app",
    "imageID": "",
    "ready": False,
    "restartCount": 3,
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
    "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}},
}
_LOOPING = {
    **_CRASHING,
    "ready": True,
    "started": True,
    "state": {"running": {"startedAt": "2026-01-01T00:00:01Z"}},
}
CHANGES_OF_A_RESTART = 6


class Ground(Scene):
    """A namespace that is filled and broken by many requests at once."""

    def deploy(self, names: Sequence[str], policy: str) -> None:
        """Create Deployments that are targets of a policy, and wait until their pods are ready."""
        manifest = installation.deployment(_NAME, GOOD, replicas=1, labels={POLICY_LABEL: policy})
        body, headers = json.dumps(yaml.safe_load(manifest)), {"Content-Type": "application/json"}
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"

        def create(name: str) -> None:
            self._api.post(path, content=body.replace(_NAME, name), headers=headers).raise_for_status()

        def all_available() -> bool:
            deployments = self.items("/apis/apps/v1|deployments")
            ready = (deployment for deployment in deployments if deployment["status"].get("availableReplicas", 0) > 0)
            return set(names) <= {deployment["metadata"]["name"] for deployment in ready}

        _for_all(names, create)
        patience.until(f"{len(names)} Deployments to be available", all_available, _PATIENCE, every=_LOOK_EVERY)

    def release_broken(self, names: Sequence[str]) -> dict[str, str]:
        """Roll out a release that never gets ready; the name of its pod, by Deployment."""
        _for_all(names, lambda name: self.release(name, _broken(name)))

        def running() -> dict[str, str] | None:
            pods = [pod for pod in self.items("/api/v1|pods") if pod.get("status", {}).get("containerStatuses")]
            broken = {_app(pod): pod["metadata"]["name"] for pod in pods if _image(pod) == _broken(_app(pod))}
            return broken if set(names) <= broken.keys() else None

        return patience.until("the pods of the broken releases", running, _PATIENCE, every=_LOOK_EVERY)

    def crash(self, *pods: str) -> None:
        """Write a crash loop into the status of these pods, as a kubelet does."""
        body = {"status": {"containerStatuses": [_CRASHING]}}
        headers = {**_MERGE, "User-Agent": CRASH}

        def write(pod: str) -> None:
            path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/status"
            self._api.patch(path, json=body, headers=headers).raise_for_status()

        _for_all(pods, write)

    def restart_containers(self, apps: str) -> None:
        """Have the container of each pod of the apps so begun end and start again, as its kubelet tells it."""

        def write(pod: Json) -> None:
            for status in _restart(pod):
                self._write_status(pod, status)

        _for_all(self._pods_of(apps), write)

    def loop_containers(self, apps: str, times: int) -> None:
        """Write so many restarts of its container, one right after the other, into each pod of the apps so begun."""

        def write(pod: Json) -> None:
            for restarts in range(1, times + 1):
                self._write_status(pod, {"containerStatuses": [{**_LOOPING, "restartCount": restarts}]})

        _for_all(self._pods_of(apps), write)

    def _pods_of(self, apps: str) -> list[Json]:
        return [pod for pod in self.items("/api/v1|pods") if _app(pod).startswith(apps)]

    def _write_status(self, pod: Json, status: Json) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/status"
        headers = {"Content-Type": "application/strategic-merge-patch+json"}
        self._api.patch(path, json={"status": status}, headers=headers).raise_for_status()

    def store(self, remediations: Sequence[Json]) -> None:
        """Create Remediations, each with its status."""
        path = f"{OURS}/namespaces/{self.namespace}/remediations"

        def write(remediation: Json) -> None:
            self._api.post(path, json=remediation).raise_for_status()
            status = f"{path}/{remediation['metadata']['name']}/status"
            self._api.patch(status, json={"status": remediation["status"]}, headers=_MERGE).raise_for_status()

        _for_all(remediations, write)


def _for_all(things: Iterable[Any], act: Callable[[Any], None]) -> None:
    """Do it for each, several at once."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as people:
        list(people.map(act, things))


def _restart(pod: Json) -> Iterator[Json]:
    """The statuses of a pod whose container is made anew, in CHANGES_OF_A_RESTART steps."""
    (container,) = pod["status"]["containerStatuses"]
    now = format_time(datetime.now(UTC))
    ended = {"terminated": {"exitCode": 255, "reason": "Unknown", "finishedAt": now, **container["state"]["running"]}}
    down = {**container, "ready": False, "started": False}
    starting = {"waiting": {"reason": "ContainerCreating"}}
    running = {**down, "restartCount": 1, "state": {"running": {"startedAt": now}}, "lastState": ended}
    yield {"containerStatuses": [{**down, "state": ended}], "conditions": _conditions("False", now)}
    yield {"containerStatuses": [{**down, "state": starting, "lastState": ended}]}
    yield {"containerStatuses": [running]}
    yield {"containerStatuses": [{**running, "started": True}]}
    yield {"containerStatuses": [{**running, "started": True, "ready": True}]}
    yield {"conditions": _conditions("True", now)}


def _conditions(ready: str, now: str) -> list[Json]:
    return [{"type": kind, "status": ready, "lastTransitionTime": now} for kind in ("ContainersReady", "Ready")]


def _broken(name: str) -> str:
    """Another image for each Deployment: no template of one is known from another."""
    return f"app:unready-{name}"


def _app(pod: Json) -> str:
    name: str = pod["metadata"]["labels"]["app"]
    return name


def _image(pod: Json) -> str:
    image: str = pod["spec"]["containers"][0]["image"]
    return image
