"""The user's Alertmanager in the model: the alert never lapses while people are called, and ends with the incident."""

from datetime import datetime, timedelta

from platelet.model.durations import parse_time
from tests.published import alertmanager as published
from tests.scenarios.escalations import acknowledge, escalate
from tests.scenarios.incidents import MINUTE
from tests.scenarios.simulation import Simulation

ALERTMANAGER = {"name": "oncall", "alertmanager": {"url": "http://am.svc:9093"}}


def ends(simulation: Simulation) -> list[datetime]:
    """Until when the alert is to stand, as it was posted one time after the other."""
    bodies = [delivery.request.body for delivery in simulation.mailbox.delivered]
    assert [fault for body in bodies for fault in published.faults(body)] == []
    return [parse_time(alert["endsAt"]) for body in bodies for alert in body]


def hold(simulation: Simulation) -> None:
    """A restart does not help, so people get it, and one of them has heard."""
    escalate(simulation, {"after": "0s", "sinks": ["oncall"]}, sinks=[ALERTMANAGER])
    simulation.run(MINUTE)
    acknowledge(simulation)


def test_an_alert_stands_for_hours_also_when_somebody_has_heard_and_then_ends(simulation: Simulation) -> None:
    hold(simulation)
    for _ in range(60):
        simulation.run(2 * MINUTE)
        assert max(ends(simulation)) > simulation.world.now
    assert len(simulation.remediation().status.notifications) < 20
    simulation.world.release("api", "app:good-2")
    simulation.run(20 * MINUTE)
    assert ends(simulation)[-1] <= simulation.world.now


def test_a_restart_of_the_operator_leaves_no_gap(simulation: Simulation) -> None:
    hold(simulation)
    for _ in range(5):
        simulation.run(3 * MINUTE)
        simulation.processes[0].end()
        simulation.run(timedelta())
        simulation.run(2 * MINUTE)
        assert max(ends(simulation)) > simulation.world.now
