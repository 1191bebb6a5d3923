"""Where each sink puts the title and the body of a template, within its published limits."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from platelet.model.message_template import MOST_WRITTEN
from platelet.model.notice import Notice
from platelet.model.request import SecretRef
from platelet.model.rules import Sink
from platelet.sinks import alertmanager, pagerduty, slack, webhook
from tests.published import alertmanager as alertmanager_api
from tests.published import pagerduty as pagerduty_api
from tests.published import slack as slack_api
from tests.unit.sinks.notices import an_escalation
from tests.unit.situations import a_policy, a_status

REF = SecretRef(name="pagers", key="key")
Body = dict[str, Any]


def at_slack(body: Body) -> tuple[str, str]:
    assert slack_api.faults("chat.postMessage", body) == []
    header, section, *_ = body["blocks"]
    return header["text"]["text"], section["text"]["text"]


def at_pagerduty(body: Body) -> tuple[str, str]:
    assert pagerduty_api.faults("/v2/enqueue", {**body, "routing_key": "r" * 32}) == []
    return body["payload"]["summary"], body["payload"]["custom_details"].get("body", "")


def at_alertmanager(body: Any) -> tuple[str, str]:
    assert alertmanager_api.faults(body) == []
    return body[0]["annotations"]["summary"], body[0]["annotations"].get("description", "")


def at_webhook(body: Body) -> tuple[str, str]:
    return body["data"].get("title", ""), body["data"].get("body", "")


# Each row: the sink, its settings, and where it has the title and the body.
SINKS: dict[str, tuple[Sink, Any, Callable[[Any], tuple[str, str]]]] = {
    "slack": (slack.SINK, slack.Slack(channel="C0123456789", token_ref=REF), at_slack),
    "pagerduty": (pagerduty.SINK, pagerduty.PagerDuty(routing_key_ref=REF), at_pagerduty),
    "alertmanager": (alertmanager.SINK, alertmanager.Alertmanager(url="http://am.svc"), at_alertmanager),
    "webhook": (webhook.SINK, webhook.Webhook(url="http://pager.svc"), at_webhook),
}


def body_of(sink: Sink, settings: Any, **changes: Any) -> Any:
    notice: Notice = an_escalation(a_policy(sinks={sink.name: settings}), a_status(state="Escalated"))
    (request,) = sink.render(replace(notice, **changes))
    return request.body  # type: ignore[union-attr]


@pytest.mark.parametrize(("sink", "settings", "read"), SINKS.values(), ids=SINKS)
def test_the_words_of_a_template_are_where_people_look(
    sink: Sink, settings: Any, read: Callable[[Any], tuple[str, str]]
) -> None:
    assert read(body_of(sink, settings, title="SEV1", body="*down*")) == ("SEV1", "*down*")
    without = json.dumps(body_of(sink, settings))
    assert "SEV1" not in without
    assert "no step is left" in without
    title, body = read(body_of(sink, settings, title="SEV1"))
    assert (title, "down" in body) == ("SEV1", False)


@pytest.mark.parametrize(("sink", "settings", "read"), SINKS.values(), ids=SINKS)
def test_the_longest_words_are_within_the_limits(
    sink: Sink, settings: Any, read: Callable[[Any], tuple[str, str]]
) -> None:
    escaped = sink.escape("<") * (MOST_WRITTEN // len(sink.escape("<")))
    title, body = read(body_of(sink, settings, title="<" * MOST_WRITTEN, body=escaped))
    assert title
    assert body.rstrip("…").endswith(sink.escape("<"))


def test_in_slack_a_question_is_shown_in_full_whatever_the_template_says() -> None:
    sink, settings, _ = SINKS["slack"]
    body = body_of(sink, settings, kind="ApprovalNeeded", body="Please press", message="undo to revision 3?")
    shown = [block["text"]["text"] for block in body["blocks"] if block["type"] == "section" and "text" in block]
    assert shown[0] == "Please press"
    assert "undo to revision 3?" in shown[1]
