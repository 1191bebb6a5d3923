"""What Slack is sent: one message per incident that is brought up to date, within its published limits."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from platelet.model import reasons
from platelet.model.escalation import EscalationRecord
from platelet.model.failed_job import FailedJob
from platelet.model.notice import Notice
from platelet.model.notification import NoticeKind
from platelet.model.policy import Policy
from platelet.model.recorded_call import RecordedCall
from platelet.model.request import Answer, Outcome, Request, SecretKey, SecretRef
from platelet.sinks import slack
from tests.published import slack as published
from tests.unit.sinks.notices import ALERT, CHANGED, JOB, OF_JOB, TAIL, an_escalation
from tests.unit.situations import (
    NOW,
    a_notification,
    a_policy,
    a_signal,
    a_status,
    an_approval,
    an_attempt,
    evidence_of,
)

SETTINGS = slack.Slack(channel="C0123456789", token_ref=SecretRef(name="pagers", key="slack"))
POLICY = a_policy(namespace="home", sinks={"slack": SETTINGS})
HAD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW)
PENDING = a_notification(sink="slack")
POSTED = replace(PENDING, state="Delivered", receipt="C0123456789:17.0001")
CALLING = ("Escalated", "ApprovalNeeded", "Held")
KINDS = (*CALLING, "Announced", "Acknowledged", "Answered", "Acted", "Recovered", "Resolved")


def a_notice(*known: Any, **changes: Any) -> Notice:
    status = a_status(
        state="Escalated",
        escalation=HAD,
        evidence=(evidence_of(a_signal(message=changes.get("message", "2 pods crash-loop"))),),
        recent_change=CHANGED,
        log_tail=TAIL,
        attempts=(an_attempt(verdict="Failed", log_tail=OF_JOB),),
        notifications=known or (PENDING,),
    )
    return replace(an_escalation(POLICY, status), **changes)


def sent(notice: Notice, receipt: str = "C0123456789:17.0001") -> list[tuple[str, dict[str, Any]]]:
    """The method and the body of each call, as Slack sees it; `receipt` is its answer to the first."""
    calls = []
    (request,) = slack.render(notice)
    following: Request | None = request
    while following is not None:
        assert following.bearer == SecretKey(namespace="home", name="pagers", key="slack")
        method = following.url.removeprefix("https://slack.com/api/")
        body = json.loads(json.dumps(following.body))
        assert published.faults(method, body) == []
        calls.append((method, body))
        following = following.then(receipt) if following.then is not None else None
    return calls


def test_an_incident_is_posted_once_with_its_details_in_the_thread() -> None:
    (root, message), (reply, detail) = sent(a_notice())
    assert (root, reply) == ("chat.postMessage", "chat.postMessage")
    assert (message["channel"], "thread_ts" in message) == ("C0123456789", False)
    assert message["blocks"][0]["text"]["text"] == "ESCALATED: shop/deployment/api"
    assert (detail["channel"], detail["thread_ts"]) == ("C0123456789", "17.0001")
    assert "app image app:1 -&gt; 2" in detail["text"]
    assert "panic: no database" in detail["text"]
    assert "CrashLoopBackOff: 2 pods crash-loop" in detail["text"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_brings_the_message_up_to_date_and_goes_into_its_thread(kind: Any) -> None:
    (update, message), (reply, detail) = sent(a_notice(POSTED, kind=kind))
    assert (update, message["channel"], message["ts"]) == ("chat.update", "C0123456789", "17.0001")
    assert (reply, detail["thread_ts"]) == ("chat.postMessage", "17.0001")
    assert detail.get("reply_broadcast", False) is (kind in CALLING)


def test_a_message_that_is_gone_is_posted_anew() -> None:
    gone = replace(PENDING, id="rem-1/acted/1", kind="Acted", state="GivenUp", error="slack.com says message_not_found")
    assert [method for method, _ in sent(a_notice(POSTED, gone))] == ["chat.postMessage", "chat.postMessage"]


@pytest.mark.parametrize("text", ["x" * 5000, "&<>" * 2000, "ü" * 5000, "\U0001f525" * 5000, "<!channel> & <@U1>"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_others_wrote_is_escaped_and_within_the_limits(kind: Any, text: str) -> None:
    for known in (PENDING, POSTED):
        assert len(sent(a_notice(known, kind=kind, message=text))) == 2


def test_who_has_heard_is_the_responder() -> None:
    heard = a_notice(POSTED, kind="Acknowledged", message="ann has heard of it")
    assert heard.remediation is not None
    known = replace(HAD, acknowledged=1, acknowledged_by="ann")
    status = replace(heard.remediation.status, escalation=known)
    (_, message), _ = sent(replace(heard, remediation=replace(heard.remediation, status=status)))
    assert {"type": "mrkdwn", "text": "*Responder*\nann"} in message["blocks"][2]["fields"]


def test_an_alert_without_a_target_is_a_message_of_its_own() -> None:
    about_it = partial(a_notice, remediation=None, workload=None, message="why", alert=ALERT)
    for kind, reason, words in (
        (
            "Untargeted",
            reasons.NO_TARGET,
            "ALERT WITHOUT A TARGET: policy home/heal-api: why\nplatelet acknowledge al",
        ),
        ("UntargetedAcknowledged", reasons.ACKNOWLEDGED, "ACKNOWLEDGED: policy home/heal-api: why"),
        ("UntargetedOver", reasons.RESOLVED, "ALERT WITHOUT A TARGET IS OVER: policy home/heal-api: why"),
    ):
        ((method, body),) = sent(about_it(kind=kind, reason=reason))
        assert method == "chat.postMessage"
        assert body["text"].startswith(words)


def test_a_failed_job_is_one_message() -> None:
    for kind, words in (
        ("JobFailed", "JOB FAILED: policy home/heal-api: why\nplatelet acknowledge cronjob/report -n shop"),
        ("JobAcknowledged", "ACKNOWLEDGED: policy home/heal-api: why"),
        ("JobOver", "JOB NO LONGER FAILED"),
    ):
        notice = a_notice(kind=kind, remediation=None, workload=None, reason=reasons.JOB_FAILED, message="why", job=JOB)
        ((method, body),) = sent(notice)
        assert method == "chat.postMessage"
        assert body["text"].startswith(words)
        ((_, body),) = sent(replace(notice, job=replace(JOB, log_tail=TAIL)))
        assert body["text"].endswith("panic: no database") is (kind != "JobOver")


def test_who_was_not_called_is_not_told_what_follows() -> None:
    opened = a_notification(sink="slack", kind="Opened")
    assert not slack.tells(a_notice(opened, kind="Resolved"))
    assert not slack.tells(a_notice(policy=a_policy()))


ANSWERS: dict[str, tuple[Answer, Outcome]] = {
    "taken": (Answer(status=200, body={"ok": True, "channel": "C1", "ts": "1.2"}), Outcome(receipt="C1:1.2")),
    "an error that people can mend": (
        Answer(status=200, body={"ok": False, "error": "not_in_channel"}),
        Outcome(error="says not_in_channel"),
    ),
    "an error of the message": (
        Answer(status=200, body={"ok": False, "error": "invalid_blocks"}),
        Outcome(error="says invalid_blocks", permanent=True),
    ),
    "too often": (
        Answer(status=429, body={"ok": False, "error": "ratelimited"}),
        Outcome(error="says ratelimited"),
    ),
    "no JSON": (Answer(status=200), Outcome(error="answered 200")),
    "somebody's words": (Answer(status=200, body={"error": "Bearer xoxb-1"}), Outcome(error="answered 200")),
    "down": (Answer(status=503), Outcome(error="answered 503")),
}


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_means_what_slack_says_in_its_body(answer: Answer, outcome: Outcome) -> None:
    assert slack.judge(answer) == outcome


def buttons(notice: Notice) -> list[tuple[str, str]]:
    """What can be pressed on the message, and what comes back then."""
    (request,) = slack.render(notice)
    rows = [block["elements"] for block in request.body.get("blocks", []) if block["type"] == "actions"]
    return [(button["action_id"], button["value"]) for row in rows for button in row]


CALLED = replace(HAD, token="feed", told=2)
ANSWERED = replace(POLICY, callbacks=frozenset({"slack"}))


def shown(kind: NoticeKind, policy: Policy = ANSWERED, **status: Any) -> Notice:
    return replace(an_escalation(policy, a_status(notifications=(PENDING,), **status)), kind=kind)


def test_an_escalation_has_a_button_for_exactly_what_people_are_told_where_an_answer_would_be_heard() -> None:
    assert buttons(shown("Escalated", escalation=CALLED)) == [("platelet-acknowledge", "rem-1 feed-2")]
    assert buttons(shown("Escalated", POLICY, escalation=CALLED)) == []


def test_what_somebody_has_heard_of_has_no_button() -> None:
    assert buttons(shown("Acknowledged", escalation=replace(CALLED, acknowledged=2))) == []
    assert buttons(shown("Escalated", escalation=replace(CALLED, acknowledged=2))) == []


def test_a_question_has_buttons_for_exactly_its_plan_until_it_is_answered() -> None:
    plan = an_approval()
    value = f"rem-1 {plan.token}"
    answers = [("platelet-approve", value), ("platelet-reject", value)]
    assert buttons(shown("ApprovalNeeded", approval=plan)) == [*answers, ("platelet-acknowledge", value)]
    looked_at = replace(plan, acknowledged_by="ann")
    for kind in ("ApprovalNeeded", "Acknowledged"):
        assert buttons(shown(kind, approval=looked_at, state="AwaitingApproval")) == answers
    assert buttons(shown("ApprovalNeeded", approval=replace(plan, answer="Approved"))) == []


CALLED_FOR = replace(JOB, call=RecordedCall(at=NOW))


def about_a_job(
    kind: NoticeKind = "JobFailed", job: FailedJob | None = CALLED_FOR, policy: Policy = ANSWERED
) -> Notice:
    return a_notice(
        kind=kind, remediation=None, workload=None, policy=policy, reason=reasons.JOB_FAILED, message="why", job=job
    )


def test_a_failed_job_has_a_button_for_exactly_its_record_where_an_answer_would_be_heard() -> None:
    value = f"uid-policy/job/{JOB.known_as} {JOB.token('uid-policy')}"
    assert buttons(about_a_job()) == [("platelet-acknowledge", value)]
    ((_, body),) = sent(about_a_job())
    assert body["blocks"][0]["text"]["text"] == body["text"], "the message itself is shown, too"


HEARD = replace(CALLED_FOR, call=RecordedCall(at=NOW, acknowledged_by="ann"))


def test_an_alert_without_a_target_has_a_button_until_somebody_has_heard() -> None:
    alert = replace(ALERT, call=RecordedCall(at=NOW))
    notice = a_notice(
        kind="Untargeted",
        remediation=None,
        workload=None,
        policy=ANSWERED,
        reason=reasons.NO_TARGET,
        message="why",
        alert=alert,
    )
    value = f"uid-policy/untargeted/{alert.known_as} {alert.token('uid-policy')}"
    assert buttons(notice) == [("platelet-acknowledge", value)]
    heard = replace(alert, call=RecordedCall(at=NOW, acknowledged_by="ann"))
    assert buttons(replace(notice, alert=heard)) == []
    assert buttons(replace(notice, kind="UntargetedAcknowledged", alert=heard)) == []


def test_what_becomes_of_a_failed_job_is_shown_on_its_message_and_said_in_the_thread() -> None:
    known = a_notification(sink="slack", kind="JobFailed", state="Acknowledged", receipt="C0123456789:17.0001")
    news: tuple[tuple[NoticeKind, FailedJob, bool], ...] = (
        ("JobAcknowledged", HEARD, False),
        ("JobOver", replace(HEARD, resolved_at=NOW), False),
        ("JobFailed", CALLED_FOR, True),
    )
    for kind, job, called_again in news:
        notice = replace(about_a_job(kind, job), told=(known, a_notification(sink="slack", kind=kind)))
        (update, message), (_, line) = sent(notice)
        assert (update, message["channel"], message["ts"]) == ("chat.update", "C0123456789", "17.0001")
        assert message["blocks"][0]["text"]["text"] == message["text"], "blocks that are not sent stay"
        assert (buttons(notice) != []) is called_again
        assert (line["thread_ts"], line.get("reply_broadcast", False)) == ("17.0001", called_again)
        assert line["text"].endswith(": why")


def test_a_failed_job_whose_message_is_not_known_any_more_is_a_message_anew() -> None:
    for known in (a_notification(sink="lead", kind="JobFailed", receipt="C1:1.1"), a_notification(sink="slack")):
        assert [method for method, _ in sent(replace(about_a_job("JobOver"), told=(known,)))] == ["chat.postMessage"]


BUTTONLESS: dict[str, Notice] = {
    "where no answer would be heard": about_a_job(policy=POLICY),
    "that somebody has heard of": about_a_job(job=HEARD),
    "whose acknowledgement is told": about_a_job("JobAcknowledged"),
    "whose end is told": about_a_job("JobOver"),
    "that is over": about_a_job(job=replace(CALLED_FOR, resolved_at=NOW)),
    "whose record has made room": about_a_job(job=None),
}


@pytest.mark.parametrize("notice", BUTTONLESS.values(), ids=BUTTONLESS)
def test_there_is_no_button_for_a_job(notice: Notice) -> None:
    assert buttons(notice) == []


def test_messages_with_buttons_are_within_the_published_limits() -> None:
    longest = replace(about_a_job(), message="<" * 2000, title="t" * 2000)
    incidents = (shown("Escalated", escalation=CALLED), shown("ApprovalNeeded", approval=an_approval()))
    for notice in (*incidents, about_a_job(), longest):
        (request,) = slack.render(notice)
        assert published.faults("chat.postMessage", request.body) == []
