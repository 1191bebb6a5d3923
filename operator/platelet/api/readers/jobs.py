"""Jobs and CronJobs, reduced to what a `job` trigger asks. As lenient as `workloads`."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from platelet.api.readers import lenient
from platelet.changes.started_job import STARTED_FOR
from platelet.model.failed_job import Ending, Job, Subject, subject_of
from platelet.model.resource import CRON_JOBS
from platelet.model.workload import Container, Pod

_UNKNOWN = datetime.min.replace(tzinfo=UTC)


def read_job(stored: Mapping[str, Any]) -> Job:
    """Read a Job. Raises KeyError without its metadata, nothing else.

    Where a condition does not say since when it holds, it holds since the Job was created.
    """
    metadata = lenient.mapping(stored["metadata"])
    conditions = lenient.by_type(lenient.mapping(stored.get("status")).get("conditions"))
    complete, failed = conditions.get("Complete", {}), conditions.get("Failed", {})
    created_at, owner = lenient.read_creation(metadata), lenient.read_owner(stored)
    return Job(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        labels=lenient.texts(metadata.get("labels")),
        cron_job=owner.name if owner is not None and owner.kind == CRON_JOBS.kind else "",
        ours=STARTED_FOR in lenient.texts(metadata.get("annotations")),
        complete_at=_since(complete, created_at),
        failed_at=_since(failed, created_at),
        reason=lenient.text(failed.get("reason")),
        message=lenient.text(failed.get("message")),
    )


def read_last_successes(cron_jobs: Iterable[Mapping[str, Any]]) -> dict[Subject, datetime]:
    """When a Job of each CronJob was complete last, by its own word: also one that is deleted by now."""
    moments = {}
    for stored in cron_jobs:
        metadata = lenient.mapping(stored["metadata"])
        moment = lenient.moment(lenient.mapping(stored.get("status")).get("lastSuccessfulTime"))
        if moment is not None:
            moments[subject_of(metadata["namespace"], metadata["name"], "")] = moment
    return moments


def find_last_failure(pods: Iterable[Pod], uid: str) -> Ending | None:
    """How a container of this Job's pods failed last; None where no such pod is left."""
    of_job = [pod for pod in pods if pod.owner is not None and pod.owner.uid == uid]
    ended = [end for pod in of_job for container in pod.containers for end in _ends(pod.name, container)]
    return max(ended, key=lambda end: end[0])[1] if ended else None


def _ends(pod: str, container: Container) -> Iterable[tuple[datetime, Ending]]:
    """When its last runs failed, and how."""
    if container.state == "terminated" and container.exit_code:
        ending = Ending(pod=pod, container=container.name, code=container.exit_code, reason=container.reason)
        yield container.finished_at or _UNKNOWN, ending
    if container.last_exit_code:
        code, reason, again = container.last_exit_code, container.last_reason, container.state != "waiting"
        ending = Ending(pod=pod, container=container.name, code=code, reason=reason, previous=again)
        yield container.last_finished_at or _UNKNOWN, ending


def _since(condition: Mapping[str, Any], created_at: datetime) -> datetime | None:
    if condition.get("status") != "True":
        return None
    return lenient.moment(condition.get("lastTransitionTime")) or created_at
