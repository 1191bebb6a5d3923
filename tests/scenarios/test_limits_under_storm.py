"""Thirty workloads crash at once, and five actions an hour are allowed: five it is, whatever is killed or deleted."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

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
SICK, FEWER, ALLOWED = 30, 10, 5
WIDE_OPEN = {"cooldown": "0s", "maxConcurrent": 1000, "rate": {"maxActions": 1000, "per": "1h"}}


def begin(simulation: Simulation, sick: int, **more: Any) -> None:
    simulation.budget_spec({"limits": [{"maxActions": ALLOWED, "per": "1h"}]})
    simulation.apply(runbook(step("rolloutUndo")), policy(limits=WIDE_OPEN, **more))
    for number in range(sick):
        simulation.world.deploy(f"api-{number}", "app:good-1", labels={"heal": "yes"})
    simulation.run(2 * MINUTE)
    for number in range(sick):
        simulation.world.release(f"api-{number}", "app:crash")


@pytest.fixture
def storm() -> Iterator[Simulation]:
    """As many as the issue asks for."""
    with Simulation() as simulation:
        begin(simulation, SICK)
        yield simulation


@pytest.fixture
def gust() -> Iterator[Simulation]:
    """Fewer, where the number says nothing."""
    with Simulation() as simulation:
        begin(simulation, FEWER)
        yield simulation


def limited(simulation: Simulation) -> list[Remediation]:
    return [
        remediation
        for remediation in simulation.remediations()
        if remediation.status.waiting is not None and remediation.status.waiting.reason == reasons.OPERATOR_RATE_LIMITED
    ]


def test_exactly_as_many_as_allowed_and_the_others_say_why_and_until_when(storm: Simulation) -> None:
    storm.run(3 * MINUTE)
    assert len(effects(storm.world.server.audit)) == ALLOWED
    waiting = limited(storm)
    assert len(waiting) == SICK - ALLOWED
    first = min(entry.reserved_at for entry in storm.budget().status.entries)
    for remediation in waiting:
        assert remediation.status.waiting is not None
        assert remediation.status.waiting.until is not None
        assert remediation.status.waiting.until >= first + timedelta(hours=1)


def test_observing_says_the_same_without_doing_anything() -> None:
    """DESIGN 3.1: the budget is virtual, and so are the five."""
    with Simulation() as simulation:
        begin(simulation, SICK, mode="Observe")
        simulation.run(12 * MINUTE)
        assert effects(simulation.world.server.audit) == {}
        assert simulation.budget().status.entries == ()
        waiting = limited(simulation)
        assert len(waiting) == SICK - ALLOWED
        would = [
            remediation
            for remediation in simulation.remediations()
            if remediation.status.reason == reasons.WOULD_HAVE_ACTED
        ]
        assert len(would) == ALLOWED
        first = min(remediation.status.decisions[-1].first_at for remediation in would)
        for remediation in waiting:
            assert remediation.status.waiting is not None
            assert remediation.status.waiting.until is not None
            assert remediation.status.waiting.until >= first + timedelta(hours=1)
            assert all(note.reason != reasons.WOULD_HAVE_ACTED for note in remediation.status.decisions)


def test_the_next_window_allows_as_many_again(gust: Simulation) -> None:
    gust.budget_spec({"limits": [{"maxActions": ALLOWED, "per": "5m"}]})
    gust.run(4 * MINUTE)
    assert len(effects(gust.world.server.audit)) == ALLOWED
    gust.run(4 * MINUTE)
    assert len(effects(gust.world.server.audit)) == 2 * ALLOWED


def test_deleting_remediations_frees_nothing(gust: Simulation) -> None:
    gust.run(2 * MINUTE)
    for remediation in gust.remediations():
        gust.world.store.delete(kube.REMEDIATIONS, SHOP, remediation.name)
    gust.run(3 * MINUTE)
    assert len(effects(gust.world.server.audit)) == ALLOWED
    assert len(limited(gust)) == FEWER - ALLOWED


def test_deleting_and_re_creating_the_budget_frees_nothing(gust: Simulation) -> None:
    gust.run(3 * MINUTE)
    gust.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    gust.run(MINUTE)
    assert len(effects(gust.world.server.audit)) == ALLOWED
    gust.budget_spec({"limits": [{"maxActions": ALLOWED, "per": "1h"}]})
    gust.run(3 * MINUTE)
    assert len(effects(gust.world.server.audit)) == ALLOWED


@pytest.mark.parametrize("kind", ["kill after", "answer lost"])
def test_a_fault_in_every_third_write_to_the_budget_frees_nothing(gust: Simulation, kind: FaultKind) -> None:
    """A kill every time would end it only by chance; every third one leaves it moving."""
    server = gust.world.server
    seen = 0

    def strike(index: int) -> None:
        nonlocal seen
        last = server.audit[-1]
        if last.verb == "get" and last.resource == kube.BUDGETS.plural:
            seen += 1
            if seen % 3 == 0:
                server.faults.at[index] = kind

    server.on_call = strike
    gust.run(3 * MINUTE)
    counts = effects(server.audit)
    assert len(counts) <= ALLOWED
    assert set(counts.values()) <= {1}
