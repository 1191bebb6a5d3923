"""API servers whose clocks are wrong: judged by real time, they free no limit and hand nothing to people."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from platelet.shell import kube
from tests.scenarios.heals import HEAL, effects, most_in
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR, SHOP

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RIGHT = timedelta()
OPEN = {"cooldown": "0s", "maxConcurrent": 100, "maxUnhealthy": "100%", "rate": {"maxActions": 100, "per": "1h"}}
MOST = 3  # actions in an hour
SICK = 6


def times_of_actions(simulation: Simulation) -> list[datetime]:
    """When the operator changed a workload, in real time."""
    audit = simulation.world.server.audit
    agents = effects(audit)
    return [call.at for call in audit if call.changed and call.agent in agents]


def a_storm(simulation: Simulation, alertname: str = "Busy") -> None:
    """More workloads are sick than may be acted on in an hour."""
    simulation.budget_spec({"limits": [{"maxActions": MOST, "per": "1h"}]})
    simulation.apply(runbook(step("rolloutRestart")), policy(limits=OPEN, triggers=[on_alert(alertname)]))
    for number in range(SICK):
        simulation.world.deploy(f"api-{number}", "app:good-1", labels=HEAL)
    simulation.run(3 * MINUTE)
    for number in range(SICK):
        labels = {"alertname": alertname, "namespace": SHOP, "deployment": f"api-{number}"}
        simulation.alerts.fire(f"f{number}", labels)
    simulation.run(3 * MINUTE)


def restart(simulation: Simulation) -> None:
    """The leader is killed; another process, which has never heard the time, follows it."""
    server = simulation.world.server
    server.faults.at[server.index] = "kill before"
    simulation.run(3 * MINUTE)


def leads_for_a_while(simulation: Simulation, ahead: timedelta) -> None:
    simulation.world.server.clocks = [ahead]
    simulation.run(8 * MINUTE)
    simulation.world.server.clocks = [RIGHT]
    simulation.run(8 * MINUTE)


def leads_for_long(simulation: Simulation, ahead: timedelta) -> None:
    simulation.world.server.clocks = [ahead]
    simulation.run(45 * MINUTE)


def one_of_three(simulation: Simulation, ahead: timedelta) -> None:
    simulation.world.server.clocks = [RIGHT, ahead, RIGHT]
    simulation.run(40 * MINUTE)


def leads_while_it_is_replaced(simulation: Simulation, ahead: timedelta) -> None:
    simulation.world.server.clocks = [ahead]
    restart(simulation)
    simulation.run(5 * MINUTE)
    simulation.world.server.clocks = [RIGHT]
    restart(simulation)
    simulation.run(5 * MINUTE)


def leads_at_the_first_answer(simulation: Simulation, ahead: timedelta) -> None:
    simulation.world.server.clocks = [ahead, RIGHT, RIGHT, RIGHT, RIGHT]
    restart(simulation)
    simulation.run(10 * MINUTE)


def is_replaced_again_and_again(simulation: Simulation, ahead: timedelta) -> None:
    for clock in (ahead, RIGHT, -ahead, RIGHT, ahead, RIGHT):
        simulation.world.server.clocks = [clock]
        restart(simulation)


WRONG: dict[str, Callable[[Simulation, timedelta], None]] = {
    "the only server is wrong for a while": leads_for_a_while,
    "the only server is wrong for long": leads_for_long,
    "one of three is wrong": one_of_three,
    "it is wrong while the leader is replaced, twice": leads_while_it_is_replaced,
    "a new leader's first answer is of the wrong one": leads_at_the_first_answer,
    "it is wrong, right, wrong the other way, each time with a new leader": is_replaced_again_and_again,
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("ahead", [70 * MINUTE, -130 * MINUTE], ids=str)
def test_no_more_actions_in_an_hour_of_real_time_than_the_limit_allows(how: str, ahead: timedelta) -> None:
    with Simulation(told_by_servers=True) as simulation:
        a_storm(simulation)
        assert len(times_of_actions(simulation)) == MOST
        WRONG[how](simulation, ahead)
        simulation.world.server.clocks = [RIGHT]
        simulation.run(90 * MINUTE)
        assert most_in(HOUR, times_of_actions(simulation)) <= MOST, simulation.describe()


def test_what_waits_is_not_handed_to_people_and_a_pause_goes_on() -> None:
    """For a few minutes a server is two hours ahead."""
    with Simulation(told_by_servers=True) as simulation:
        a_storm(simulation)
        until = simulation.world.now + HOUR
        simulation.budget_spec({"suspended": {"reason": "freeze", "until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}})
        before = len(times_of_actions(simulation))
        leads_for_a_while(simulation, 2 * HOUR)
        assert "GaveUp" not in {remediation.status.reason for remediation in simulation.remediations()}
        assert len(times_of_actions(simulation)) == before
        simulation.run(40 * MINUTE)
        assert len(times_of_actions(simulation)) == before
        simulation.run(HOUR)
        assert len(times_of_actions(simulation)) > before, "afterwards time does not stand still"


def test_while_no_server_tells_a_time_that_fits_nothing_is_begun() -> None:
    with Simulation(told_by_servers=True) as simulation:
        a_storm(simulation)
        simulation.budget_spec({"limits": [{"maxActions": 100, "per": "1h"}]})
        simulation.world.server.clocks = [70 * MINUTE]
        before = len(times_of_actions(simulation))
        simulation.run(20 * MINUTE)
        late = [
            moment for moment in times_of_actions(simulation)[before:] if moment > simulation.world.now - 18 * MINUTE
        ]
        assert late == []
        waiting = [
            remediation.status.reason
            for remediation in simulation.remediations()
            if remediation.status.state == "Waiting"
        ]
        assert set(waiting) <= {"ClockUnknown"}


@pytest.mark.parametrize("ahead", [70 * MINUTE, timedelta(days=400)], ids=str)
def test_a_budget_with_times_in_the_future_stops_nothing_for_ever_and_frees_nothing(ahead: timedelta) -> None:
    """Poisoned by an older leader, or edited by people."""
    with Simulation(told_by_servers=True) as simulation:
        a_storm(simulation)
        stored = simulation.world.store.get(kube.BUDGETS, OPERATOR, "platelet")
        for entry in stored["status"]["entries"]:
            for key in ("reservedAt", "outcomeAt", "settledAt"):
                entry[key] = f"{simulation.world.now + ahead:%Y-%m-%dT%H:%M:%SZ}"
        simulation.world.store.replace(kube.BUDGETS, OPERATOR, "platelet", stored, subresource="status")
        simulation.run(50 * MINUTE)
        assert len(times_of_actions(simulation)) == MOST
        assert "GaveUp" not in {remediation.status.reason for remediation in simulation.remediations()}
        simulation.run(25 * MINUTE)
        assert len(times_of_actions(simulation)) == 2 * MOST
