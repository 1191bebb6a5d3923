"""What Alertmanager is posted: one alert per incident that is said again while it stands, and ended."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from platelet.model import reasons
from platelet.model.digest import digest
from platelet.model.durations import parse_time
from platelet.model.escalation import EscalationRecord
from platelet.model.notice import Notice
from platelet.model.request import SecretKey, SecretRef
from platelet.sinks import alertmanager
from tests.published import alertmanager as published
from tests.unit.sinks.notices import ALERT, JOB, an_escalation
from tests.unit.situations import (
    A_MINUTE_AGO,
    NOW,
    a_notification,
    a_policy,
    a_remediation,
    a_signal,
    a_status,
    an_attempt,
    evidence_of,
    minutes,
)

SETTINGS = alertmanager.Alertmanager(url="http://am.svc:9093/x/", secret_ref=SecretRef(name="am", key="token"))
POLICY = a_policy(namespace="home", sinks={"alertmanager": SETTINGS})
HAD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW - minutes(30), severity="page")
CALLED = a_status(
    state="Escalated",
    escalation=HAD,
    evidence=(evidence_of(a_signal()),),
    notifications=(a_notification(sink="alertmanager", state="Acknowledged"),),
)


def a_notice(**changes: Any) -> Notice:
    return replace(an_escalation(POLICY, CALLED), **changes)


def posted(notice: Notice) -> list[dict[str, Any]]:
    (request,) = alertmanager.render(notice)
    assert (request.method, request.url) == ("POST", "http://am.svc:9093/x/api/v2/alerts")
    assert request.bearer == SecretKey(namespace="home", name="am", key="token")
    assert published.faults(request.body) == []
    return list(request.body)


LABELS = {
    "alertname": "PlateletEscalated",
    "severity": "critical",
    "namespace": "shop",
    "workload_type": "deployment",
    "workload": "api",
    "remediation": "deployment-api-1",
    "policy": "shop/heal-api",
}


@pytest.mark.parametrize("kind", ["Escalated", "Ongoing"])
def test_an_escalation_is_an_alert_for_ten_minutes_more(kind: Any) -> None:
    (alert,) = posted(a_notice(kind=kind))
    assert alert["labels"] == LABELS
    assert (parse_time(alert["startsAt"]), parse_time(alert["endsAt"])) == (NOW - minutes(30), NOW + minutes(10))


def test_the_end_ends_the_very_alert() -> None:
    (alert,) = posted(a_notice(kind="Resolved", reason=reasons.RESOLVED_BY_PEOPLE))
    assert alert["labels"] == LABELS
    assert (parse_time(alert["startsAt"]), parse_time(alert["endsAt"])) == (NOW - minutes(30), NOW)


def test_an_alert_without_a_target_is_an_alert_of_its_own_and_its_end_ends_that_one() -> None:
    lost = a_notice(kind="Untargeted", remediation=None, workload=None, reason=reasons.NO_TARGET, alert=ALERT)
    over = replace(lost, kind="UntargetedOver", reason=reasons.RESOLVED, at=NOW + minutes(5))
    (begun,), (ended,) = posted(lost), posted(over)
    named = {"namespace": "home", "policy": "heal-api", "severity": "critical", "alert": "ApiDown"}
    fingerprint = {"alert_fingerprint": digest(ALERT.about)}
    assert begun["labels"] == ended["labels"] == {"alertname": "PlateletUntargeted", **named, **fingerprint}
    assert parse_time(begun["startsAt"]) == parse_time(ended["startsAt"]) == A_MINUTE_AGO
    assert (parse_time(begun["endsAt"]), parse_time(ended["endsAt"])) == (NOW + minutes(24 * 60), NOW + minutes(5))
    (other,) = posted(replace(lost, alert=replace(ALERT, fingerprint="f2/1")))
    assert other["labels"] != begun["labels"], "the end of the one is not the end of the other"
    assert not alertmanager.tells(replace(lost, reason=reasons.ANOTHER_CLUSTER))


def test_a_failed_job_is_an_alert_with_the_labels_of_kube_state_metrics_and_its_end_ends_it() -> None:
    about_a_job = partial(a_notice, remediation=None, workload=None, reason=reasons.JOB_FAILED, message="why")
    (begun,), (over,) = posted(about_a_job(kind="JobFailed", job=JOB)), posted(about_a_job(kind="JobOver", job=JOB))
    named = {"namespace": "shop", "cronjob": "report", "policy": "heal-api", "severity": "warning"}
    assert begun["labels"] == over["labels"] == {"alertname": "PlateletJobFailed", **named}
    assert parse_time(begun["startsAt"]) == parse_time(over["startsAt"]) == A_MINUTE_AGO
    assert (parse_time(begun["endsAt"]), parse_time(over["endsAt"])) == (NOW + minutes(24 * 60), NOW)
    (alone,) = posted(about_a_job(kind="JobFailed", job=replace(JOB, cron_job="")))
    assert alone["labels"]["job_name"] == "report-1"


def test_who_was_not_called_has_nothing_to_end() -> None:
    unknown = a_remediation(status=replace(CALLED, notifications=()))
    for kind in ("Resolved", "Ongoing"):
        assert not alertmanager.tells(a_notice(kind=kind, remediation=unknown))
    assert not alertmanager.tells(a_notice(kind="Acted"))
    assert not alertmanager.tells(a_notice(policy=a_policy()))


ACTED = an_attempt(intended_at=NOW - minutes(1))
HELD = {**LABELS, "alertname": "PlateletHealing", "severity": "none", "deployment": "api"}
# Each row: when the attempt's time is over, in minutes from now; for how long the page is held.
TIMES = {
    "an attempt that has long": (30, 3),
    "one whose time is nearly over": (1, 1),
    "one of which nobody knows": (None, 0),
}


@pytest.mark.parametrize(("left", "held"), TIMES.values(), ids=TIMES)
def test_a_page_is_held_for_a_moment_and_never_longer_than_the_attempt(left: int | None, held: int) -> None:
    remediation = a_remediation(status=a_status(state="Verifying", attempts=(ACTED,)))
    until = NOW + minutes(left) if left is not None else None
    policy = a_policy(namespace="home", sinks={"alertmanager": replace(SETTINGS, hold_page_while_healing=True)})
    (alert,) = posted(a_notice(kind="Healing", policy=policy, remediation=remediation, until=until))
    assert alert["labels"] == HELD
    assert (parse_time(alert["startsAt"]), parse_time(alert["endsAt"])) == (ACTED.intended_at, NOW + minutes(held))


def test_nothing_holds_a_page_unless_the_policy_says_so() -> None:
    assert not alertmanager.SINK.holds_page(SETTINGS)
    assert not alertmanager.tells(a_notice(kind="Healing"))
    assert not alertmanager.tells(a_notice(kind="HealingOver"))


def test_that_nobody_need_wait_any_more_ends_the_very_alert_at_once() -> None:
    policy = a_policy(namespace="home", sinks={"alertmanager": replace(SETTINGS, hold_page_while_healing=True)})
    (alert,) = posted(a_notice(kind="HealingOver", policy=policy))
    assert alert["labels"] == HELD
    assert parse_time(alert["endsAt"]) == NOW


def test_what_stands_is_said_again_before_it_lapses_although_one_is_lost() -> None:
    assert alertmanager.RENEWED_EVERY * 2 < alertmanager.LASTS
