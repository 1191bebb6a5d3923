"""A failed Job is acknowledged on the policies that call people for it, and what is over is cleared away."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.api.kinds.policy import read_policy
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import ALERTS
from platelet.cli import named_objects, recorded_answers
from platelet.cli.session import NothingToTellError
from platelet.explain.eligibility import Unread
from platelet.model.approval import ACKNOWLEDGED_ON_POLICY
from platelet.model.failed_job import FailedJob
from platelet.model.recorded_call import RecordedCall
from platelet.model.untargeted_alert import UntargetedAlert
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
    (only,) = recorded_answers.find_job(RECORD.subject, policies)
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
        recorded_answers.find_job(RECORD.subject, [resolved(*records)])


def an_alert(name: str = "ApiDown", **changed: Any) -> UntargetedAlert:
    alert = UntargetedAlert(
        source="alert",
        reason=name,
        fingerprint=f"{name}/1",
        message="why",
        first_seen=NOW,
        last_seen=NOW,
        call=RecordedCall(at=NOW),
    )
    return replace(alert, **changed)


def with_alerts(*alerts: UntargetedAlert) -> ResolvedPolicy:
    return replace(resolved(), untargeted=alerts)


HEARD_ALERT = an_alert(call=RecordedCall(at=NOW, acknowledged_by="ann"))


def test_all_alerts_of_the_name_are_acknowledged_and_no_others() -> None:
    twin = an_alert(fingerprint="f2/1")
    policies = [with_alerts(an_alert(), twin, an_alert("Other")), with_alerts(HEARD_ALERT), with_alerts()]
    called_for = recorded_answers.find_alert("ApiDown", "shop", policies)
    assert [known.entry for known in called_for] == [an_alert(), twin]


NO_ALERT: dict[str, tuple[UntargetedAlert, str]] = {
    "another one fires": (an_alert("Other"), "people are not called for alert ApiDown"),
    "it is over": (an_alert(resolved_at=NOW), "people are not called"),
    "the policy observes": (an_alert(call=None), "people are not called"),
    "somebody was faster": (HEARD_ALERT, "is acknowledged already, by ann"),
}


@pytest.mark.parametrize(("alert", "words"), NO_ALERT.values(), ids=NO_ALERT)
def test_where_no_alert_is_to_be_acknowledged_one_line_says_why(alert: UntargetedAlert, words: str) -> None:
    with pytest.raises(NothingToTellError, match=words):
        recorded_answers.find_alert("ApiDown", "shop", [with_alerts(alert)])


def test_an_answer_to_a_job_leaves_those_to_alerts_alone() -> None:
    uid, alert = "uid-policy", an_alert()
    stored = policy_with(RECORD)
    stored["status"] |= ALERTS.write([alert])
    stored["metadata"]["annotations"] = {ACKNOWLEDGED_ON_POLICY + alert.token(uid): "bob"}
    assert recorded_answers.annotations(stored, RECORD, "ann") == {ACKNOWLEDGED_ON_POLICY + RECORD.token(uid): "ann"}
    heard = recorded_answers.annotations(stored, alert, "ann")
    assert heard == {ACKNOWLEDGED_ON_POLICY + alert.token(uid): "ann"}


def test_what_is_over_is_taken_away_with_the_next_answer() -> None:
    uid, other = "uid-policy", replace(RECORD, cron_job="backup")
    earlier = replace(RECORD, since=NOW)
    stored = policy_with(RECORD, other)
    kept = {"team": "a", ACKNOWLEDGED_ON_POLICY + other.token(uid): "bob"}
    stored["metadata"]["annotations"] = kept | {ACKNOWLEDGED_ON_POLICY + earlier.token(uid): "bob"}
    assert recorded_answers.annotations(stored, RECORD, "ann") == {
        ACKNOWLEDGED_ON_POLICY + earlier.token(uid): None,
        ACKNOWLEDGED_ON_POLICY + RECORD.token(uid): "ann",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("job/report-1", ("Job", "report-1")),
        ("cj/report", ("CronJob", "report")),
        ("alert/ApiDown", ("Alert", "ApiDown")),
        ("alert/a/b: c", ("Alert", "a/b: c")),
        ("rem/deployment-api-1", ("Remediation", "deployment-api-1")),
        ("deployment-api-1", ("Remediation", "deployment-api-1")),
    ],
)
def test_what_can_be_acknowledged(text: str, expected: tuple[str, str]) -> None:
    assert named_objects.acknowledged(text) == expected
