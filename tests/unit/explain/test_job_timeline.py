"""The timeline of a CronJob: how its Jobs have ended, what policies have on record, and who was told."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.api.kinds.policy import read_policy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.cli import timeline as timeline_command
from platelet.explain import job_timeline, timeline
from platelet.explain.timeline import Timeline
from platelet.model.failed_job import FailedJob, Job
from platelet.model.notification import Notification
from tests.unit.explain.records_of_jobs import CALL, RECORD, policy_with
from tests.unit.situations import NOW, minutes

SUBJECT = ("CronJob", "shop", "report")
FIRST = Job(
    namespace="shop", name="report-1", uid="u1", cron_job="report", failed_at=NOW - minutes(30),
    reason="BackoffLimitExceeded", message="too often",
)  # fmt: skip
SECOND = replace(FIRST, name="report-2", uid="u2", failed_at=NOW - minutes(10))
THIRD = replace(FIRST, name="report-3", uid="u3", failed_at=None, complete_at=NOW - minutes(1))
AS_TOLD = "Job shop/report-1 of CronJob report failed: BackoffLimitExceeded: too often"
OVER = replace(RECORD, resolved_at=NOW, resolution="a Job succeeded")


def resolved(*records: FailedJob, notifications: tuple[Notification, ...] = ()) -> ResolvedPolicy:
    return ResolvedPolicy(
        loaded=read_policy(policy_with()),
        runbook=None,
        namespaces=frozenset({"shop"}),
        failed_jobs=records,
        notifications=notifications,
    )


def compiled(
    *jobs: Job, policy: ResolvedPolicy, events: tuple[dict[str, Any], ...] = (), minutes_ago: int = 0
) -> Timeline:
    sources = job_timeline.Sources(jobs=jobs, exists=True, policies=[policy], events=events)
    since = NOW - minutes(minutes_ago) if minutes_ago else None
    return job_timeline.compile_timeline(SUBJECT, sources, since, NOW)


def lines(story: Timeline) -> list[str]:
    return [" ".join(line.split()) for line in timeline_command.text(story, wide=False)]


def test_one_list_by_time() -> None:
    story = compiled(THIRD, SECOND, FIRST, policy=resolved(OVER, notifications=(CALL,)))
    assert lines(story) == [
        "CronJob shop/report: 6 entries",
        f"2026-11-21T11:30:00Z job JobFailed: {AS_TOLD}",
        "2026-11-21T11:30:00Z opened on record of policy shop/heal: people are called (2 times)",
        "2026-11-21T11:32:00Z told shop/heal: JobFailed: level 1: pagerduty",
        f"2026-11-21T11:50:00Z job JobFailed: {RECORD.message}",
        "2026-11-21T11:59:00Z job JobComplete: Job shop/report-3 is complete",
        "2026-11-21T12:00:00Z resolved shop/heal: Resolved: a Job succeeded",
    ]


def test_a_job_that_is_gone_is_told_from_its_record() -> None:
    story = compiled(policy=resolved(RECORD))
    assert [(entry.kind, entry.message) for entry in story.entries] == [
        ("opened", "on record of policy shop/heal: people are called"),
        ("job", RECORD.message),
    ]


def test_who_has_heard_of_it_is_told() -> None:
    assert RECORD.call is not None
    heard = replace(RECORD.call, acknowledged_by="ann", acknowledged_at=NOW - minutes(5))
    story = compiled(policy=resolved(replace(RECORD, call=heard)))
    last = story.entries[-1]
    assert (last.kind, last.by, last.reason, last.message) == (
        "decision",
        "shop/heal",
        "Acknowledged",
        "ann has heard of it",
    )


def test_a_policy_that_observes_calls_nobody() -> None:
    story = compiled(policy=resolved(replace(RECORD, call=None)))
    assert story.entries[0].message == "on record of policy shop/heal: nobody is called"


def test_what_is_of_others_is_left_out() -> None:
    other = replace(SECOND, name="backup-1", uid="u7", cron_job="backup")
    untaken = replace(CALL, told_at=None, state="Pending")
    story = compiled(other, policy=resolved(replace(RECORD, cron_job="backup"), notifications=(untaken,)))
    assert story.entries == ()


def test_since_keeps_what_still_goes_on() -> None:
    story = compiled(FIRST, SECOND, policy=resolved(RECORD), minutes_ago=15)
    assert [entry.kind for entry in story.entries] == ["opened", "job"]
    assert timeline.document(story)["target"] == {"kind": "CronJob", "namespace": "shop", "name": "report"}


def an_event(
    kind: str, name: str, by: str = "job-controller", note: str = "Job has reached its limit"
) -> dict[str, Any]:
    regarding = {"kind": kind, "namespace": "shop", "name": name}
    return {
        "metadata": {"creationTimestamp": "2026-11-21T11:50:00Z"},
        "regarding": regarding,
        "reason": "Reason",
        "note": note,
        "reportingController": by,
    }


EVENTS = {
    "of the CronJob": (an_event("CronJob", "report"), True),
    "of its Job": (an_event("Job", "report-2"), True),
    "of another Job": (an_event("Job", "backup-1"), False),
    "ours, which the record says": (
        an_event("Job", "report-2", "platelet.dev/operator", "Job shop/report-2 of CronJob report failed: why"),
        False,
    ),
}


@pytest.mark.parametrize(("event", "is_told"), EVENTS.values(), ids=EVENTS)
def test_events_are_told_where_they_say_something_new(
    event: dict[str, Any],
    is_told: bool,  # noqa: FBT001 - a column
) -> None:
    story = compiled(SECOND, policy=resolved(RECORD), events=(event,))
    assert any(entry.kind == "event" for entry in story.entries) is is_told
