"""What happened to a CronJob, or to a Job that no CronJob controls, as one list by time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core import failed_jobs
from platelet.explain import calls
from platelet.explain.entry import Entry, in_order, not_over_before
from platelet.explain.object_events import tell_events
from platelet.explain.timeline import Timeline
from platelet.model import reasons
from platelet.model.failed_job import FailedJob, Job, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is known of a Job or CronJob."""

    jobs: Sequence[Job]  # all of the namespace
    exists: bool  # the CronJob, or the Job
    policies: Sequence[ResolvedPolicy]
    events: Sequence[Mapping[str, Any]]  # of the namespace


def compile_timeline(subject: Subject, sources: Sources, since: datetime | None, now: datetime) -> Timeline:
    """Make one list of its Jobs, what policies have on record of them, and Events."""
    of_it = [job for job in sources.jobs if job.subject == subject]
    recorded = [
        (resolved, entry) for resolved in sources.policies for entry in resolved.failed_jobs if entry.subject == subject
    ]
    by_uid = {entry.uid: entry for _, entry in recorded}
    names = {job.name for job in of_it if not job.ours} | {entry.name for entry in by_uid.values()}
    unordered = [
        *(entry for job in of_it for entry in _job(job, by_uid)),
        *_gone(by_uid.values(), of_it),
        *(event for resolved, entry in recorded for event in _record(resolved, entry)),
        *tell_events(
            sources.events,
            {(subject[0], subject[2]), *(("Job", name) for name in names | {job.name for job in of_it})},
            tuple(f"Job {subject[1]}/{name} " for name in names),
        ),
    ]
    entries = not_over_before(since, in_order(unordered))
    return Timeline(target=subject, exists=sources.exists, since=since, entries=entries, now=now)


def _job(job: Job, recorded: Mapping[str, FailedJob]) -> Iterator[Entry]:
    """How a Job has ended. What is on record of it says also how its container did."""
    if job.complete_at is not None:
        message = f"Job {job.namespace}/{job.name} is complete"
        yield Entry(at=job.complete_at, kind="job", reason=reasons.JOB_COMPLETE, message=message)
    if job.failed_at is not None:
        message = recorded[job.uid].message if job.uid in recorded else failed_jobs.say(job)
        yield Entry(at=job.failed_at, kind="job", reason=reasons.JOB_FAILED, message=message)


def _gone(recorded: Iterable[FailedJob], jobs: Iterable[Job]) -> Iterator[Entry]:
    """The Jobs that are deleted by now."""
    uids = {job.uid for job in jobs}
    for entry in recorded:
        if entry.uid not in uids:
            yield Entry(at=entry.failed_at, kind="job", reason=reasons.JOB_FAILED, message=entry.message)


def _record(resolved: ResolvedPolicy, entry: FailedJob) -> Iterator[Entry]:
    """That a policy has it on record, whom it has called, and that it is over."""
    key = resolved.policy.key
    yield Entry(
        at=entry.since,
        kind="opened",
        message=f"on record of policy {key}: {'people are called' if entry.call is not None else 'nobody is called'}",
        count=entry.count,
        last_at=entry.failed_at if entry.failed_at > entry.since else None,
    )
    yield from calls.tell(key, entry, resolved.notifications)
