"""What PagerDuty is sent: events within its published limits, all of an incident under one key."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from platelet.model import reasons
from platelet.model.escalation import EscalationRecord
from platelet.model.notice import Notice
from platelet.model.request import Answer, Outcome, SecretKey, SecretRef
from platelet.sinks import pagerduty
from tests.published import pagerduty as published
from tests.unit.sinks.notices import ALERT, CHANGED, JOB, OF_JOB, TAIL, an_escalation
from tests.unit.situations import (
    NOW,
    a_notification,
    a_policy,
    a_remediation,
    a_signal,
    a_status,
    an_attempt,
    evidence_of,
)

KEY = "r0ut1ng-k3y-of-32-characters-abc"
SETTINGS = pagerduty.PagerDuty(routing_key_ref=SecretRef(name="pagers", key="routing"))
POLICY = a_policy(namespace="home", sinks={"pagerduty": SETTINGS})
HAD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW, severity="P1")
CALLED = a_status(
    state="Escalated",
    escalation=HAD,
    evidence=(evidence_of(a_signal()),),
    recent_change=CHANGED,
    log_tail=TAIL,
    attempts=(an_attempt(verdict="Failed", log_tail=OF_JOB),),
    notifications=(a_notification(sink="pagerduty", state="Delivered"),),
)


def a_notice(**changes: Any) -> Notice:
    return replace(an_escalation(POLICY, CALLED), **changes)


def sent(notice: Notice) -> tuple[str, dict[str, Any]]:
    """The path and the body, as PagerDuty sees it."""
    (request,) = pagerduty.render(notice)
    assert request.secrets == {"routing_key": SecretKey(namespace="home", name="pagers", key="routing")}
    body = {**request.body, "routing_key": KEY}
    return request.url.removeprefix("https://events.pagerduty.com"), json.loads(json.dumps(body))


EVENTS = {"Escalated": "trigger", "ApprovalNeeded": "trigger", "Acknowledged": "acknowledge", "Resolved": "resolve"}


@pytest.mark.parametrize(("kind", "action"), EVENTS.items(), ids=EVENTS)
def test_each_event_is_one_that_pagerduty_takes(kind: Any, action: str) -> None:
    path, body = sent(a_notice(kind=kind))
    assert published.faults(path, body) == []
    assert (path, body["event_action"], body["dedup_key"]) == ("/v2/enqueue", action, "platelet/rem-1")


def test_a_trigger_says_what_who_is_called_needs() -> None:
    _, body = sent(a_notice())
    payload = body["payload"]
    assert payload["summary"] == "shop/deployment/api: NoStepLeft: no step is left"
    assert (payload["severity"], payload["source"]) == ("critical", "shop/deployment/api")
    assert payload["custom_details"]["acknowledge"].startswith("platelet acknowledge")
    assert payload["custom_details"]["evidence"] == ["CrashLoopBackOff: 2 pods crash-loop"]
    assert payload["custom_details"]["what changed before"][-1] == "app image app:1 -> 2"
    assert "panic: no database" in payload["custom_details"]["log"]
    assert payload["custom_details"]["log"][-1] == "no lock on the table"


@pytest.mark.parametrize("kind", ["Acted", "Announced"])
def test_an_act_is_a_change_and_pages_nobody_and_so_is_what_a_step_says(kind: Any) -> None:
    path, body = sent(a_notice(kind=kind, reason="rolloutUndo", remediation=a_remediation(status=a_status())))
    assert path == "/v2/change/enqueue"
    assert published.faults(path, body) == []


@pytest.mark.parametrize("text", ["x" * 5000, "ü" * 5000, "\U0001f525" * 5000])
def test_a_summary_is_cut_to_what_pagerduty_takes(text: str) -> None:
    for kind in ("Escalated", "Acted"):
        path, body = sent(a_notice(kind=kind, message=text))
        assert published.faults(path, body) == []
        assert body["payload"]["summary"].endswith("…")


def test_an_alert_without_a_target_has_a_key_of_its_own_at_every_level_and_at_the_end() -> None:
    about_it = partial(a_notice, remediation=None, workload=None, alert=ALERT)
    lost = about_it(kind="Untargeted", reason=reasons.NO_TARGET, occasion="o")
    second = about_it(kind="Untargeted", reason=reasons.NO_TARGET, occasion="o/level-2/repeat-1", level=2)
    heard = about_it(kind="UntargetedAcknowledged", reason=reasons.ACKNOWLEDGED, occasion="o")
    over = about_it(kind="UntargetedOver", reason=reasons.RESOLVED, occasion="o")
    sent_events = [sent(notice) for notice in (lost, second, heard, over)]
    assert [published.faults(path, body) for path, body in sent_events] == [[], [], [], []]
    bodies = [body for _, body in sent_events]
    assert [body["event_action"] for body in bodies] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert {body["dedup_key"] for body in bodies} == {"platelet/uid-policy/untargeted/o"}
    assert bodies[0]["payload"]["severity"] == "critical"
    assert not pagerduty.tells(replace(lost, reason=reasons.ANOTHER_CLUSTER))


def test_the_end_of_a_failed_job_resolves_the_very_alert() -> None:
    about_a_job = partial(a_notice, remediation=None, workload=None, reason=reasons.JOB_FAILED, job=JOB, occasion="o")
    kinds = ("JobFailed", "JobAcknowledged", "JobOver")
    (path, begun), (_, heard), (_, over) = (sent(about_a_job(kind=kind)) for kind in kinds)
    assert [published.faults(path, body) for body in (begun, heard, over)] == [[], [], []]
    assert [body["event_action"] for body in (begun, heard, over)] == ["trigger", "acknowledge", "resolve"]
    assert {body["dedup_key"] for body in (begun, heard, over)} == {"platelet/uid-policy/job/o"}
    _, second = sent(about_a_job(kind="JobFailed", occasion="o/level-2/repeat-1", level=2))
    assert second["dedup_key"] == "platelet/uid-policy/job/o"
    assert begun["payload"]["custom_details"]["acknowledge"] == "platelet acknowledge cronjob/report -n shop"
    path, body = sent(about_a_job(kind="JobFailed", job=replace(JOB, log_tail=TAIL)))
    assert published.faults(path, body) == []
    assert body["payload"]["custom_details"]["log"].endswith("panic: no database")


def test_who_was_not_paged_is_not_told_that_it_is_over() -> None:
    unknown = a_remediation(status=replace(CALLED, notifications=()))
    assert not pagerduty.tells(a_notice(kind="Resolved", remediation=unknown))
    assert not pagerduty.tells(a_notice(kind="Opened"))
    assert not pagerduty.tells(a_notice(policy=a_policy()))


@pytest.mark.parametrize(
    ("status", "is_taken", "is_permanent"),
    [(202, True, False), (400, False, True), (429, False, False), (500, False, False), (503, False, False)],
)
def test_an_answer_means_what_pagerduty_says(status: int, is_taken: bool, is_permanent: bool) -> None:  # noqa: FBT001 - a table's columns
    outcome = pagerduty.judge(Answer(status=status))
    assert (outcome == Outcome(), outcome.permanent) == (is_taken, is_permanent)
