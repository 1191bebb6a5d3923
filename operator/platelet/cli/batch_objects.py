"""Reads for `explain` and `timeline` what the operator reads of Jobs, with the same code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.readers import jobs as job_contract
from platelet.cli import session
from platelet.cli.reading import Reader
from platelet.explain import jobs
from platelet.explain.eligibility import Unread
from platelet.explain.jobs import JobStory
from platelet.model.failed_job import Job, Subject, subject_of
from platelet.model.resource import CRON_JOBS, JOBS


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchObjects:
    """A CronJob with its Jobs, or a Job that no CronJob controls, and what may look for it."""

    subject: Subject
    exists: bool
    jobs: Sequence[Job]  # all of the namespace
    succeeded_at: Mapping[Subject, datetime]  # of CronJobs, by their own word
    policies: Sequence[ResolvedPolicy | Unread]


async def see(reader: Reader, kind: Literal["Job", "CronJob"], namespace: str, name: str) -> BatchObjects:
    """Read it; a Job that a CronJob controls stands for that one. Raises ApiError."""
    stored = [job_contract.read_job(job) for job in await reader.kube.list(JOBS, namespace)]
    cron_jobs = await reader.kube.list(CRON_JOBS, namespace)
    subject = ("CronJob", namespace, name)
    if kind == "Job":
        owner = next((job.cron_job for job in stored if job.name == name), "")
        subject = subject_of(namespace, owner, name)
    names = [cron_job["metadata"]["name"] for cron_job in cron_jobs] if subject[0] == "CronJob" else []
    return BatchObjects(
        subject=subject,
        exists=subject[2] in names or any(job.subject == subject for job in stored),
        jobs=stored,
        succeeded_at=job_contract.read_last_successes(cron_jobs),
        policies=await reader.resolved_policies(namespace),
    )


async def explain(reader: Reader, kind: Literal["Job", "CronJob"], namespace: str, name: str) -> JobStory:
    """Why people are told of it, or are not. Raises ApiError.

    Raises NothingToTellError where there is neither such an object nor a record of one.
    """
    seen = await see(reader, kind, namespace, name)
    story = jobs.explain(seen.subject, seen.jobs, seen.succeeded_at, seen.policies, reader.clock.now())
    if not story.is_known and not seen.exists:
        raise session.NothingToTellError(f"there is no {kind} {namespace}/{name}")
    return story
