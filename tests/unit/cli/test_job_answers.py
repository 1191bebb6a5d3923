"""A failed Job is acknowledged on the policies that call people for it, and what is over is cleared away."""

from dataclasses import replace

import pytest

from platelet.api.kinds.policy import read_policy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.cli import job_answers, named_objects
from platelet.cli.session import NothingToTellError
from platelet.explain.eligibility import Unread
from platelet.model.approval import JOB_ACKNOWLEDGED
from platelet.model.failed_job import FailedJob
from tests.unit.explain.records_of_jobs import RECORD, policy_with
from tests.unit.situations import NOW

assert RECORD.call is not None
HEARD = replace(RECORD, call=replace(RECORD.call, acknowledged_by="ann", acknowledged_at=NOW))
OVER = replace(RECORD, resolved_at=NOW)


def resolved(*records: FailedJob) -> ResolvedPolicy:
    loaded = read_policy(policy_with(*records))
    return ResolvedPolicy(loaded=loaded, runbook=None, namespaces=frozenset({"shop"}), failed_jobs=records)


def test_each_policy_that_calls_people_is_answered() -> None:
    policies: list[ResolvedPolicy | Unread] = [
        resolved(RECORD),
        resolved(),
        resolved(HEARD),
        Unread(key="a/b", because="spoilt"),
    ]
    (only,) = job_answers.find(RECORD.subject, policies)
    assert (only.namespace, only.policy, only.entry) == ("shop", "heal", RECORD)


NOTHING: dict[str, tuple[tuple[FailedJob, ...], str]] = {
    "it is not on record": ((), "people are not called for CronJob shop/report now: platelet explain cronjob/report"),
    "it is over": ((OVER,), "people are not called"),
    "the policy observes": ((replace(RECORD, call=None),), "people are not called"),
    "somebody was faster": ((HEARD,), "is acknowledged already, by ann"),
}


@pytest.mark.parametrize(("records", "words"), NOTHING.values(), ids=NOTHING)
def test_where_there_is_nothing_to_acknowledge_one_line_says_why(records: tuple[FailedJob, ...], words: str) -> None:
    with pytest.raises(NothingToTellError, match=words):
        job_answers.find(RECORD.subject, [resolved(*records)])


def test_what_is_over_is_taken_away_with_the_next_answer() -> None:
    uid, other = "uid-policy", replace(RECORD, cron_job="backup")
    earlier = replace(RECORD, since=NOW)
    stored = policy_with(RECORD, other)
    kept = {"team": "a", JOB_ACKNOWLEDGED + other.token(uid): "bob"}
    stored["metadata"]["annotations"] = kept | {JOB_ACKNOWLEDGED + earlier.token(uid): "bob"}
    assert job_answers.annotations(stored, RECORD, "ann") == {
        JOB_ACKNOWLEDGED + earlier.token(uid): None,
        JOB_ACKNOWLEDGED + RECORD.token(uid): "ann",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("job/report-1", ("Job", "report-1")),
        ("cj/report", ("CronJob", "report")),
        ("rem/deployment-api-1", ("Remediation", "deployment-api-1")),
        ("deployment-api-1", ("Remediation", "deployment-api-1")),
    ],
)
def test_what_can_be_acknowledged(text: str, expected: tuple[str, str]) -> None:
    assert named_objects.acknowledged(text) == expected
