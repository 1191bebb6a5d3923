"""Thirty workloads crash at once, and five actions an hour are allowed: five it is, whatever is killed or deleted."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.model.remediation import Remediation
from platelet.shell import kube
from tests.scenarios.heals import effects
from tests.scenarios.manifests import policy, runbook, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR, SHOP

MINUTE = timedelta(minutes=1)
SICK, ALLOWED = 30, 5
WIDE_OPEN = {"cooldown": "0s", "maxConcurrent": 1000, "rate": {"maxActions": 1000, "per": "1h"}}


@pytest.fixture
def storm() -> Iterator[Simulation]:
    with Simulation() as simulation:
        simulation.budget_spec({"limits": [{"maxActions": ALLOWED, "per": "1h"}]})
        simulation.apply(runbook(step("rolloutUndo")), policy(limits=WIDE_OPEN))
        for number in range(SICK):
            simulation.world.deploy(f"api-{number}", "app:good-1", labels={"heal": "yes"})
        simulation.run(2 * MINUTE)
        for number in range(SICK):
            simulation.world.release(f"api-{number}", "app:crash")
        yield simulation


def limited(simulation: Simulation) -> list[Remediation]:
    return [
        each
        for each in simulation.remediations()
        if each.status.waiting is not None and each.status.waiting.reason == reasons.OPERATOR_RATE_LIMITED
    ]


def test_exactly_as_many_as_allowed_and_the_others_say_why_and_until_when(storm: Simulation) -> None:
    storm.run(6 * MINUTE)
    assert len(effects(storm.world.server.audit)) == ALLOWED
    waiting = limited(storm)
    assert len(waiting) == SICK - ALLOWED
    first = min(each.reserved_at for each in storm.budget().status.entries)
    for each in waiting:
        assert each.status.waiting is not None
        assert each.status.waiting.until is not None
        assert each.status.waiting.until >= first + timedelta(hours=1)


def test_the_next_window_allows_as_many_again(storm: Simulation) -> None:
    storm.budget_spec({"limits": [{"maxActions": ALLOWED, "per": "5m"}]})
    storm.run(4 * MINUTE)
    assert len(effects(storm.world.server.audit)) == ALLOWED
    storm.run(4 * MINUTE)
    assert len(effects(storm.world.server.audit)) == 2 * ALLOWED


def test_deleting_remediations_frees_nothing(storm: Simulation) -> None:
    storm.run(3 * MINUTE)
    for each in storm.remediations():
        storm.world.store.delete(kube.REMEDIATIONS, SHOP, each.name)
    storm.run(6 * MINUTE)
    assert len(effects(storm.world.server.audit)) == ALLOWED
    assert len(limited(storm)) == SICK - ALLOWED


def test_deleting_and_re_creating_the_budget_frees_nothing(storm: Simulation) -> None:
    storm.run(3 * MINUTE)
    storm.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    storm.run(MINUTE)
    assert len(effects(storm.world.server.audit)) == ALLOWED
    storm.budget_spec({"limits": [{"maxActions": ALLOWED, "per": "1h"}]})
    storm.run(6 * MINUTE)
    assert len(effects(storm.world.server.audit)) == ALLOWED


@pytest.mark.parametrize("kind", ["kill before", "kill after", "answer lost", "unanswered"])
def test_a_fault_in_every_third_write_to_the_budget_frees_nothing(storm: Simulation, kind: FaultKind) -> None:
    """A kill every time would end the storm only by chance; every third one leaves it moving."""
    server = storm.world.server
    seen = 0

    def strike(index: int) -> None:
        nonlocal seen
        last = server.audit[-1]
        if last.verb == "get" and last.resource == kube.BUDGETS.plural:
            seen += 1
            if seen % 3 == 0:
                server.faults.at[index] = kind

    server.on_call = strike
    storm.run(6 * MINUTE)
    found = effects(server.audit)
    assert len(found) <= ALLOWED
    assert set(found.values()) <= {1}
