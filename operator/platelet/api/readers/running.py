"""Which Jobs and pods run: not over, and not held back by people."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from platelet.changes import started_job
from platelet.model.blocking import Running
from platelet.model.durations import parse_time

Json = Mapping[str, Any]
_ENDED = ("Succeeded", "Failed")


def read_jobs(jobs: Iterable[Json]) -> Iterator[Running]:
    """Those that have not come to their end; a suspended one without a pod does not run."""
    for job in jobs:
        active = (job.get("status") or {}).get("active")
        held = (job.get("spec") or {}).get("suspend") and not active
        if not held and not started_job.is_over(job):
            yield Running(kind="Job", name=job["metadata"]["name"], since=_since(job))


def read_pods(pods: Iterable[Json]) -> Iterator[Running]:
    """Those that have not ended, also where they wait for a node."""
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _ENDED:
            yield Running(kind="Pod", name=pod["metadata"]["name"], since=_since(pod))


def _since(stored: Json) -> datetime:
    started = (stored.get("status") or {}).get("startTime")
    return parse_time(started or stored["metadata"]["creationTimestamp"])
