"""Slack in the model: one message per incident that is kept as things stand, and its thread."""

from typing import Any

from tests.published import slack as published
from tests.scenarios.escalations import escalate
from tests.scenarios.heals import sample, with_faults
from tests.scenarios.incidents import MINUTE
from tests.scenarios.simulation import Simulation

CHANNEL = {"name": "incidents", "slack": {"channel": "C1", "tokenRef": {"name": "pagers", "key": "slack"}}}
LEVEL = {"after": "0s", "sinks": ["incidents"], "repeatEvery": "30m"}


def play(simulation: Simulation) -> range:
    """A restart does not help, people are called twice and mend it. Returns the calls of it all."""
    first = simulation.world.server.index
    escalate(simulation, LEVEL, sinks=[CHANNEL])
    simulation.run(35 * MINUTE)
    simulation.world.release("api", "app:good-2")
    simulation.run(20 * MINUTE)
    return range(first, simulation.world.server.index)


def calls(simulation: Simulation) -> list[tuple[str, dict[str, Any]]]:
    """What Slack has taken: method and body."""
    taken = []
    for delivery in simulation.mailbox.delivered:
        method = delivery.request.url.removeprefix("https://slack.com/api/")
        assert published.faults(method, dict(delivery.request.body)) == []
        taken.append((method, dict(delivery.request.body)))
    return taken


def headline(simulation: Simulation, ts: str) -> str:
    """What the message says at last."""
    (last, *_) = [
        body["text"] for method, body in reversed(calls(simulation)) if method == "chat.update" and body["ts"] == ts
    ]
    return str(last)


def test_an_incident_is_one_message_that_ends_as_resolved(simulation: Simulation) -> None:
    play(simulation)
    posted, *others = calls(simulation)
    assert (posted[0], "thread_ts" in posted[1]) == ("chat.postMessage", False)
    assert [method for method, _ in others] == ["chat.postMessage", *["chat.update", "chat.postMessage"] * 2]
    assert {body.get("thread_ts") or body.get("ts") for _, body in others} == {"1.000100"}
    assert headline(simulation, "1.000100").startswith("RESOLVED: shop/deployment/api")


def test_a_crash_at_any_call_posts_at_most_one_message_more_and_ends_it() -> None:
    """Slack takes no key: what was posted and not recorded is posted again, and that one is kept as things stand."""
    with Simulation() as calm:
        indexes = play(calm)
    for simulation, fault in with_faults(sample(indexes, 41), "kill before", "kill after"):
        play(simulation)
        taken = calls(simulation)
        roots = [body for method, body in taken if method == "chat.postMessage" and "thread_ts" not in body]
        assert 1 <= len(roots) <= 2, fault
        last = next(body["ts"] for method, body in reversed(taken) if method == "chat.update")
        assert headline(simulation, last).startswith("RESOLVED"), fault
