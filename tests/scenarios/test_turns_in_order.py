"""Incidents that wait for a limit: nobody asks for them again and again, and each has its turn, the oldest first."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.model.remediation import Remediation
from platelet.shell import kube
from tests.scenarios.heals import effects
from tests.scenarios.manifests import policy, runbook, step
from tests.scenarios.simulation import Simulation

MINUTE = timedelta(minutes=1)
SICK, ALLOWED = 12, 3
WIDE_OPEN = {"cooldown": "0s", "maxConcurrent": 1000, "rate": {"maxActions": 1000, "per": "1h"}}


@pytest.fixture
def waiting() -> Iterator[Simulation]:
    """All places of the hour are taken, and people have been told."""
    with Simulation() as simulation:
        simulation.budget_spec({"limits": [{"maxActions": ALLOWED, "per": "1h"}]})
        simulation.apply(runbook(step("rolloutUndo")), policy(limits=WIDE_OPEN))
        for number in range(SICK):
            simulation.world.deploy(f"api-{number}", "app:good-1", labels={"heal": "yes"})
        simulation.run(2 * MINUTE)
        for number in range(SICK):
            simulation.world.release(f"api-{number}", "app:crash")
            simulation.run(timedelta(seconds=1))
        simulation.run(20 * MINUTE)
        yield simulation


def in_line(simulation: Simulation) -> list[Remediation]:
    held = [remediation for remediation in simulation.remediations() if remediation.status.waiting is not None]
    assert all(
        remediation.status.waiting.reason == reasons.OPERATOR_RATE_LIMITED
        for remediation in held
        if remediation.status.waiting
    )
    return sorted(held, key=lambda remediation: (str(remediation.status.opened_at), remediation.uid))


def written(simulation: Simulation, since: int) -> set[str]:
    """The Remediations whose status was written."""
    calls = simulation.world.server.writes(kube.REMEDIATIONS)
    return {call.name for call in calls if call.index >= since and call.subresource == "status"}


def test_while_nothing_changes_nothing_is_written_of_those_that_wait(waiting: Simulation) -> None:
    names = {remediation.name for remediation in in_line(waiting)}
    assert len(names) == SICK - ALLOWED
    since = waiting.world.server.index
    waiting.run(20 * MINUTE)
    assert {remediation.name for remediation in in_line(waiting)} == names
    assert written(waiting, since) & names == set()


def test_when_places_become_free_as_many_have_their_turn_and_the_oldest_first(waiting: Simulation) -> None:
    line = in_line(waiting)
    (until,) = {remediation.status.waiting.until for remediation in line if remediation.status.waiting is not None}
    assert until is not None
    waiting.run(until - waiting.world.now - timedelta(seconds=1))
    since = waiting.world.server.index
    waiting.run(timedelta(seconds=90))
    assert len(effects(waiting.world.server.audit)) == 2 * ALLOWED
    acted = {remediation.name for remediation in line} - {remediation.name for remediation in in_line(waiting)}
    assert acted == {remediation.name for remediation in line[:ALLOWED]}
    assert written(waiting, since) & {remediation.name for remediation in line} - acted == set()


def test_a_new_leader_gives_the_turns_as_the_old_one_would_have(waiting: Simulation) -> None:
    line = in_line(waiting)
    server = waiting.world.server
    server.faults.at[server.index] = "kill before"
    waiting.run(2 * MINUTE)
    assert [remediation.uid for remediation in in_line(waiting)] == [remediation.uid for remediation in line]
    waiting.run(45 * MINUTE)
    assert len(effects(waiting.world.server.audit)) == 2 * ALLOWED
    acted = {remediation.name for remediation in line} - {remediation.name for remediation in in_line(waiting)}
    assert acted == {remediation.name for remediation in line[:ALLOWED]}
