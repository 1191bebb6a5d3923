"""What people are told who ask why a failed Job was told, or was not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.api.kinds import policy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core import failed_jobs
from platelet.core.failed_jobs import Seen
from platelet.explain import jobs
from platelet.explain.eligibility import Unread
from platelet.model.failed_job import MAX_FAILED_JOBS, FailedJob, Job
from tests.unit.situations import NOW

MINUTE, SUBJECT = timedelta(minutes=1), ("CronJob", "shop", "report")
TRIGGER = {"job": {"reasons": ["BackoffLimitExceeded"]}}


def failed(number: int, minutes: int, **more: Any) -> Job:
    facts = {"cron_job": "report", "reason": "BackoffLimitExceeded", "message": "too often", **more}
    return Job(namespace="shop", name=f"report-{number}", uid=f"u{number}", failed_at=NOW - minutes * MINUTE, **facts)


def resolved(*entries: FailedJob, mode: str = "Enforce", trigger: dict[str, Any] = TRIGGER) -> ResolvedPolicy:
    spec = {"mode": mode, "triggers": [trigger], "targets": {"all": True}, "runbookRef": {"name": "r"}}
    stored = {"metadata": {"namespace": "shop", "name": "heal", "uid": "u"}, "spec": spec}
    return ResolvedPolicy(
        loaded=policy.read_policy(stored), runbook=None, namespaces=frozenset({"shop"}), failed_jobs=entries
    )


def recorded(*of: Job, mode: str = "Enforce") -> tuple[FailedJob, ...]:
    """As the operator has it on record."""
    standing = resolved(mode=mode).policy
    return failed_jobs.judge(standing, (), Seen(jobs=of, succeeded_at={}, matches=lambda _job: True), NOW).listed


ONE = failed(1, 10)
COMPLETE = replace(failed(2, 0), failed_at=None, complete_at=NOW - 5 * MINUTE)
FULL = recorded(*(failed(number, 10, cron_job=f"c{number:02}") for number in range(MAX_FAILED_JOBS)))
MANY = [failed(number, 10, cron_job=f"c{number:02}") for number in range(MAX_FAILED_JOBS)]
CASES: dict[str, tuple[list[Job], ResolvedPolicy | Unread, bool, str]] = {
    "it was told": ([ONE], resolved(*recorded(ONE)), True, "people were called; it fails since"),
    "nobody is called": (
        [ONE],
        resolved(*recorded(ONE, mode="Observe"), mode="Observe"),
        True,
        "mode Observe: nobody is called; it fails since",
    ),
    "it will be": ([ONE], resolved(), True, "it is told within half a minute: it fails since"),
    "the operator may not read it": (
        [ONE],
        replace(resolved(), jobs_unread="the operator may not list jobs.batch"),
        False,
        "the operator may not list jobs.batch",
    ),
    "the operator may not read it any more": (
        [ONE, COMPLETE],
        replace(resolved(*recorded(ONE)), jobs_unread="the operator may not list jobs.batch"),
        True,
        "the operator may not list jobs.batch",
    ),
    "it is over in a moment": (
        [ONE, COMPLETE],
        resolved(*recorded(ONE)),
        True,
        "is over within half a minute: a Job succeeded",
    ),
    "it is over": (
        [],
        resolved(replace(recorded(ONE)[0], resolved_at=NOW - MINUTE, resolution="Job report-1 is gone")),
        True,
        "it was told, and is over since 2026-11-21T11:59:00Z (1m ago): Job report-1 is gone",
    ),
    "none has failed": ([COMPLETE], resolved(), False, "no Job of it that is there has failed"),
    "one has succeeded since": ([ONE, COMPLETE], resolved(), False, "a Job has succeeded since"),
    "ours": ([replace(ONE, ours=True)], resolved(), False, "a step of a Runbook has started it"),
    "another reason": (
        [replace(ONE, reason="DeadlineExceeded")],
        resolved(),
        False,
        "not this one: it looks for Jobs of the namespace that have failed, with BackoffLimitExceeded",
    ),
    "long ago": ([failed(1, 24 * 60 + 1)], resolved(), False, "more than a day before it was first seen"),
    "no place": ([ONE, *MANY], resolved(*FULL), False, "the policy's list is full"),
    "no trigger": ([ONE], resolved(trigger={"pod": {"reasons": ["Unready"]}}), False, "it has no trigger `job`"),
    "another namespace": (
        [ONE],
        replace(resolved(), namespaces=frozenset({"other"})),
        False,
        "its namespaceSelector does not choose namespace shop",
    ),
    "unread": ([ONE], Unread(key="shop/heal", because="you may not read them"), False, "you may not read them"),
}


@pytest.mark.parametrize(("present", "standing", "tells", "words"), CASES.values(), ids=CASES)
def test_why_a_policy_tells_of_it(
    present: list[Job],
    standing: ResolvedPolicy | Unread,
    tells: bool,  # noqa: FBT001 - a table
    words: str,
) -> None:
    story = jobs.explain(SUBJECT, present, {}, [standing], NOW)
    (teller,) = story.tellers
    assert (teller.tells, words in teller.because) == (tells, True), teller.because
    assert jobs.document(story)["policies"][0]["because"] == [teller.because]


def test_the_newest_end_first() -> None:
    story = jobs.explain(SUBJECT, [failed(1, 10), COMPLETE], {}, [resolved()], NOW)
    assert jobs.text(story) == [
        "CronJob shop/report",
        "Jobs",
        "  report-2 is complete 2026-11-21T11:55:00Z (5m ago)",
        "  report-1 failed 2026-11-21T11:50:00Z (10m ago): BackoffLimitExceeded: too often",
        "Policies",
        "  no  shop/heal (Enforce)",
        "        a Job has succeeded since, 2026-11-21T11:55:00Z (5m ago)",
    ]
    assert [job["name"] for job in jobs.document(story)["jobs"]] == ["report-2", "report-1"]


def test_of_what_nobody_knows_there_is_no_story() -> None:
    assert not jobs.explain(SUBJECT, [], {}, [resolved()], NOW).is_known
