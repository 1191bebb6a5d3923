"""What people are told, and where."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from platelet import sinks
from platelet.model import incident_logs, reasons, recent_change
from platelet.model.escalation import EscalationRecord
from platelet.model.notice import Notice
from platelet.model.notification import NoticeKind
from platelet.model.remediation import Remediation
from platelet.model.request import SecretKey, SecretRef, Signing
from platelet.model.workload import Workload
from platelet.sinks import annotation, event, webhook
from tests.unit.sinks.notices import ALERT, CHANGED, JOB, OF_JOB, TAIL
from tests.unit.situations import (
    NOW,
    a_listening_policy,
    a_notification,
    a_policy,
    a_remediation,
    a_status,
    a_workload,
    an_attempt,
)

KEY = "platelet.dev/escalated"
MARK = '{"reason":"NoStepLeft","time":"2026-11-21T12:00:00Z","remediation":"deployment-api-1","uid":"rem-1"}'


def a_notice(**changes: Any) -> Notice:
    notice = Notice(
        kind="Escalated",
        remediation=a_remediation(status=a_status(attempts=(an_attempt(verdict="Failed"),), step_name="undo")),
        workload=a_workload(),
        policy=a_listening_policy(),
        reason=reasons.NO_STEP_LEFT,
        message="no step is left after 1 attempts",
        at=NOW,
    )
    return replace(notice, **changes)


def marked(value: str) -> Workload:
    return a_workload(annotations={KEY: value, "team": "shop"})


HAD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW)
ASKED = a_remediation(status=a_status(escalation=HAD))


def test_an_escalation_marks_the_workload() -> None:
    """The mark names reason, time and the Remediation with its uid (TRAPS 42)."""
    (effect,) = annotation.render(a_notice())
    assert (effect.key, effect.value) == (KEY, MARK)
    assert (effect.uid, effect.resource_version) == ("uid-api", "100")
    assert effect.agent == "rem-1/escalated"


NOTHING_TO_MARK = {
    "the mark is there": a_notice(workload=marked(MARK)),
    "the workload is gone": a_notice(workload=None),
    "the workload is being deleted": a_notice(workload=a_workload(deleting=True)),
    "resolved, and no mark was there": a_notice(kind="Resolved"),
    "resolved, and the workload is gone": a_notice(kind="Resolved", workload=None),
    "resolved, and the mark is another remediation's": a_notice(
        kind="Resolved", workload=marked(MARK.replace("rem-1", "rem-2"))
    ),
}


@pytest.mark.parametrize("notice", NOTHING_TO_MARK.values(), ids=NOTHING_TO_MARK)
def test_nothing_is_written_where_it_is_already_so(notice: Notice) -> None:
    """Writing is for changes only."""
    assert annotation.render(notice) == ()


REPLACED = {
    "a mark of an earlier escalation": MARK.replace("rem-1", "rem-0"),
    "a mark with another reason": MARK.replace("NoStepLeft", "GaveUp"),
    "no JSON": "yes",
    "nothing": "",
}


@pytest.mark.parametrize("value", REPLACED.values(), ids=REPLACED)
def test_an_escalation_replaces_what_else_is_there(value: str) -> None:
    """The newest escalation is the one that people should read."""
    (effect,) = annotation.render(a_notice(workload=marked(value)))
    assert effect.value == MARK


REMOVED = {"our own mark": MARK, "a mark without JSON": "yes", "a mark of deep JSON": "[" * 10_000, "a list": "[]"}


@pytest.mark.parametrize("value", REMOVED.values(), ids=REMOVED)
def test_a_resolution_removes_the_mark(value: str) -> None:
    """Ours, and what cannot be read and so helps nobody."""
    (effect,) = annotation.render(a_notice(kind="Resolved", workload=marked(value)))
    assert (effect.key, effect.value) == (KEY, None)


def test_what_is_told_anew_leaves_the_mark_as_it_is() -> None:
    """Whoever reads it finds the reason of the escalation, and the time since when people have it."""
    escalation = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW)
    had = a_remediation(status=a_status(state="Escalated", escalation=escalation))
    assert annotation.tells(a_notice(remediation=had))
    assert not annotation.tells(a_notice(remediation=had, occasion="2", reason=reasons.GRAVER))


def test_a_stale_mark_is_scrubbed() -> None:
    """An undo by hand brings an old mark back; one that names an open remediation stays."""
    (effect,) = sinks.scrub(marked(MARK), {"rem-2"})
    assert (effect.value, effect.agent) == (None, "rem-1/escalated")
    assert sinks.scrub(marked(MARK), {"rem-1"}) == ()
    assert sinks.scrub(a_workload(), set()) == ()


def test_events_regard_the_workload_and_the_policy() -> None:
    """`kubectl describe` of either shows it."""
    on_workload, on_policy = event.render(a_notice())
    assert on_workload.regarding == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "api",
        "uid": "uid-api",
    }
    assert on_policy.regarding["kind"] == "RemediationPolicy"
    assert (on_policy.type, on_policy.reason, on_policy.action) == ("Warning", "Escalated", "Escalate")
    assert on_policy.note == (
        "Remediation shop/deployment-api-1: NoStepLeft: no step is left after 1 attempts; "
        "to try again: platelet retry remediation/deployment-api-1 -n shop"
    )


def test_events_only_regard_what_exists() -> None:
    """A deleted workload or policy has no Event."""
    assert event.render(a_notice(workload=None, policy=None)) == ()


def test_a_resolution_is_a_normal_event() -> None:
    """Good news is not a warning."""
    assert {(effect.type, effect.reason) for effect in event.render(a_notice(kind="Resolved"))} == {
        ("Normal", "Resolved")
    }


@pytest.mark.parametrize("message", ["x" * 5000, "ü" * 5000, "\U0001f525" * 5000, "\ud800" * 5000])
def test_a_note_fits_into_an_event(message: str) -> None:
    """The API server refuses notes above 1 kB, and text that is no UTF-8."""
    for effect in event.render(a_notice(message=message)):
        assert len(effect.note.encode()) <= event.NOTE_LENGTH


def test_the_webhook_gets_a_cloud_event() -> None:
    """All required attributes of CloudEvents 1.0, and what people need to start."""
    (request,) = webhook.render(a_notice())
    assert (request.method, request.url) == ("POST", "https://hooks.example.com/oncall")
    assert request.headers["Idempotency-Key"] == "rem-1/escalated"
    assert request.headers["Content-Type"].startswith("application/cloudevents+json")
    body = dict(request.body)
    data = body.pop("data")
    assert body == {
        "specversion": "1.0",
        "id": "rem-1/escalated",
        "source": "/apis/platelet.dev/v1alpha1/namespaces/shop/remediations/deployment-api-1",
        "type": "dev.platelet.remediation.escalated",
        "time": "2026-11-21T12:00:00Z",
        "subject": "shop/deployment/api",
        "datacontenttype": "application/json",
    }
    assert data["target"] == {"kind": "Deployment", "namespace": "shop", "name": "api"}
    assert (data["reason"], data["step"]) == (reasons.NO_STEP_LEFT, "undo")
    assert data["attempts"] == [
        {
            "id": "rem-1/0/1",
            "action": "rolloutUndo",
            "summary": "undo",
            "at": "2026-11-21T11:59:00Z",
            "phase": "Done",
            "verdict": "Failed",
            "message": "",
            "log": [],
        }
    ]


def test_a_webhook_is_signed_under_the_id_of_the_notice_where_the_policy_names_a_secret() -> None:
    reference = SecretRef(name="pager", key="signing")
    hook = webhook.Webhook(url="https://pager.svc/", signing_secret_ref=reference)
    notice = a_notice(policy=a_policy(namespace="home", sinks={"webhook": hook}))
    (request,) = webhook.render(notice)
    assert request.signing == Signing(id=notice.id, secret=reference.within("home"))
    (unsigned,) = webhook.render(a_notice())
    assert unsigned.signing is None


def test_the_token_of_a_webhook_is_named_and_not_known() -> None:
    """It is read from the policy's own namespace when the request is sent."""
    hook = webhook.Webhook(url="https://pager.svc/", secret_ref=SecretRef(name="pager", key="token"))
    (request,) = webhook.render(a_notice(policy=a_policy(namespace="home", sinks={"webhook": hook})))
    assert request.bearer == SecretKey(namespace="home", name="pager", key="token")


def test_an_alert_without_a_target_is_no_incident() -> None:
    about_it = partial(a_notice, remediation=None, workload=None, message="why", alert=ALERT)
    notice = about_it(kind="Untargeted", reason=reasons.NO_TARGET)
    (request,) = webhook.render(notice)
    assert (request.body["type"], request.body["data"]["alert"]) == (
        "dev.platelet.alert.untargeted",
        {"name": "ApiDown", "startsAt": "2026-11-21T11:59:00Z", "severity": "critical"},
    )
    assert request.body["data"]["acknowledge"]["how"] == "platelet acknowledge alert/ApiDown -n shop"
    (end,) = webhook.render(replace(notice, kind="UntargetedOver", reason=reasons.RESOLVED))
    assert end.body["type"] == "dev.platelet.alert.resolved"
    assert "acknowledge" not in end.body["data"]
    assert not webhook.tells(replace(notice, kind="UntargetedAcknowledged", reason=reasons.ACKNOWLEDGED))
    (published,) = event.render(notice)
    assert (published.regarding["kind"], published.type, published.note) == (
        "RemediationPolicy",
        "Warning",
        "alert ApiDown: why",
    )
    assert not annotation.tells(notice)
    assert not webhook.tells(replace(notice, reason=reasons.ANOTHER_CLUSTER))


@pytest.mark.parametrize(("kind", "type_"), [("JobFailed", "failed"), ("JobOver", "resolved")])
def test_a_failed_job_is_no_incident_and_says_which(kind: NoticeKind, type_: str) -> None:
    notice = a_notice(kind=kind, remediation=None, workload=None, reason=reasons.JOB_FAILED, message="why", job=JOB)
    (request,) = webhook.render(notice)
    assert request.body["type"] == f"dev.platelet.job.{type_}"
    assert request.body["data"]["job"] == {
        "namespace": "shop",
        "name": "report-1",
        "uid": "u1",
        "cronJob": "report",
        "severity": "warning",
        "reason": "BackoffLimitExceeded",
        "failedAt": "2026-11-21T11:59:00Z",
        "count": 1,
    }
    regarding = [published.regarding["kind"] for published in event.render(notice)]
    assert regarding == (["Job", "RemediationPolicy"] if kind == "JobFailed" else ["RemediationPolicy"])
    assert not annotation.tells(notice), "no mark on anything"
    assert ("acknowledge" in request.body["data"]) is (kind == "JobFailed")
    (forgotten,) = webhook.render(replace(notice, job=None))
    assert forgotten.body["data"]["job"] == {}, "it has made room on the list before it was told"


def test_what_is_delivered_again_has_the_same_id() -> None:
    """At least once: the receiver can tell a repetition, also after more evidence came in; a resolution is another."""
    (first,) = webhook.render(a_notice())
    (again,) = webhook.render(a_notice(message="still no step is left", remediation=a_remediation()))
    (resolved,) = webhook.render(a_notice(kind="Resolved", remediation=ASKED))
    assert first.body["id"] == again.body["id"] == first.headers["Idempotency-Key"]
    assert resolved.body["id"] == "rem-1/resolved"
    assert resolved.body["type"] == "dev.platelet.remediation.resolved"


def test_the_body_is_json() -> None:
    """Nothing in it needs an encoder of ours."""
    (request,) = webhook.render(a_notice(remediation=a_remediation(status=a_status(opened_at=None))))
    assert json.loads(json.dumps(request.body)) == request.body


FOLLOWS: dict[str, tuple[Remediation, bool]] = {
    "nobody was called": (a_remediation(), False),
    "people have it": (ASKED, True),
    "its step says that nobody is called": (
        a_remediation(status=a_status(escalation=replace(HAD, silent=True))),
        False,
    ),
}


@pytest.mark.parametrize(("remediation", "is_told"), FOLLOWS.values(), ids=FOLLOWS)
@pytest.mark.parametrize("kind", ["Acted", "Recovered", "Resolved"])
def test_what_follows_is_told_to_whom_was_called(kind: Any, remediation: Remediation, is_told: bool) -> None:  # noqa: FBT001 - a table's column
    """A webhook is for escalations and questions."""
    assert webhook.tells(a_notice(kind=kind, remediation=remediation)) is is_told


def test_what_a_step_says_is_told_and_opens_what_follows() -> None:
    """Whoever has read INVESTIGATING hears that it helped, and the end."""
    update = a_notice(kind="Announced", reason=reasons.ANNOUNCED, message="INVESTIGATING", occasion="first/1")
    (request,) = webhook.render(update)
    assert (request.body["type"], request.body["data"]["message"]) == (
        "dev.platelet.remediation.announced",
        "INVESTIGATING",
    )
    heard = a_remediation(status=a_status(notifications=(a_notification(kind="Announced"),)))
    assert all(webhook.tells(a_notice(kind=kind, remediation=heard)) for kind in ("Acted", "Recovered", "Resolved"))
    assert not annotation.tells(update)
    on_workload, _ = event.render(update)
    assert (on_workload.type, on_workload.reason, on_workload.action) == ("Normal", "Announced", "Announce")


@pytest.mark.parametrize("policy", [None, a_policy()], ids=["the policy is gone", "the policy has no webhook"])
def test_without_a_webhook_nothing_is_delivered(policy: Any) -> None:
    """A webhook is the policy's wish."""
    assert webhook.render(a_notice(policy=policy)) == ()


@pytest.mark.parametrize("sink", sinks.SINKS, ids=lambda sink: sink.name)
def test_no_sink_tells_what_the_template_holds(sink: Any) -> None:
    """Templates carry secrets (TRAPS 48)."""
    secret = {"spec": {"containers": [{"env": [{"name": "PASSWORD", "value": "hunter2"}]}]}}
    assert "hunter2" not in repr(sink.render(a_notice(workload=a_workload(template=secret))))


def test_what_was_changed_before_is_told() -> None:
    """What people look for first."""
    (request,) = webhook.render(
        a_notice(remediation=a_remediation(status=a_status(recent_change=CHANGED, log_tail=TAIL)))
    )
    assert request.body["data"]["changedBefore"] == recent_change.say(CHANGED)
    assert request.body["data"]["changedBefore"][-1] == "app image app:1 -> 2"
    assert request.body["data"]["log"][-1] == "panic: no database"


def test_what_a_job_has_said_is_told_where_it_was_tried() -> None:
    """With its attempt, and beside what failed before."""
    attempts = (an_attempt(log_tail=OF_JOB), an_attempt(id="rem-1/1/1"))
    status = a_status(log_tail=TAIL, attempts=attempts)
    (request,) = webhook.render(a_notice(remediation=a_remediation(status=status)))
    logs = [attempt["log"][-1:] for attempt in request.body["data"]["attempts"]]
    assert logs == [["no lock on the table"], []]
    assert request.body["data"]["log"][-1] == "panic: no database"
    assert [line for line in incident_logs.say(status) if not line.startswith("the end of")] == [
        "panic: no database",
        "no lock on the table",
    ]


def test_of_several_jobs_the_last_is_told_in_one_piece() -> None:
    before = an_attempt(id="rem-1/1/1", log_tail=replace(OF_JOB, lines=("before",)))
    assert incident_logs.say(a_status(attempts=(before, an_attempt(log_tail=OF_JOB)))) == [
        "the end of the log of container mend of pod mend-x:",
        "no lock on the table",
    ]
    assert incident_logs.say(a_status()) == []


def test_every_sink_is_listed() -> None:
    """One list, one name per place."""
    assert [sink.name for sink in sinks.SINKS] == [
        "annotation",
        "event",
        "webhook",
        "pagerduty",
        "slack",
        "alertmanager",
    ]
