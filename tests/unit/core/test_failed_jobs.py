"""Which failed Jobs people are told of, and when that is over: the same whenever it is looked at, and never twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.core import failed_jobs, recorded_calls
from platelet.core.deliveries import Ledger
from platelet.core.failed_jobs import Seen
from platelet.model.effects import Publish
from platelet.model.failed_job import MAX_FAILED_JOBS, FailedJob, Job
from platelet.model.policy import Policy
from platelet.sinks.webhook import Webhook
from platelet.triggers import job as trigger
from platelet.triggers.job import JobTrigger
from tests.unit.situations import NOW

MINUTE = timedelta(minutes=1)
ANY = JobTrigger()
POLICY = Policy(
    namespace="shop", name="heal", uid="uid-policy", mode="Enforce", sinks={"webhook": Webhook(url="http://pager.svc/")}
)


def failed(number: int, minutes: int, **more: Any) -> Job:
    """The nth Job of CronJob report, which failed so many minutes ago."""
    facts = {"cron_job": "report", "reason": "BackoffLimitExceeded", "message": "too often", **more}
    return Job(namespace="shop", name=f"report-{number}", uid=f"u{number}", failed_at=NOW - minutes * MINUTE, **facts)


def complete(number: int, minutes: int, **more: Any) -> Job:
    return replace(failed(number, 0, **more), failed_at=None, complete_at=NOW - minutes * MINUTE)


def seen(*jobs: Job, succeeded: int | None = None, settings: JobTrigger | None = ANY) -> Seen:
    """`succeeded` is how many minutes ago the CronJob says that one of its Jobs did."""
    at = {("CronJob", "shop", "report"): NOW - succeeded * MINUTE} if succeeded is not None else {}
    return Seen(jobs=jobs, succeeded_at=at, matches=lambda job: settings is not None and trigger.matches(settings, job))


def judge(known: tuple[FailedJob, ...], what: Seen, policy: Policy = POLICY) -> tuple[FailedJob, ...]:
    return failed_jobs.judge(policy, known, what, NOW).listed


(OPEN,) = judge((), seen(failed(1, 10)))
OVER = replace(OPEN, resolved_at=NOW - MINUTE, resolution="a Job succeeded")

NEWS: dict[str, tuple[Seen, list[tuple[str, int]]]] = {
    "one has failed": (seen(failed(1, 10)), [("report-1", 1)]),
    "two in a row are told as one": (seen(failed(2, 5), failed(1, 10)), [("report-2", 2)]),
    "one has succeeded since": (seen(failed(1, 10), complete(2, 5)), []),
    "one had succeeded before": (seen(complete(1, 20), failed(2, 10)), [("report-2", 1)]),
    "what failed before the last success does not count": (
        seen(failed(1, 30), complete(2, 20), failed(3, 10)),
        [("report-3", 1)],
    ),
    "the CronJob says that one has succeeded since": (seen(failed(1, 10), succeeded=5), []),
    "two CronJobs": (seen(failed(1, 10), failed(2, 10, cron_job="clean")), [("report-2", 1), ("report-1", 1)]),
    "a Job of nobody": (seen(failed(1, 10, cron_job="")), [("report-1", 1)]),
    "it failed more than a day ago": (seen(failed(1, 24 * 60 + 1)), []),
    "a step has started it": (seen(failed(1, 10, ours=True)), []),
    "the success of one that a step has started says nothing": (
        seen(failed(1, 10), complete(2, 5, ours=True)),
        [("report-1", 1)],
    ),
    "no trigger is for it": (seen(failed(1, 10), settings=None), []),
}


@pytest.mark.parametrize(("what", "expected"), NEWS.values(), ids=NEWS)
def test_what_is_new(what: Seen, expected: list[tuple[str, int]]) -> None:
    assert [(entry.name, entry.count) for entry in judge((), what)] == expected


FOLLOWED: dict[str, tuple[Seen, FailedJob, str]] = {
    "nothing has changed": (seen(failed(1, 10)), OPEN, ""),
    "it has failed again": (
        seen(failed(1, 10), failed(2, 5)),
        replace(judge((), seen(failed(2, 5)))[0], since=OPEN.since, count=2),
        "",
    ),
    "a Job has succeeded": (seen(failed(1, 10), complete(2, 5)), OPEN, "a Job succeeded at 2026-11-21T11:55:00Z"),
    "the CronJob says so": (seen(failed(1, 10), succeeded=5), OPEN, "a Job succeeded at 2026-11-21T11:55:00Z"),
    "one had succeeded before": (seen(failed(1, 10), succeeded=15), OPEN, ""),
    "it was deleted": (seen(), OPEN, "Job report-1 is gone"),
    "another of that name was made": (
        seen(replace(failed(1, 0), failed_at=None, uid="u9")),
        OPEN,
        "Job report-1 is gone",
    ),
    "the trigger is gone": (seen(failed(1, 10), settings=None), OPEN, "no trigger of the policy is for it any more"),
    "the trigger asks for others": (
        seen(failed(1, 10), settings=JobTrigger(reasons=("DeadlineExceeded",))),
        OPEN,
        "no trigger of the policy is for it any more",
    ),
}


@pytest.mark.parametrize(("what", "expected", "resolution"), FOLLOWED.values(), ids=FOLLOWED)
def test_what_becomes_of_one_that_was_told(what: Seen, expected: FailedJob, resolution: str) -> None:
    (entry,) = judge((OPEN,), what)
    assert entry.resolution == resolution
    assert entry.is_open is (resolution == "")
    assert replace(entry, resolved_at=None, resolution="") == expected


RETURNS: dict[str, tuple[Seen, bool]] = {
    "the old Job is still there": (seen(failed(1, 10)), False),
    "a new one fails": (seen(failed(1, 10), failed(2, 5)), True),
    "a new one failed before the success": (seen(failed(2, 5), complete(3, 4)), False),
}


@pytest.mark.parametrize(("what", "begins"), RETURNS.values(), ids=RETURNS)
def test_what_is_over_begins_anew_only_with_a_new_failure(what: Seen, begins: bool) -> None:  # noqa: FBT001 - a table
    (entry,) = judge((OVER,), what)
    assert entry.is_open is begins
    assert (entry.known_as != OVER.known_as) is begins


def test_what_has_no_place_is_counted_and_what_fails_is_not_forgotten_for_it() -> None:
    many = [failed(number, 10, cron_job=f"c{number:02}") for number in range(MAX_FAILED_JOBS + 3)]
    verdict = failed_jobs.judge(POLICY, (), seen(*many), NOW)
    assert (len(verdict.listed), verdict.unlisted) == (MAX_FAILED_JOBS, 3)
    gone = failed_jobs.judge(POLICY, verdict.listed, seen(*many[2:]), NOW)
    assert gone.unlisted == 1, "two were over, and made room"
    assert all(entry.is_open for entry in gone.listed)


ASKED: dict[str, tuple[tuple[FailedJob, ...], Seen, bool]] = {
    "nothing fails": ((), seen(complete(1, 10)), False),
    "a Job of a CronJob has failed": ((), seen(failed(1, 10)), True),
    "a Job of nobody has failed": ((), seen(failed(1, 10, cron_job="")), False),
    "one is on record": ((OPEN,), seen(failed(1, 10)), True),
    "it is over": ((OVER,), seen(failed(1, 10)), False),
    "it is over, and one fails anew": ((OVER,), seen(failed(2, 5)), True),
    "it was long ago": ((), seen(failed(1, 60 * 25)), False),
}


@pytest.mark.parametrize(("known", "what", "expected"), ASKED.values(), ids=ASKED)
def test_when_cronjobs_are_asked(known: tuple[FailedJob, ...], what: Seen, expected: bool) -> None:  # noqa: FBT001 - a table
    assert failed_jobs.depends_on_success(known, what, NOW) is expected


def kept(known: tuple[FailedJob, ...], listed: tuple[FailedJob, ...], policy: Policy = POLICY) -> tuple[list[str], int]:
    """What is kept for the webhook, and how many Events are written."""
    news = announce(known, listed, policy)
    events = [effect for effect in news.effects if isinstance(effect, Publish)]
    return [notification.kind for notification in news.ledger.notifications], len(events)


def announce(
    known: tuple[FailedJob, ...], listed: tuple[FailedJob, ...], policy: Policy = POLICY
) -> recorded_calls.Announcement[FailedJob]:
    return recorded_calls.announce(policy, known, listed, Ledger(notifications=()), NOW)


OBSERVING = replace(POLICY, mode="Observe")


def test_people_are_told_once_and_of_its_end() -> None:
    assert kept((), (OPEN,)) == (["JobFailed"], 2), "an Event on the Job, and one on the policy"
    (called,) = announce((), (OPEN,)).listed
    over = replace(called, resolved_at=NOW, resolution="a Job succeeded")
    assert kept((called,), (replace(called, name="report-2", count=2),)) == ([], 0)
    assert kept((called,), (over,)) == (["JobOver"], 1)
    assert kept((over,), (over,)) == ([], 0)


def test_who_observes_calls_nobody() -> None:
    (quiet,) = judge((), seen(failed(1, 10)), OBSERVING)
    assert quiet.call is None
    assert kept((), (quiet,), OBSERVING)[0] == []
    assert kept((quiet,), (replace(quiet, resolved_at=NOW),))[0] == [], "nobody was called, so nobody waits for its end"
    assert kept((quiet,), judge((quiet,), seen(failed(1, 10))))[0] == ["JobFailed"], "it acts by now"


JOBS = st.lists(
    st.builds(
        lambda number, minutes, ok, owner: (complete if ok else failed)(number, minutes, cron_job=owner),
        st.integers(0, 5),
        st.integers(0, 60),
        st.booleans(),
        st.sampled_from(["", "report", "clean"]),
    ),
    max_size=8,
    unique_by=lambda job: job.name,
)


@given(first=JOBS, second=JOBS)
def test_looking_again_changes_nothing_and_tells_nothing(first: list[Job], second: list[Job]) -> None:
    """Whatever there was, and is now: each look is judged by what is on record, and comes to the same again."""
    before = judge((), seen(*first))
    for jobs in (first, second):
        after = announce(before, judge(before, seen(*jobs))).listed
        again = judge(after, seen(*jobs))
        assert again == after
        assert kept(after, again) == ([], 0)
        before = after


@given(jobs=JOBS)
def test_each_is_listed_once(jobs: list[Job]) -> None:
    listed = judge((), seen(*jobs))
    assert len({entry.subject for entry in listed}) == len(listed)
