"""A Job of a CronJob: what is planned, and each refusal."""

from typing import Any

import pytest

from platelet.actions import job
from platelet.model import reasons
from platelet.model.resource import JOBS
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from tests.unit.changes.test_started_job import COMPLETE, FAILED, a_cron_job, a_job, around
from tests.unit.situations import NOW

SETTINGS = job.Job(from_cron_job="mend")


def a_job_of(uid: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    """One that somebody has made of the CronJob with this uid."""
    made = a_job(*conditions)
    return {**made, "metadata": {**made["metadata"], "name": "by-hand", "ownerReferences": [{"uid": uid}]}}


def planned(situation: Situation) -> Plan | Refusal:
    return job.plan(SETTINGS, situation, NOW)


IDLE = {
    "no Job at all": (),
    "one that is complete": (a_job_of("uid-mend", COMPLETE),),
    "one that has failed": (a_job_of("uid-mend", FAILED),),
    "one of another CronJob": (a_job_of("uid-other"),),
}


@pytest.mark.parametrize("jobs", IDLE.values(), ids=IDLE)
def test_it_is_planned_where_no_other_runs(jobs: tuple[dict[str, Any], ...]) -> None:
    plan = planned(around(a_cron_job(), lists={JOBS.plural: jobs}))
    assert isinstance(plan, Plan)
    (change,) = plan.changes
    assert change.object is not None
    assert plan.summary == f"run Job {change.object.name} of CronJob mend, for at most 10m"
    assert plan.revert is None


GOING = {**a_cron_job(), "metadata": {**a_cron_job()["metadata"], "deletionTimestamp": "x"}}
REFUSED = {
    "there is no such CronJob": (around(lists={JOBS.plural: ()}), reasons.MISSING_REFERENCE),
    "it is being deleted": (around(GOING, lists={JOBS.plural: ()}), reasons.MISSING_REFERENCE),
    "Jobs may not be read": (around(a_cron_job()), reasons.JOB_RUNNING),
    "another one runs": (around(a_cron_job(), lists={JOBS.plural: (a_job_of("uid-mend"),)}), reasons.JOB_RUNNING),
    "one of its name is there": (around(a_cron_job(), a_job(), lists={JOBS.plural: ()}), reasons.ALREADY_THERE),
}


@pytest.mark.parametrize(("situation", "reason"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused(situation: Situation, reason: str) -> None:
    refusal = planned(situation)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_what_it_needs_to_know_is_read() -> None:
    """The CronJob, and the very name that the plan will have."""
    situation = around(a_cron_job(), lists={JOBS.plural: ()})
    plan = planned(situation)
    assert isinstance(plan, Plan)
    read = [resource.named(name) for resource, name in job.ACTION.objects(SETTINGS, situation)]
    assert plan.changes[0].object in read
