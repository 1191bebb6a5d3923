"""A notice in the words of its sink's template; where they come to nothing it goes out in platelet's own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from platelet.core import deliveries, wording
from platelet.model import reasons
from platelet.model.effects import Deliver, Publish
from platelet.model.escalation_levels import Level
from platelet.model.message_template import NoticeTemplate
from platelet.model.notice import Notice
from platelet.sinks import slack, webhook
from tests.unit.sinks.notices import an_escalation
from tests.unit.situations import NOW, a_notification, a_policy, a_status

HOOK = webhook.Webhook(url="https://pager.svc/")
LEVELS = (Level(after=timedelta(), sinks=("oncall",)),)
GOOD = NoticeTemplate(title="{{ severity }}:\n {{ workload.name }}", body="{{ message }}")


def a_notice(template: NoticeTemplate, route: str = "oncall") -> Notice:
    policy = a_policy(sinks={"oncall": HOOK}, templates={"oncall": template})
    notice = replace(an_escalation(policy, a_status(state="Escalated")), message="<b> & {{ reason }}")
    return replace(notice, route=route)


def test_a_sink_with_a_template_gets_its_words_and_the_title_is_one_line() -> None:
    put, fault = wording.put(a_notice(GOOD), webhook.SINK)
    assert (put.title, put.body, fault) == ("warning: api", "<b> & {{ reason }}", "")
    assert put.message == "<b> & {{ reason }}"


def test_the_body_is_escaped_as_its_sink_wants_it_and_the_title_is_plain_text() -> None:
    put, _ = wording.put(a_notice(NoticeTemplate(title="{{ message }}", body="*{{ message }}*")), slack.SINK)
    assert (put.title, put.body) == ("<b> & {{ reason }}", "*&lt;b&gt; &amp; {{ reason }}*")


def test_another_sink_has_no_words_of_its_own() -> None:
    notice = a_notice(GOOD, route="lead")
    assert wording.put(notice, webhook.SINK) == (notice, "")


BAD = {
    "an unknown name": NoticeTemplate(title="{{ nme }}"),
    "an unknown name beside a title that is good": NoticeTemplate(title="{{ reason }}", body="{{ nme }}"),
    "what this notice has not": NoticeTemplate(body="{{ (attempts|last).summary }}"),
}


@pytest.mark.parametrize("template", BAD.values(), ids=BAD)
def test_a_notice_is_never_lost_to_a_template_and_an_event_says_so(template: NoticeTemplate) -> None:
    notice = a_notice(template, route="")
    kept = a_notification(sink="oncall", state="Pending", id=notice.id, kind="Escalated")
    policy = notice.policy
    assert policy is not None
    notice = replace(notice, policy=replace(policy, levels=LEVELS))
    _, effects = deliveries.render(kept, notice, ("remediation", "shop", "r"), NOW)
    deliver, *events = effects
    assert isinstance(deliver, Deliver)
    assert deliver.request.body["data"]["message"] == notice.message
    assert "title" not in deliver.request.body["data"]
    assert events
    for published in events:
        assert isinstance(published, Publish)
        assert (published.type, published.reason) == ("Warning", reasons.TEMPLATE_NOT_USED)
        assert "the template of oncall was not used" in published.note
