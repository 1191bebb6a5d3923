"""PagerDuty says that somebody has acknowledged there: the levels end, whatever dies, and nobody else can say it."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from platelet.shell import kube
from tests.published import pagerduty as published
from tests.scenarios.escalations import escalate
from tests.scenarios.heals import sample
from tests.scenarios.incidents import MINUTE
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

SECRET = "a-secret-of-the-subscription-1234"
PATH = ("pagerduty", SHOP, "oncall")
PAGER = {"name": "pager", "pagerduty": {"routingKeyRef": {"name": "pagers", "key": "routing"}}}
LEAD = {"name": "lead", "webhook": {"url": "http://lead.svc/hook"}}
LEVELS: tuple[kube.Json, ...] = ({"after": "0s", "sinks": ["pager"]}, {"after": "30m", "sinks": ["lead"]})
CALLBACKS = {"pagerduty": {"secretRefs": [{"name": "pagers", "key": "webhook"}]}}
BY = "pagerduty:PLH1HKV (Tenex Engineer)"


def begin(simulation: Simulation, **spec: Any) -> None:
    """People get an incident, PagerDuty first; the lead is next after half an hour."""
    data = {"webhook": base64.b64encode(SECRET.encode()).decode()}
    simulation.world.store.create(kube.SECRETS, SHOP, {"metadata": {"name": "pagers"}, "data": data})
    callbacks = spec.pop("callbacks", CALLBACKS)
    escalate(simulation, *LEVELS, sinks=[PAGER, LEAD], callbacks=callbacks, **spec)
    simulation.run(5 * MINUTE)


def answer(simulation: Simulation, secret: str = SECRET, **changes: Any) -> None:
    """Somebody answers in PagerDuty now."""
    key = f"platelet/{simulation.remediation().uid}"
    signed = published.webhook(changes.pop("key", key), secret, **{"occurred_at": simulation.world.now, **changes})
    simulation.callbacks.send(PATH, *signed)


def play(simulation: Simulation) -> range:
    """It is acknowledged there after five minutes. Returns the calls from then on."""
    begin(simulation)
    first = simulation.world.server.index
    answer(simulation)
    simulation.run(2 * timedelta(hours=1))
    return range(first, simulation.world.server.index)


def called(simulation: Simulation) -> list[str]:
    """Who was called."""
    deliveries = simulation.mailbox.delivered
    calls = [delivery for delivery in deliveries if "/escalated" in delivery.correlation.id]
    return list(dict.fromkeys(delivery.correlation.sink for delivery in calls))


def acknowledged_by(simulation: Simulation) -> str:
    escalation = simulation.remediation().status.escalation
    assert escalation is not None
    return escalation.acknowledged_by


def test_who_acknowledges_there_has_acknowledged_here_and_the_next_level_never_comes(simulation: Simulation) -> None:
    play(simulation)
    assert simulation.callbacks.answers == ["stored"]
    assert acknowledged_by(simulation) == BY
    assert called(simulation) == ["pager"]
    status = simulation.remediation().status
    assert any(f"{BY} has heard of it" in decision.message for decision in status.decisions)
    assert status.state == "Escalated"


def test_who_resolves_there_has_heard_and_the_incident_stays_open(simulation: Simulation) -> None:
    begin(simulation)
    answer(simulation, event_type="incident.resolved")
    simulation.run(40 * MINUTE)
    assert acknowledged_by(simulation) == BY
    assert simulation.remediation().status.state == "Escalated"
    assert called(simulation) == ["pager"]


def test_without_an_answer_the_next_level_comes(simulation: Simulation) -> None:
    begin(simulation)
    simulation.run(40 * MINUTE)
    assert called(simulation) == ["pager", "lead"]


IN_VAIN: dict[str, tuple[dict[str, Any], str | int]] = {
    "signed with another secret": ({"secret": "another-secret-of-some-length-12"}, 401),
    "about an incident that others opened": ({"key": "of-another-integration"}, "ignored"),
    "about a Remediation that is not there": ({"key": "platelet/no-such-uid"}, "vain"),
    "by an integration": ({"agent": {"id": "P1", "summary": "x", "type": "service_reference"}}, "ignored"),
    "of yesterday": ({"occurred_at": "yesterday"}, "vain"),
}


@pytest.mark.parametrize(("changes", "result"), IN_VAIN.values(), ids=IN_VAIN)
def test_what_is_no_acknowledgement_of_ours_changes_nothing(
    simulation: Simulation, changes: dict[str, Any], result: str | int
) -> None:
    begin(simulation)
    before = simulation.remediation().resource_version
    if changes.get("occurred_at"):
        changes = {"occurred_at": simulation.world.now - timedelta(days=1)}
    answer(simulation, **changes)
    simulation.run(MINUTE)
    assert simulation.callbacks.answers == [result]
    assert simulation.remediation().resource_version == before
    simulation.run(40 * MINUTE)
    assert called(simulation) == ["pager", "lead"]


def test_what_is_sent_again_changes_nothing(simulation: Simulation) -> None:
    begin(simulation)
    moment = simulation.world.now
    answer(simulation)
    simulation.run(MINUTE)
    before = simulation.remediation().resource_version
    answer(simulation, occurred_at=moment)
    simulation.run(MINUTE)
    assert simulation.callbacks.answers == ["stored", "vain"]
    assert simulation.remediation().resource_version == before


def test_an_escalation_policy_that_the_incident_does_not_follow_answers_for_nobody(simulation: Simulation) -> None:
    """Whoever holds the keys of one acknowledges nothing of another."""
    begin(simulation, callbacks=None)
    other = {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "EscalationPolicy",
        "metadata": {"name": "other"},
        "spec": {"sinks": [PAGER], "levels": [LEVELS[0]], "callbacks": CALLBACKS},
    }
    simulation.apply(other)
    simulation.run(10 * MINUTE)
    signed = published.webhook(f"platelet/{simulation.remediation().uid}", SECRET, occurred_at=simulation.world.now)
    simulation.callbacks.send(("pagerduty", SHOP, "other"), *signed)
    simulation.callbacks.send(PATH, *signed)
    simulation.run(MINUTE)
    assert simulation.callbacks.answers == ["vain", 404]
    assert acknowledged_by(simulation) == ""


def test_without_its_secret_nothing_is_taken_until_it_is_there(simulation: Simulation) -> None:
    begin(simulation)
    simulation.world.store.delete(kube.SECRETS, SHOP, "pagers")
    answer(simulation)
    simulation.run(2 * MINUTE)
    assert simulation.callbacks.answers == []
    data = {"webhook": base64.b64encode(SECRET.encode()).decode()}
    simulation.world.store.create(kube.SECRETS, SHOP, {"metadata": {"name": "pagers"}, "data": data})
    simulation.run(2 * MINUTE)
    assert simulation.callbacks.answers == ["stored"]


KINDS: tuple[FaultKind, ...] = ("kill before", "kill after", "answer lost", "unanswered", "conflict")


def test_a_crash_or_a_lost_answer_at_any_call_keeps_it() -> None:
    with Simulation() as calm:
        calls = play(calm)
    for number, index in enumerate(sample(calls, 41)):
        kind = KINDS[number % len(KINDS)]
        with Simulation() as simulation:
            simulation.world.server.faults.at[index] = kind
            play(simulation)
            assert acknowledged_by(simulation) == BY, f"{kind} call {index}"
            assert called(simulation) == ["pager"], f"{kind} call {index}"


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_becomes_of_the_calls_that_store_it_it_is_answered_only_when_it_is_there(kind: FaultKind) -> None:
    """Its Secret is read, the Remediation, and the answer is stored: these are the first calls after it has come."""
    for index in range(4):
        with Simulation() as simulation:
            begin(simulation)
            faults = simulation.world.server.faults
            faults.at[simulation.world.server.index + index] = kind
            answer(simulation)
            simulation.run_until(lambda: bool(simulation.callbacks.answers))
            (reply,) = simulation.remediation().status.replies
            assert reply.by == BY
