"""Alerts that lead to no workload are told by level, and who was called hears the end; whatever dies meanwhile."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from platelet.api.kinds.status_lists import ALERTS
from platelet.model import approval
from platelet.model.untargeted_alert import UntargetedAlert
from platelet.shell import kube
from platelet.shell.kube import Json
from tests.scenarios.escalations import FOLLOWED, L1, L2, L3, notifications
from tests.scenarios.heals import sample, with_faults
from tests.scenarios.incidents import MINUTE, begin
from tests.scenarios.manifests import escalation_policy, on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

HOUR = 60 * MINUTE
LOST, OTHER = "000000000000f001", "000000000000f002"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def follow(simulation: Simulation, *levels: Json, mode: str = "Enforce") -> None:
    """A policy for an alert, which calls people by these levels."""
    simulation.apply(escalation_policy(*levels))
    begin(simulation, step("rolloutRestart"), triggers=[on_alert("Lost")], escalation=FOLLOWED, mode=mode)


def fire(simulation: Simulation, fingerprint: str = LOST, **labels: str) -> None:
    """An alert that names nothing, unless `labels` do."""
    simulation.alerts.fire(fingerprint, {"alertname": "Lost", "namespace": SHOP, **labels})


def listed(simulation: Simulation) -> tuple[UntargetedAlert, ...]:
    return ALERTS.read(simulation.world.store.get(kube.POLICIES, SHOP, "heal")["status"])


def told(simulation: Simulation, kind: str = "Untargeted") -> list[tuple[float, str]]:
    """How many minutes after people were called first which sink took such a notice, in order."""
    (entry,) = listed(simulation)
    assert entry.call is not None
    taken = {(known.correlation.id, known.correlation.sink) for known in simulation.mailbox.delivered}
    return sorted(
        (round((known.told_at - entry.call.at) / MINUTE), known.sink)
        for known in notifications(simulation)
        if known.kind == kind and known.told_at is not None and (known.id, known.sink) in taken
    )


def test_each_level_is_told_at_its_time_and_all_of_them_hear_the_end(simulation: Simulation) -> None:
    follow(simulation, L1, L2, L3)
    fire(simulation)
    simulation.run(70 * MINUTE)
    simulation.alerts.resolve(LOST)
    simulation.run(2 * HOUR)
    assert told(simulation) == [(0, "oncall"), (30, "lead"), (60, "manager")]
    assert [sink for _, sink in told(simulation, "UntargetedOver")] == ["lead", "manager", "oncall"]


def test_who_was_not_told_does_not_hear_the_end(simulation: Simulation) -> None:
    follow(simulation, L1, L2, L3)
    fire(simulation)
    simulation.run(40 * MINUTE)
    simulation.alerts.resolve(LOST)
    simulation.run(2 * HOUR)
    assert {known.sink for known in notifications(simulation)} == {"oncall", "lead"}


def test_a_level_is_told_again_until_it_is_over_however_often_the_alert_is_sent(simulation: Simulation) -> None:
    follow(simulation, {**L1, "repeatEvery": "20m"}, {**L2, "until": "Resolved", "repeatEvery": "1h"})
    fire(simulation)
    for _ in range(19):
        simulation.run(5 * MINUTE)
        simulation.alerts.repeat(LOST)
    simulation.alerts.resolve(LOST)
    simulation.run(3 * HOUR)
    assert [after for after, sink in told(simulation) if sink == "oncall"] == [0, 20, 40, 60, 80]
    assert [after for after, sink in told(simulation) if sink == "lead"] == [30, 90]


def test_a_restart_between_two_levels_changes_no_time_and_tells_nothing_again(simulation: Simulation) -> None:
    follow(simulation, L1, L2, L3)
    fire(simulation)
    for pause in (20 * MINUTE, 25 * MINUTE):
        simulation.run(pause)
        simulation.processes[0].end()
        simulation.run(timedelta())  # the next replica starts
    simulation.run(60 * MINUTE)
    assert told(simulation) == [(0, "oncall"), (30, "lead"), (60, "manager")]
    assert len(simulation.mailbox.delivered) == 3


def test_its_severity_decides_which_levels_are_for_it(simulation: Simulation) -> None:
    follow(simulation, {**L1, "severities": ["warning"]}, {**L2, "after": "0s", "severities": ["critical"]})
    fire(simulation, severity="page")
    simulation.run(10 * MINUTE)
    assert told(simulation) == [(0, "lead")]


def test_acknowledging_ends_the_levels_but_those_until_it_is_over(simulation: Simulation) -> None:
    follow(simulation, {**L1, "repeatEvery": "10m"}, {**L2, "until": "Resolved", "repeatEvery": "1h"}, L3)
    fire(simulation)
    simulation.run(15 * MINUTE)
    uid = simulation.world.store.get(kube.POLICIES, SHOP, "heal")["metadata"]["uid"]
    annotations = {approval.ACKNOWLEDGED_ON_POLICY + listed(simulation)[0].token(uid): "ann"}
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"metadata": {"annotations": annotations}})
    simulation.run(2 * HOUR)
    assert told(simulation) == [(0, "oncall"), (10, "oncall"), (30, "lead"), (90, "lead")]
    (entry,) = listed(simulation)
    assert entry.call is not None
    assert entry.call.acknowledged_by == "ann"


def test_an_alert_whose_end_nobody_reports_is_over_once_alertmanager_does_not_know_it(simulation: Simulation) -> None:
    """What the poller asks about: nothing else would ever end the calls."""
    follow(simulation, {**L1, "repeatEvery": "10m"})
    fire(simulation)
    simulation.run(5 * MINUTE)
    simulation.processes[0].find_absent(LOST)
    simulation.run(HOUR)
    assert told(simulation) == [(0, "oncall")]
    assert [sink for _, sink in told(simulation, "UntargetedOver")] == ["oncall"]


def test_one_that_has_a_workload_by_now_is_over(simulation: Simulation) -> None:
    """The incident calls people from then on."""
    follow(simulation, L1, L2)
    fire(simulation, deployment="late")
    simulation.run(5 * MINUTE)
    simulation.world.deploy("late", "app:good-1", labels={"heal": "yes"})
    simulation.run(MINUTE)
    simulation.alerts.repeat(LOST)
    simulation.run(40 * MINUTE)
    (entry,) = listed(simulation)
    assert entry.resolution == "it leads to shop/deployment/late, where it is on record"
    assert told(simulation) == [(0, "oncall")]
    assert [sink for _, sink in told(simulation, "UntargetedOver")] == ["oncall"]


def test_while_it_is_silenced_nobody_else_is_called_and_what_came_due_is_told_afterwards(
    simulation: Simulation,
) -> None:
    follow(simulation, {**L1, "repeatEvery": "20m"}, L2)
    fire(simulation)
    simulation.run(10 * MINUTE)
    simulation.processes[0].poll(suppressed={LOST})
    simulation.run(MINUTE)
    simulation.processes[0].end()  # the silence is on record
    simulation.run(timedelta())  # the next replica starts
    simulation.run(2 * HOUR)
    assert told(simulation) == [(0, "oncall")]
    simulation.processes[0].poll(active={LOST})
    simulation.run(MINUTE)
    assert [sink for _, sink in told(simulation)] == ["oncall", "lead", "oncall"]


def test_who_was_called_hears_the_end_also_while_it_is_silenced(simulation: Simulation) -> None:
    follow(simulation, L1, L2)
    fire(simulation)
    simulation.run(10 * MINUTE)
    simulation.processes[0].poll(suppressed={LOST})
    simulation.run(MINUTE)
    simulation.alerts.resolve(LOST)
    simulation.run(HOUR)
    assert [sink for _, sink in told(simulation, "UntargetedOver")] == ["oncall"]


def test_what_fires_when_a_policy_no_longer_observes_is_called_for_from_then_on(simulation: Simulation) -> None:
    follow(simulation, L1, L2, mode="Observe")
    fire(simulation)
    simulation.run(HOUR)
    assert simulation.mailbox.delivered == []
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"mode": "Approve"}})
    simulation.run(40 * MINUTE)
    assert told(simulation) == [(0, "oncall"), (30, "lead")]
    simulation.processes[0].end()
    simulation.run(timedelta())
    simulation.run(HOUR)
    simulation.alerts.resolve(LOST)
    simulation.run(HOUR)
    assert [sink for _, sink in told(simulation, "UntargetedOver")] == ["lead", "oncall"]
    assert len(simulation.mailbox.delivered) == 4, "each once"


def test_a_call_that_nobody_answers_costs_nothing_while_nothing_is_due(simulation: Simulation) -> None:
    """A policy without one costs no less."""

    def reads() -> int:
        audit = simulation.world.server.audit
        return sum((call.resource, call.verb) == (kube.POLICIES.plural, "get") for call in audit)

    follow(simulation, L1)
    fire(simulation)
    simulation.run(5 * MINUTE)
    before = reads()
    simulation.run(HOUR)
    assert reads() == before


def test_what_is_new_is_told_at_once_also_while_the_stream_of_policies_stands_still(simulation: Simulation) -> None:
    """Memory says that nothing has changed; whoever has stored it knows better."""
    follow(simulation, L1)
    fire(simulation)
    simulation.run(5 * MINUTE)
    simulation.processes[0].unseen.add(kube.POLICIES.plural)
    fire(simulation, OTHER)
    simulation.run(timedelta(seconds=1))
    assert len(simulation.mailbox.delivered) == 2


def play(simulation: Simulation) -> range:
    """Two alerts; the one is over before the third level. Returns the calls of it all."""
    follow(simulation, L1, {**L2, "repeatEvery": "20m"}, L3)
    first = simulation.world.server.index
    fire(simulation)
    simulation.run(10 * MINUTE)
    fire(simulation, OTHER, severity="critical")
    simulation.run(65 * MINUTE)
    simulation.alerts.resolve(OTHER)
    simulation.run(20 * MINUTE)
    return range(first, simulation.world.server.index)


def outcome(simulation: Simulation) -> list[tuple[str, str]]:
    """Which notice each sink has taken: must be the same whatever died meanwhile."""
    names = {entry.known_as: entry.about[-1] for entry in listed(simulation)}
    taken = {(known.correlation.id, known.correlation.sink) for known in simulation.mailbox.delivered}
    pairs = [(name.split("/"), sink) for name, sink in taken]
    return sorted(("/".join([kind, names[known_as], *rest]), sink) for (_, kind, known_as, *rest), sink in pairs)


def test_a_crash_at_any_call_tells_each_level_at_least_once_under_its_own_id() -> None:
    with Simulation() as calm:
        indexes = play(calm)
        expected = outcome(calm)
        assert expected == [
            ("untargeted/1", "oncall"),
            ("untargeted/1/level-2", "lead"),
            ("untargeted/1/level-2/repeat-1", "lead"),
            ("untargeted/1/level-2/repeat-2", "lead"),
            ("untargeted/1/level-2/repeat-3", "lead"),
            ("untargeted/1/level-3", "manager"),
            ("untargeted/2", "oncall"),
            ("untargeted/2/level-2", "lead"),
            ("untargeted/2/level-2/repeat-1", "lead"),
            ("untargeted/2/level-3", "manager"),
            ("untargetedover/2", "lead"),
            ("untargetedover/2", "manager"),
            ("untargetedover/2", "oncall"),
        ]
    for simulation, fault in with_faults(sample(indexes, 16), "kill before", "kill after", "answer lost"):
        play(simulation)
        assert outcome(simulation) == expected, fault
