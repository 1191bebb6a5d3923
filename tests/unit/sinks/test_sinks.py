"""What people are told, and where."""

import json
from dataclasses import replace
from typing import Any

import pytest

from platelet import sinks
from platelet.model import reasons
from platelet.model.notice import Notice
from platelet.model.workload import Workload
from platelet.sinks import annotation, event, webhook
from tests.unit.situations import NOW, a_policy, a_remediation, a_status, a_workload, an_attempt

KEY = "platelet.dev/escalated"
MARK = '{"reason":"NoStepLeft","time":"2026-11-21T12:00:00Z","remediation":"deployment-api-1","uid":"rem-1"}'


def a_notice(**changes: Any) -> Notice:
    notice = Notice(
        kind="Escalated",
        remediation=a_remediation(status=a_status(attempts=(an_attempt(verdict="Failed"),), step_name="undo")),
        workload=a_workload(),
        policy=a_policy(has_webhook=True),
        reason=reasons.NO_STEP_LEFT,
        message="no step is left after 1 attempts",
        at=NOW,
    )
    return replace(notice, **changes)


def marked(value: str) -> Workload:
    return a_workload(annotations={KEY: value, "team": "shop"})


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
    assert sinks.remove_annotation(a_notice(workload=marked(value))) == (effect,)


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
    assert {(each.type, each.reason) for each in event.render(a_notice(kind="Resolved"))} == {("Normal", "Resolved")}


@pytest.mark.parametrize("message", ["x" * 5000, "ü" * 5000, "\U0001f525" * 5000, "\ud800" * 5000])
def test_a_note_fits_into_an_event(message: str) -> None:
    """The API server refuses notes above 1 kB, and text that is no UTF-8."""
    for each in event.render(a_notice(message=message)):
        assert len(each.note.encode()) <= event.NOTE_LENGTH


def test_the_webhook_gets_a_cloud_event() -> None:
    """All required attributes of CloudEvents 1.0, and what people need to start."""
    (effect,) = webhook.render(a_notice())
    body = dict(effect.event)
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
        }
    ]
    assert (effect.policy, effect.remediation) == (("shop", "heal-api"), ("shop", "deployment-api-1"))


def test_what_is_delivered_again_has_the_same_id() -> None:
    """At least once: the receiver can tell a repetition, also after more evidence came in; a resolution is another."""
    (first,) = webhook.render(a_notice())
    (again,) = webhook.render(a_notice(message="still no step is left", remediation=a_remediation()))
    (resolved,) = webhook.render(a_notice(kind="Resolved"))
    assert first.id == again.id == first.event["id"]
    assert resolved.id == "rem-1/resolved"
    assert resolved.event["type"] == "dev.platelet.remediation.resolved"


def test_the_body_is_json() -> None:
    """Nothing in it needs an encoder of ours."""
    (effect,) = webhook.render(a_notice(remediation=a_remediation(status=a_status(opened_at=None))))
    assert json.loads(json.dumps(effect.event)) == effect.event


@pytest.mark.parametrize("policy", [None, a_policy()], ids=["the policy is gone", "the policy has no webhook"])
def test_without_a_webhook_nothing_is_delivered(policy: Any) -> None:
    """A webhook is the policy's wish."""
    assert webhook.render(a_notice(policy=policy)) == ()


@pytest.mark.parametrize("sink", sinks.SINKS, ids=lambda sink: sink.name)
def test_no_sink_tells_what_the_template_holds(sink: Any) -> None:
    """Templates carry secrets (TRAPS 48)."""
    secret = {"spec": {"containers": [{"env": [{"name": "PASSWORD", "value": "hunter2"}]}]}}
    assert "hunter2" not in repr(sink.render(a_notice(workload=a_workload(template=secret))))


def test_every_sink_is_listed() -> None:
    """One list, one name per place."""
    assert [sink.name for sink in sinks.SINKS] == ["annotation", "event", "webhook"]
