"""Reads for `explain` what the operator reads of Jobs, with the same code."""

from typing import Literal

from platelet.api.readers import jobs as job_contract
from platelet.cli import session
from platelet.cli.reading import Reader
from platelet.explain import jobs
from platelet.explain.jobs import JobStory
from platelet.model.failed_job import subject_of
from platelet.model.resource import CRON_JOBS, JOBS


async def read(reader: Reader, kind: Literal["Job", "CronJob"], namespace: str, name: str) -> JobStory:
    """The story of a CronJob, or of a Job; of one that a CronJob controls it is that one's. Raises ApiError.

    Raises NothingToTellError where there is neither such an object nor a record of one.
    """
    stored = [job_contract.read_job(job) for job in await reader.kube.list(JOBS, namespace)]
    cron_jobs = await reader.kube.list(CRON_JOBS, namespace)
    subject = ("CronJob", namespace, name)
    if kind == "Job":
        owner = next((job.cron_job for job in stored if job.name == name), "")
        subject = subject_of(namespace, owner, name)
    policies = await reader.resolved_policies(namespace)
    story = jobs.explain(subject, stored, job_contract.read_last_successes(cron_jobs), policies, reader.clock.now())
    exists = any(cron_job["metadata"]["name"] == subject[2] for cron_job in cron_jobs) and subject[0] == "CronJob"
    if not story.is_known and not exists:
        raise session.NothingToTellError(f"there is no {kind} {namespace}/{name}")
    return story
