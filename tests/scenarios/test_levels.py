"""People are told level by level, with the durations of real escalation matrices: L1 now, L2 after 30m, L3 after 60m.

Each call is made at least once under an id that stays the same, whatever dies; acknowledging ends the levels.
"""

from datetime import timedelta

from platelet.model import reasons
from platelet.model.notification import Notification
from tests.scenarios.escalations import acknowledge, escalate
from tests.scenarios.heals import sample, with_faults
from tests.scenarios.incidents import MINUTE, states
from tests.scenarios.simulation import Simulation

L1 = {"after": "0s", "sinks": ["oncall"]}
L2 = {"after": "30m", "sinks": ["lead"]}
L3 = {"after": "1h", "sinks": ["manager"]}


def told(simulation: Simulation) -> list[tuple[timedelta, str, str]]:
    """How long after the escalation which sink took what, in order."""
    status = simulation.remediation().status
    assert status.escalation is not None
    taken = [known for known in status.notifications if known.told_at is not None and known.sink != "annotation"]
    taken_ids = {(delivery.correlation.id, delivery.correlation.sink) for delivery in simulation.mailbox.delivered}
    assert {(known.id, known.sink) for known in taken} == taken_ids
    begun = status.escalation.at
    return sorted(
        (MINUTE * round((known.told_at - begun) / MINUTE), known.sink, known.kind) for known in taken if known.told_at
    )


def mend(simulation: Simulation) -> None:
    """People release something that runs."""
    simulation.world.release("api", "app:good-2")
    simulation.run_until(lambda: states(simulation) == [("Closed", reasons.RESOLVED_BY_PEOPLE)])
    simulation.run(5 * MINUTE)


def calls(simulation: Simulation) -> list[Notification]:
    """What is on record of calling people, but for the mark on the workload."""
    notifications = simulation.remediation().status.notifications
    return [known for known in notifications if known.kind == "Escalated" and known.sink != "annotation"]


def test_each_level_is_told_at_its_time_and_all_of_them_hear_the_end(simulation: Simulation) -> None:
    escalate(simulation, L1, L2, L3)
    simulation.run(70 * MINUTE)
    mend(simulation)
    *called, first_end, second_end, third_end = told(simulation)
    assert called == [
        (timedelta(), "oncall", "Escalated"),
        (30 * MINUTE, "lead", "Escalated"),
        (60 * MINUTE, "manager", "Escalated"),
    ]
    assert [(sink, kind) for _, sink, kind in (first_end, second_end, third_end)] == [
        ("lead", "Resolved"),
        ("manager", "Resolved"),
        ("oncall", "Resolved"),
    ]
    assert [(call.sink, call.level, call.state) for call in calls(simulation)] == [
        ("oncall", 1, "Delivered"),
        ("lead", 2, "Delivered"),
        ("manager", 3, "Delivered"),
    ]


def test_who_was_not_told_does_not_hear_the_end(simulation: Simulation) -> None:
    escalate(simulation, L1, L2, L3)
    simulation.run(40 * MINUTE)
    mend(simulation)
    assert "manager" not in {sink for _, sink, _ in told(simulation)}


def test_acknowledging_ends_the_levels_until_something_gets_worse(simulation: Simulation) -> None:
    escalate(simulation, {**L1, "repeatEvery": "10m"}, L2)
    simulation.run(15 * MINUTE)
    acknowledge(simulation)
    simulation.run(3 * timedelta(hours=1))
    assert [(after, sink) for after, sink, _ in told(simulation)] == [(timedelta(), "oncall"), (10 * MINUTE, "oncall")]
    assert {(call.state, call.acknowledged_by) for call in calls(simulation)} == {("Acknowledged", "ann")}


def test_a_level_until_resolved_goes_on_when_somebody_has_heard(simulation: Simulation) -> None:
    """The outage notice of a P1 that is not resolved after 30 minutes, whoever works on it."""
    escalate(simulation, L1, {**L2, "until": "Resolved", "repeatEvery": "1h"}, L3)
    simulation.run(5 * MINUTE)
    acknowledge(simulation)
    simulation.run(100 * MINUTE)
    assert [(after, sink) for after, sink, _ in told(simulation)] == [
        (timedelta(), "oncall"),
        (30 * MINUTE, "lead"),
        (90 * MINUTE, "lead"),
    ]


def test_a_level_that_cannot_be_told_does_not_keep_the_next_one_waiting(simulation: Simulation) -> None:
    """What is undeliverable goes on to the next; the first is told when it can be, and never again."""
    simulation.mailbox.down_hosts = {"oncall.svc"}
    escalate(simulation, L1, L2, L3)
    simulation.run(2 * MINUTE)
    assert [(after, sink) for after, sink, _ in told(simulation)] == [(timedelta(), "lead")]
    simulation.mailbox.down_hosts = set()
    simulation.run(80 * MINUTE)
    assert [sink for _, sink, _ in told(simulation)] == ["lead", "oncall", "manager"]
    assert told(simulation)[-1][0] == 60 * MINUTE


def test_severities_choose_whom_a_level_tells(simulation: Simulation) -> None:
    """A pod that crash-loops counts as a warning."""
    pager = {"after": "0s", "sinks": ["pager"], "severities": ["critical"]}
    alerts = {"after": "0s", "sinks": ["alerts"], "severities": ["warning", "error"]}
    escalate(simulation, pager, alerts)
    simulation.run(MINUTE)
    assert [(sink, kind) for _, sink, kind in told(simulation)] == [("alerts", "Escalated")]


def play(simulation: Simulation) -> range:
    """Three levels, one that repeats, and people who mend it. Returns the calls of it all."""
    first = simulation.world.server.index
    escalate(simulation, L1, {**L2, "repeatEvery": "20m"}, L3)
    simulation.run(75 * MINUTE)
    mend(simulation)
    return range(first, simulation.world.server.index)


def outcome(simulation: Simulation) -> list[tuple[str, str, str]]:
    """What must be the same whatever died meanwhile; the order of those who hear the end is no matter."""
    taken = {(delivery.correlation.id, delivery.correlation.sink) for delivery in simulation.mailbox.delivered}
    record = {(known.id, known.sink, known.state) for known in simulation.remediation().status.notifications}
    uid = simulation.remediation().uid
    return sorted([(name.removeprefix(uid), sink, "taken") for name, sink in taken]) + sorted(
        (name.removeprefix(uid), sink, state) for name, sink, state in record
    )


def test_a_crash_at_any_call_tells_each_level_at_least_once_under_its_own_id() -> None:
    with Simulation() as calm:
        indexes = play(calm)
        expected = outcome(calm)
        assert ("/escalated/1/level-2/repeat-2", "lead", "taken") in expected
    for simulation, fault in with_faults(sample(indexes, 31), "kill before", "kill after", "answer lost"):
        play(simulation)
        assert outcome(simulation) == expected, fault
