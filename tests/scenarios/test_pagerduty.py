"""PagerDuty in the model: one alert per incident from its trigger to its end, and each act as a change event."""

from typing import Any

from tests.published import pagerduty as published
from tests.scenarios.escalations import acknowledge, escalate
from tests.scenarios.heals import sample, with_faults
from tests.scenarios.incidents import MINUTE
from tests.scenarios.simulation import Simulation

KEY = "r0ut1ng-k3y-of-32-characters-abc"
PAGER = {"name": "pager", "pagerduty": {"routingKeyRef": {"name": "pagers", "key": "routing"}}}
LEVEL = {"after": "0s", "sinks": ["pager"], "repeatEvery": "30m"}


def play(simulation: Simulation) -> range:
    """A restart does not help, Ann acknowledges, people mend it. Returns the calls of it all."""
    first = simulation.world.server.index
    escalate(simulation, LEVEL, sinks=[PAGER])
    simulation.run(35 * MINUTE)
    acknowledge(simulation)
    simulation.run(35 * MINUTE)
    simulation.world.release("api", "app:good-2")
    simulation.run(20 * MINUTE)
    return range(first, simulation.world.server.index)


def events(simulation: Simulation) -> list[tuple[str, Any, Any]]:
    """What PagerDuty has taken: path, action and key; a repetition of a notice once."""
    taken = {}
    for delivery in simulation.mailbox.delivered:
        path = delivery.request.url.removeprefix("https://events.pagerduty.com")
        body = {**delivery.request.body, "routing_key": KEY}
        assert published.faults(path, body) == []
        taken[delivery.correlation.id] = (path, body.get("event_action"), body.get("dedup_key"))
    return list(taken.values())


def expected(simulation: Simulation) -> list[tuple[str, Any, Any]]:
    key = f"platelet/{simulation.remediation().uid}"
    actions = ("trigger", "trigger", "acknowledge", "resolve")
    return [("/v2/change/enqueue", None, None), *(("/v2/enqueue", action, key) for action in actions)]


def test_an_incident_is_one_alert_that_is_triggered_acknowledged_and_resolved(simulation: Simulation) -> None:
    play(simulation)
    assert events(simulation) == expected(simulation)


def test_a_crash_at_any_call_leaves_one_alert_that_is_resolved() -> None:
    with Simulation() as calm:
        calls = play(calm)
    for simulation, fault in with_faults(sample(calls, 41), "kill before", "kill after"):
        play(simulation)
        assert events(simulation) == expected(simulation), fault
