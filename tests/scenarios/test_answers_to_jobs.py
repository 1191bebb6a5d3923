"""PagerDuty and Slack answer to a failed Job: the levels end, whatever dies, and only who was called there answers."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from platelet.model.notification import OF_A_JOB
from platelet.model.reply import about_record
from platelet.model.resource import JOBS
from platelet.shell import kube
from platelet.shell.kube import Json
from tests.published import pagerduty, slack
from tests.scenarios.heals import sample
from tests.scenarios.incidents import MINUTE
from tests.scenarios.manifests import escalation_policy
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_failed_jobs import HOUR, fail, listed, prepare
from tests.scenarios.world import SHOP

WEBHOOK, SIGNING = "a-secret-of-the-subscription-1234", "8f742231b10e8888abcd99yyyzzz85a5"
PAGER = {"name": "pager", "pagerduty": {"routingKeyRef": {"name": "pagers", "key": "routing"}}}
CHANNEL = {"name": "chat", "slack": {"channel": "C1", "tokenRef": {"name": "pagers", "key": "token"}}}
LEAD = {"name": "lead", "webhook": {"url": "http://lead.svc/hook"}}
LEVELS: tuple[Json, ...] = ({"after": "0s", "sinks": ["pager", "chat"]}, {"after": "30m", "sinks": ["lead"]})
CALLBACKS: Json = {
    "pagerduty": {"secretRefs": [{"name": "pagers", "key": "webhook"}]},
    "slack": {"secretRef": {"name": "pagers", "key": "signing"}},
}
BY = "pagerduty:PLH1HKV (Tenex Engineer)"
KINDS: tuple[FaultKind, ...] = ("kill before", "kill after", "answer lost", "unanswered", "conflict")


def store_keys(simulation: Simulation) -> None:
    """What signs there."""
    keys = {"webhook": WEBHOOK, "signing": SIGNING}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
    simulation.world.store.create(kube.SECRETS, SHOP, {"metadata": {"name": "pagers"}, "data": data})


def begin(simulation: Simulation, *levels: Json, name: str = "oncall", **spec: Any) -> None:
    """A Job has failed, and people are called by an EscalationPolicy."""
    store_keys(simulation)
    spec = {"sinks": [PAGER, CHANNEL, LEAD], "callbacks": CALLBACKS, **spec}
    simulation.apply(escalation_policy(*(levels or LEVELS), **spec))
    other = {**escalation_policy(LEVELS[0], sinks=[PAGER, CHANNEL], callbacks=CALLBACKS), "metadata": {"name": "other"}}
    simulation.apply(other)
    prepare(simulation, escalation={"policyRef": {"name": name}})
    fail(simulation, "migrate")
    simulation.run(5 * MINUTE)


def key(simulation: Simulation) -> str:
    """Under which PagerDuty knows it."""
    bodies = [delivery.request.body for delivery in simulation.mailbox.delivered]
    (one,) = {body["dedup_key"] for body in bodies if "dedup_key" in body}
    dedup_key: str = one
    return dedup_key


def page(simulation: Simulation, through: str = "oncall", secret: str = WEBHOOK, **changes: Any) -> None:
    """Somebody acknowledges in PagerDuty."""
    about = changes.pop("key", None) or key(simulation)
    signed = pagerduty.webhook(about, secret, **{"occurred_at": simulation.world.now, **changes})
    simulation.callbacks.send(("pagerduty", SHOP, through), *signed)


def buttons(simulation: Simulation) -> list[Json]:
    """Those of the message as it is shown last."""
    bodies = [delivery.request.body for delivery in simulation.mailbox.delivered]
    (*_, message) = [body["blocks"] for body in bodies if "blocks" in body]
    return [button for block in message if block["type"] == "actions" for button in block["elements"]]


def press(simulation: Simulation, button: Json, through: str = "oncall", secret: str = SIGNING) -> None:
    """Somebody presses it."""
    simulation.callbacks.send(("slack", SHOP, through), *slack.pressed(button, secret, simulation.world.now))


def acknowledged_by(simulation: Simulation) -> str:
    (entry,) = listed(simulation)
    assert entry.call is not None
    return entry.call.acknowledged_by


def version(simulation: Simulation) -> str:
    """Of the policy."""
    resource_version: str = simulation.world.store.get(kube.POLICIES, SHOP, "heal")["metadata"]["resourceVersion"]
    return resource_version


def was_called(simulation: Simulation, sink: str) -> bool:
    return any(delivery.correlation.sink == sink for delivery in simulation.mailbox.delivered)


def test_who_acknowledges_in_pagerduty_has_acknowledged_the_job(simulation: Simulation) -> None:
    begin(simulation)
    page(simulation)
    simulation.run(2 * HOUR)
    assert simulation.callbacks.answers == ["stored"]
    assert acknowledged_by(simulation) == BY
    assert not was_called(simulation, "lead")
    bodies = [delivery.request.body for delivery in simulation.mailbox.delivered]
    assert [body["event_action"] for body in bodies if "event_action" in body] == ["trigger", "acknowledge"]
    assert [body["text"].partition(":")[0] for body in bodies if "blocks" in body] == ["JOB FAILED", "ACKNOWLEDGED"]
    (entry,) = listed(simulation)
    assert entry.is_open, "only the Job's own end is its end"


def methods(simulation: Simulation) -> list[str]:
    """What Slack was asked to do, in order."""
    urls = [delivery.request.url for delivery in simulation.mailbox.delivered]
    return [url.rpartition("/api/chat.")[2] for url in urls if "slack.com" in url]


def test_who_presses_the_button_has_acknowledged_the_job_and_the_button_goes(simulation: Simulation) -> None:
    begin(simulation, LEVELS[0], {"after": "30m", "sinks": ["chat"], "until": "Resolved"})
    (button,) = buttons(simulation)
    press(simulation, button)
    simulation.run(MINUTE)
    assert simulation.callbacks.answers == ["stored"]
    assert acknowledged_by(simulation) == "slack:U0123456789 (ann)"
    assert (methods(simulation), buttons(simulation)) == (["postMessage", "update", "postMessage"], [])
    simulation.run(HOUR)
    assert (methods(simulation)[3:], buttons(simulation)) == (["update", "postMessage"], []), "called on, and heard of"


def test_without_an_answer_the_button_stays_at_the_next_level_and_goes_with_the_end(simulation: Simulation) -> None:
    begin(simulation, LEVELS[0], {"after": "30m", "sinks": ["chat"]})
    (button,) = buttons(simulation)
    simulation.run(HOUR)
    assert (methods(simulation)[1:], buttons(simulation)) == (["update", "postMessage"], [button])
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(5 * MINUTE)
    assert (methods(simulation)[3:], buttons(simulation)) == (["update", "postMessage"], [])


def test_a_button_that_is_pressed_again_or_after_the_end_changes_nothing(simulation: Simulation) -> None:
    begin(simulation)
    (button,) = buttons(simulation)
    page(simulation)
    simulation.run(MINUTE)
    before = version(simulation)
    press(simulation, button)
    simulation.run(MINUTE)
    assert (simulation.callbacks.answers, version(simulation)) == (["stored", 409], before)
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(5 * MINUTE)
    before = version(simulation)
    press(simulation, button)
    page(simulation)
    simulation.run(MINUTE)
    assert (simulation.callbacks.answers[2:], version(simulation)) == ([409, "vain"], before)


def test_a_button_of_an_earlier_failure_changes_nothing(simulation: Simulation) -> None:
    begin(simulation)
    (button,) = buttons(simulation)
    earlier = key(simulation)
    simulation.world.store.delete(JOBS, SHOP, "migrate")
    simulation.run(5 * MINUTE)
    fail(simulation, "migrate")
    simulation.run(5 * MINUTE)
    press(simulation, button)
    page(simulation, key=earlier)
    simulation.run(MINUTE)
    assert simulation.callbacks.answers == [409, "vain"]
    assert acknowledged_by(simulation) == ""


IN_VAIN: dict[str, tuple[dict[str, Any], str | int]] = {
    "signed with another secret": ({"secret": "another-secret-of-some-length-12"}, 401),
    "about a policy that is not there": ({"key": "platelet/no-such-uid/job/feed"}, "vain"),
    "by an integration": ({"agent": {"id": "P1", "summary": "x", "type": "service_reference"}}, "ignored"),
    "through an EscalationPolicy that the policy does not follow": ({"through": "other"}, "vain"),
    "of yesterday": ({"ago": 1}, "vain"),
}


@pytest.mark.parametrize(("changes", "result"), IN_VAIN.values(), ids=IN_VAIN)
def test_what_is_no_acknowledgement_of_ours_changes_nothing(
    simulation: Simulation, changes: dict[str, Any], result: str | int
) -> None:
    begin(simulation)
    days = changes.get("ago", 0)
    more = {key: value for key, value in changes.items() if key != "ago"}
    before = version(simulation)
    page(simulation, **{"occurred_at": simulation.world.now - timedelta(days=days), **more})
    simulation.run(MINUTE)
    assert (simulation.callbacks.answers, version(simulation)) == ([result], before)
    simulation.run(40 * MINUTE)
    assert was_called(simulation, "lead")


def test_an_answer_about_another_record_of_the_policy_changes_nothing(simulation: Simulation) -> None:
    begin(simulation)
    uid = simulation.world.store.get(kube.POLICIES, SHOP, "heal")["metadata"]["uid"]
    page(simulation, key=f"platelet/{about_record(uid, OF_A_JOB, 'feed')}")
    simulation.run(MINUTE)
    assert (simulation.callbacks.answers, acknowledged_by(simulation)) == (["vain"], "")


def test_another_escalation_policy_answers_for_nobody_by_a_button_either(simulation: Simulation) -> None:
    begin(simulation)
    (button,) = buttons(simulation)
    press(simulation, button, through="other")
    press(simulation, {**button, "action_id": "platelet-approve"})
    press(simulation, button, secret="another-secret-of-some-length-12")
    simulation.run(MINUTE)
    assert (simulation.callbacks.answers, acknowledged_by(simulation)) == ([409, 409, 401], "")


def test_where_the_policy_follows_another_one_by_now_only_that_one_answers(simulation: Simulation) -> None:
    """Though the operator has not heard of it yet."""
    begin(simulation)
    for process in simulation.processes:
        process.unseen.add(kube.POLICIES.plural)
    spec = {"spec": {"escalation": {"policyRef": {"name": "other"}}}}
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", spec)
    page(simulation)
    simulation.run(timedelta(seconds=1))
    assert (simulation.callbacks.answers, acknowledged_by(simulation)) == (["vain"], "")


def test_a_policy_that_was_made_anew_under_the_same_name_is_another_one(simulation: Simulation) -> None:
    begin(simulation)
    earlier = key(simulation)
    stored = simulation.world.store.get(kube.POLICIES, SHOP, "heal")
    simulation.world.store.delete(kube.POLICIES, SHOP, "heal")
    head = {name: stored[name] for name in ("apiVersion", "kind", "spec")}
    simulation.apply({**head, "metadata": {"name": "heal"}})
    simulation.run(5 * MINUTE)
    page(simulation, key=earlier)
    simulation.run(MINUTE)
    assert (simulation.callbacks.answers, acknowledged_by(simulation)) == (["vain"], "")


def play(simulation: Simulation) -> range:
    """It is acknowledged after five minutes. Returns the calls from then on."""
    begin(simulation)
    first = simulation.world.server.index
    page(simulation)
    simulation.run(40 * MINUTE)
    return range(first, simulation.world.server.index)


def test_a_crash_or_a_lost_answer_at_any_call_keeps_it_and_tells_each_sink_of_it_once() -> None:
    with Simulation() as calm:
        calls = play(calm)
    for number, index in enumerate(sample(calls, 23)):
        kind = KINDS[number % len(KINDS)]
        with Simulation() as simulation:
            simulation.world.server.faults.at[index] = kind
            play(simulation)
            assert acknowledged_by(simulation) == BY, f"{kind} call {index}"
            assert not was_called(simulation, "lead"), f"{kind} call {index}"
            taken = {delivery.correlation.id for delivery in simulation.mailbox.delivered}
            assert len([name for name in taken if "/jobacknowledged/" in name]) == 1, f"{kind} call {index}"


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_becomes_of_the_calls_that_store_it_it_is_answered_only_when_it_is_there(kind: FaultKind) -> None:
    """Its Secret is read, the policy and what it follows, and the answer is stored: the first calls after it came."""
    for index in range(7):
        with Simulation() as simulation:
            begin(simulation)
            faults = simulation.world.server.faults
            faults.at[simulation.world.server.index + index] = kind
            page(simulation)
            simulation.run_until(lambda: bool(simulation.callbacks.answers))
            assert acknowledged_by(simulation) == BY, f"{kind} call {index}"
