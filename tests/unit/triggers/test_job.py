"""The trigger on Jobs that have failed: which it is for, and what a Job says of itself."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from platelet.api.readers import jobs, pods
from platelet.changes.started_job import STARTED_FOR
from platelet.model.failed_job import Job
from platelet.triggers import job as trigger
from platelet.triggers.job import JobTrigger
from tests.unit.situations import NOW

FAILED = Job(namespace="shop", name="report-1", uid="u1", failed_at=NOW, reason="DeadlineExceeded")

CASES: dict[str, tuple[JobTrigger, Job, bool]] = {
    "whatever the reason": (JobTrigger(), FAILED, True),
    "the reason that is asked for": (JobTrigger(reasons=("DeadlineExceeded",)), FAILED, True),
    "another reason": (JobTrigger(reasons=("BackoffLimitExceeded",)), FAILED, False),
    "it runs": (JobTrigger(), replace(FAILED, failed_at=None), False),
    "a step of a Runbook has started it": (JobTrigger(), replace(FAILED, ours=True), False),
    "all labels": (JobTrigger(match_labels={"a": "1"}), replace(FAILED, labels={"a": "1", "b": "2"}), True),
    "a label that it lacks": (JobTrigger(match_labels={"a": "1", "b": "2"}), replace(FAILED, labels={"a": "1"}), False),
}


@pytest.mark.parametrize(("settings", "job", "expected"), CASES.values(), ids=CASES)
def test_which_jobs_it_is_for(settings: JobTrigger, job: Job, expected: bool) -> None:  # noqa: FBT001 - a table
    assert trigger.matches(settings, job) is expected


def a_job(*conditions: Any, owner: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    owners = [owner] if owner is not None else []
    meta = {"namespace": "shop", "name": "report-1", "uid": "u1", "creationTimestamp": "2026-11-21T10:00:00Z"}
    return {"metadata": {**meta, "ownerReferences": owners, **metadata}, "status": {"conditions": list(conditions)}}


CREATED, AT = datetime(2026, 11, 21, 10, tzinfo=UTC), datetime(2026, 11, 21, 11, tzinfo=UTC)
DONE = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-21T11:00:00Z"}
BROKEN = {**DONE, "type": "Failed", "reason": "BackoffLimitExceeded", "message": "too often"}
READ: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "it has failed": (a_job(BROKEN), {"failed_at": AT, "reason": "BackoffLimitExceeded", "message": "too often"}),
    "it is complete": (a_job(DONE), {"complete_at": AT}),
    "it is about to fail": (a_job({**BROKEN, "type": "FailureTarget"}), {}),
    "it has not failed": (
        a_job({**BROKEN, "status": "False"}),
        {"reason": "BackoffLimitExceeded", "message": "too often"},
    ),
    "it does not say since when": (a_job({"type": "Failed", "status": "True"}), {"failed_at": CREATED}),
    "conditions that are none": (a_job("x", 7), {}),
    "a CronJob controls it": (a_job(owner={"kind": "CronJob", "name": "r", "controller": True}), {"cron_job": "r"}),
    "a CronJob owns it only": (a_job(owner={"kind": "CronJob", "name": "r"}), {}),
    "another kind controls it": (a_job(owner={"kind": "Workflow", "name": "r", "controller": True}), {}),
    "we have started it": (a_job(annotations={STARTED_FOR: "u2"}), {"ours": True}),
}


@pytest.mark.parametrize(("stored", "expected"), READ.values(), ids=READ)
def test_what_a_job_says(stored: dict[str, Any], expected: dict[str, Any]) -> None:
    assert jobs.read_job(stored) == replace(Job(namespace="shop", name="report-1", uid="u1"), **expected)


def a_pod(job: str, *ends: tuple[str, int, str]) -> Any:
    """A pod of a Job whose containers ended so: at which minute, with which code and reason."""
    statuses = [
        {"name": name, "state": {"terminated": {"exitCode": code, "reason": reason, "finishedAt": at}}}
        for name, (at, code, reason) in zip("abc", ends, strict=False)
    ]
    owner = {"kind": "Job", "name": "report-1", "uid": job, "controller": True}
    meta = {"namespace": "shop", "name": "p", "uid": "p", "creationTimestamp": "2026-11-21T10:00:00Z"}
    stored = {"metadata": {**meta, "ownerReferences": [owner]}, "status": {"containerStatuses": statuses}}
    return pods.read_pod(stored)


EARLY, LATE = "2026-11-21T10:01:00Z", "2026-11-21T10:02:00Z"
ENDS: dict[str, tuple[list[Any], str]] = {
    "no pod is left": ([], ""),
    "all well": ([a_pod("u1", (EARLY, 0, "Completed"))], ""),
    "the last failure": ([a_pod("u1", (LATE, 3, "Error")), a_pod("u1", (EARLY, 2, "Error"))], "container a exited 3"),
    "a reason that says more": ([a_pod("u1", (EARLY, 137, "OOMKilled"))], "container a exited 137 (OOMKilled)"),
    "the one of two that failed": ([a_pod("u1", (LATE, 0, "Completed"), (EARLY, 1, "Error"))], "container b exited 1"),
    "the pod of another Job of that name": ([a_pod("u0", (LATE, 3, "Error"))], ""),
}


@pytest.mark.parametrize(("left", "expected"), ENDS.values(), ids=ENDS)
def test_how_a_container_ended(left: list[Any], expected: str) -> None:
    ending = jobs.find_last_failure(left, "u1")
    assert (str(ending) if ending is not None else "") == expected


def test_when_a_cronjob_succeeded_last() -> None:
    statuses = {"report": {"lastSuccessfulTime": "2026-11-21T11:00:00Z"}, "odd": {"lastSuccessfulTime": 7}, "new": {}}
    stored = [{"metadata": {"namespace": "shop", "name": name}, "status": status} for name, status in statuses.items()]
    assert jobs.read_last_successes(stored) == {("CronJob", "shop", "report"): AT}


def test_people_read_that_it_only_tells() -> None:
    text = trigger.TRIGGER.describe(JobTrigger(reasons=("DeadlineExceeded",)), ())
    assert text == "it looks for Jobs of the namespace that have failed, with DeadlineExceeded, and only tells people"
