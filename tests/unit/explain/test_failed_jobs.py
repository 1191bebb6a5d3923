"""Failed Jobs as rows: what, when, why, where, who was told, and whether it is over."""

from dataclasses import replace

import pytest

from platelet.explain import failed_jobs
from platelet.model.escalation_levels import ToldLevel
from platelet.model.failed_job import FailedJob
from platelet.model.notification import Notification
from platelet.model.recorded_call import RecordedCall
from tests.unit.explain.records_of_jobs import CALL, RECORD, policy_with
from tests.unit.situations import NOW, minutes

ALONE = replace(
    RECORD,
    name="migrate",
    uid="u9",
    cron_job="",
    count=1,
    since=NOW - minutes(2),
    failed_at=NOW - minutes(2),
    call=None,
)
HEARD = replace(
    RECORD,
    call=RecordedCall(
        at=RECORD.since,
        told=(ToldLevel(level=1, sinks=("pagerduty",)), ToldLevel(level=2, sinks=("lead",))),
        acknowledged_by="ann",
        acknowledged_at=NOW - minutes(5),
    ),
)
OVER = replace(RECORD, resolved_at=NOW - minutes(1), resolution="a Job succeeded at noon")
ROWS: dict[str, tuple[FailedJob, tuple[Notification, ...], str]] = {
    "it fails, and somebody was told": (
        RECORD,
        (CALL,),
        "shop report-2 report Failed BackoffLimitExceeded 2 1 pagerduty - heal 10m",
    ),
    "two levels were told, and a person has heard": (
        HEARD,
        (CALL, replace(CALL, id=f"{CALL.id}/repeat-1"), replace(CALL, id=f"{CALL.id}/level-2", sink="lead")),
        "shop report-2 report Failed BackoffLimitExceeded 2 2 pagerduty,lead ann heal 10m",
    ),
    "it is over": (OVER, (CALL,), "shop report-2 report Over BackoffLimitExceeded 2 1 pagerduty - heal 10m"),
    "of no CronJob, and nobody is called": (
        ALONE,
        (CALL,),
        "shop migrate - Failed BackoffLimitExceeded 1 - - - heal 2m",
    ),
    "one knows, one does not yet, one never will": (
        RECORD,
        (
            CALL,
            replace(CALL, sink="slack", state="Pending", told_at=None),
            replace(CALL, sink="webhook", state="GivenUp", told_at=None),
        ),
        "shop report-2 report Failed BackoffLimitExceeded 2 1 pagerduty,slack(Pending),webhook(GivenUp) - heal 10m",
    ),
    "that its end was told calls nobody": (
        RECORD,
        (replace(CALL, kind="JobOver"),),
        "shop report-2 report Failed BackoffLimitExceeded 2 1 - - heal 10m",
    ),
}


@pytest.mark.parametrize(("record", "notifications", "cells"), ROWS.values(), ids=ROWS)
def test_a_row_of_what_is_on_record(record: FailedJob, notifications: tuple[Notification, ...], cells: str) -> None:
    table = failed_jobs.tabulate([policy_with(record, notifications=notifications)], "here", NOW, wide=False)
    assert table is not None
    assert " ".join(table.header) == "Namespace Name CronJob State Reason Count Level Told Heard Policy Failed"
    assert [" ".join(row) for row in table.rows] == [cells]


@pytest.mark.parametrize(("record", "words"), [(RECORD, RECORD.message), (OVER, OVER.resolution)], ids=["open", "over"])
def test_the_wide_table_says_why_it_failed_or_why_it_is_over(record: FailedJob, words: str) -> None:
    table = failed_jobs.tabulate([policy_with(record)], "here", NOW, wide=True)
    assert table is not None
    assert dict(zip(table.header, table.rows[0], strict=True))["Message"] == words


def test_the_last_failure_stands_last_and_what_waits_for_a_place_is_counted() -> None:
    policies = [policy_with(ALONE, failedJobsUnlisted=3), policy_with(RECORD)]
    table = failed_jobs.tabulate(policies, "in namespace shop", NOW, wide=False)
    assert table is not None
    assert [row[1] for row in table.rows] == ["report-2", "migrate"]
    assert table.title == "failed jobs of policies in namespace shop, without 3 that wait for a place"


@pytest.mark.parametrize(
    "stored", [{}, policy_with(), {"status": {"failedJobs": "?"}}], ids=["empty", "none", "spoilt"]
)
def test_without_a_record_there_is_no_table(stored: dict[str, object]) -> None:
    assert failed_jobs.tabulate([stored], "here", NOW, wide=True) is None
