"""The log of a Job that a step has started: whose is read once it has ended, where the policy asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from platelet import changes
from platelet.core import log_tails, record
from platelet.model.log_tail import LogSource
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.resource import pods_of_job
from platelet.model.situation import Situation
from platelet.model.workload import Container, Pod

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedJob:
    """A Job that has ended well or badly, or is about to be stopped, and of whose log nothing is on record yet."""

    attempt: str
    namespace: str
    name: str
    uid: str
    hidden: tuple[str, ...]  # values in its own template that are known to be secret

    @property
    def pods(self) -> str:
        """The label selector of its pods."""
        return pods_of_job(self.name)


def ended(situation: Situation, now: datetime) -> EndedJob | None:
    """The Job of the attempt that is verified; None: it goes on, its log was read, or nobody asked for it."""
    policy, status = situation.policy, situation.remediation.status
    attempt = _verified(status)
    if policy is None or not policy.evidence.logs or attempt is None or attempt.log_tail is not None:
        return None
    job = changes.ended_job(attempt, situation, now)
    if job is None:
        return None
    return EndedJob(
        attempt=attempt.id,
        namespace=situation.target.namespace,
        name=job["metadata"]["name"],
        uid=job["metadata"]["uid"],
        hidden=tuple(log_tails.credentials(job["spec"]["template"])),
    )


def choose(job: EndedJob, pods: Sequence[Pod]) -> LogSource | None:
    """The container of its pods that has failed last, else the one that has ended last; None: none has run."""
    ran = [
        (pod, container)
        for pod in pods
        if pod.owner is not None and pod.owner.uid == job.uid
        for container in pod.containers
        if container.state in ("running", "terminated") or container.last_finished_at is not None
    ]
    if not ran:
        return None
    pod, container = max(ran, key=_tells_most)
    return LogSource(
        namespace=pod.namespace,
        pod=pod.name,
        container=container.name,
        previous=container.state == "waiting",
        hidden=job.hidden,
    )


def note(situation: Situation, status: RemediationStatus) -> RemediationStatus:
    """Keep what was read with the attempt that has started the Job."""
    tail, attempt = situation.knowledge.job_log_tail, _verified(status)
    if tail is None or attempt is None or attempt.log_tail is not None:
        return status
    return record.put_attempt(status, replace(attempt, log_tail=tail))


def _verified(status: RemediationStatus) -> Attempt | None:
    if status.state != "Verifying":
        return None
    return next((attempt for attempt in reversed(status.attempts) if attempt.kind == "Act"), None)


def _tells_most(ran: tuple[Pod, Container]) -> tuple[bool, bool, datetime, datetime]:
    """One that has failed, before one that prepares the pod; then the newest."""
    pod, container = ran
    failed = bool(container.exit_code if container.state == "terminated" else container.last_exit_code)
    ended_at = container.finished_at or container.last_finished_at or _LONG_AGO
    return failed, not container.init, pod.created_at, ended_at
