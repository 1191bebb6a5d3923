"""job: run a Job of a CronJob that the target's namespace holds already, and wait for its end.

A suspended CronJob is a shelf for remedies: people put there what a runbook may run, and nothing else is ever started.
One that runs already is not joined by another.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from platelet.changes import started_job
from platelet.model import reasons
from platelet.model.constraint import Matches
from platelet.model.durations import CAMEL, Between, Duration
from platelet.model.policy import ActionTraits
from platelet.model.resource import CRON_JOBS, JOBS, NAME_PATTERN, Resource
from platelet.model.rights import Right
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal

_NAME_RULE = "no name of a CronJob: write it like retry-migration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Run a Job as a CronJob of the workload's namespace describes it, and wait until it has ended.

    What it has done cannot be reverted. If nobody can tell whether it has started, it is not started again.
    """

    from_cron_job: Annotated[
        str,
        Matches(NAME_PATTERN, _NAME_RULE),
        Field(min_length=1, max_length=52, description="The CronJob, which may be suspended."),
    ]
    timeout: Annotated[
        Duration,
        Between("1s", "24h"),
        Field(description="How long it may run: then Kubernetes stops it, if its CronJob does not say earlier."),
    ] = timedelta(minutes=10)

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


def plan(settings: Job, situation: Situation, _now: datetime) -> Plan | Refusal:
    """Pin the Job's name, and the CronJob as it is."""
    cron_job = situation.surroundings.objects.get(CRON_JOBS.named(settings.from_cron_job))
    if cron_job is None or cron_job["metadata"].get("deletionTimestamp"):
        message = f"there is no CronJob {settings.from_cron_job} in {situation.target.namespace}, or it may not be read"
        return Refusal(reason=reasons.MISSING_REFERENCE, message=message)
    jobs = situation.surroundings.lists.get(JOBS.plural)
    if jobs is None:
        message = f"whether a Job of CronJob {settings.from_cron_job} runs is not known: Jobs may not be read"
        return Refusal(reason=reasons.JOB_RUNNING, message=message)
    running = [job for job in jobs if started_job.is_of(job, cron_job) and not started_job.is_over(job)]
    if running:
        message = f"Job {running[0]['metadata']['name']} of CronJob {settings.from_cron_job} runs already"
        return Refusal(reason=reasons.JOB_RUNNING, message=message)
    change = started_job.of(cron_job, settings.timeout, situation)
    if change.object in situation.surroundings.objects:
        return Refusal(reason=reasons.ALREADY_THERE, message=f"{change.object} is there already")
    limit = started_job.say_limit(change)
    name = change.object.name if change.object is not None else ""
    summary = f"run Job {name} of CronJob {settings.from_cron_job}, for at most {limit}"
    return Plan(changes=(change,), summary=summary)


def objects(settings: Job, situation: Situation) -> tuple[tuple[Resource, str], ...]:
    """The CronJob, and the Job if somebody has made one of its name."""
    return (CRON_JOBS, settings.from_cron_job), (JOBS, started_job.name_of(settings.from_cron_job, situation))


ACTION = Action(
    key="job",
    settings=Job,
    changes=(started_job.CHANGE,),
    rights=started_job.CHANGE.rights,
    traits=ActionTraits(name="job", leaves_target_alone=True),
    plan=plan,
    objects=objects,
    needs=lambda settings: ((CRON_JOBS, settings.from_cron_job),),
    lists=(JOBS,),
    reads=(
        Right(group=CRON_JOBS.group, resource=CRON_JOBS.plural, verb="get"),
        Right(group=JOBS.group, resource=JOBS.plural, verb="get"),
        Right(group=JOBS.group, resource=JOBS.plural, verb="list"),
    ),
)
