"""Nothing acts while what `blockWhile` names runs or fires, and goes on when it is over."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from platelet.model import reasons
from platelet.model.resource import JOBS
from platelet.shell import kube
from tests.scenarios import history, jobs
from tests.scenarios.heals import HEAL, LIMITS, MINUTE, approve, effects, is_over
from tests.scenarios.incidents import BUSY, states
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

BACKUP = {"running": {"matchLabels": {"for": "backup"}}}


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def prepare(simulation: Simulation, *blocks: kube.Json, **more: Any) -> None:
    """A healthy workload, and a restart on an alert."""
    limits = {**LIMITS, "blockWhile": list(blocks)}
    simulation.apply(runbook(step("rolloutRestart")), policy(limits=limits, triggers=[on_alert("Busy")], **more))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def back_up(simulation: Simulation) -> None:
    """A Job that runs."""
    labels = {"metadata": {"name": "backup-1", "labels": {"for": "backup"}}, "spec": {}}
    simulation.world.store.create(JOBS, SHOP, labels)


def strike(simulation: Simulation) -> None:
    simulation.alerts.fire("f1", BUSY, lasts=10 * MINUTE)


def writes(simulation: Simulation) -> int:
    assert history.offences(simulation.world.server.audit) == []
    return len(effects(simulation.world.server.audit))


def test_what_runs_blocks_until_it_is_over(simulation: Simulation) -> None:
    """It is told what blocks, since when; nothing is stored again and again meanwhile."""
    prepare(simulation, BACKUP)
    back_up(simulation)
    strike(simulation)
    simulation.run(2 * MINUTE)
    waiting = simulation.remediation().status.waiting
    assert waiting is not None
    assert (waiting.by, waiting.reason) == ("blockWhile", reasons.BLOCKED)
    assert "Job backup-1 runs since 2026-" in waiting.message
    before = simulation.remediation().resource_version
    simulation.run(2 * MINUTE)
    assert simulation.remediation().resource_version == before
    assert (writes(simulation), simulation.budget().status.entries) == (0, ())
    jobs.end(simulation, "backup-1")
    simulation.run(MINUTE)
    assert writes(simulation) == 1
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]


def test_what_the_budget_names_blocks_too(simulation: Simulation) -> None:
    prepare(simulation)
    simulation.budget_spec({"blockWhile": [BACKUP]})
    back_up(simulation)
    strike(simulation)
    simulation.run(5 * MINUTE)
    assert writes(simulation) == 0
    waiting = simulation.remediation().status.waiting
    assert waiting is not None
    assert waiting.message.startswith("the ActionBudget: blockWhile: Job backup-1")


@pytest.mark.parametrize(
    "block",
    [{"query": {"query": "load", "above": 5}}, {"alert": {"matchers": ['alertname="BackupRunning"']}}],
    ids=["a query that nobody answers", "alerts that nobody tells"],
)
def test_what_is_not_known_blocks(simulation: Simulation, block: kube.Json) -> None:
    prepare(simulation, block)
    strike(simulation)
    simulation.run(9 * MINUTE)
    assert writes(simulation) == 0
    waiting = simulation.remediation().status.waiting
    assert waiting is not None
    assert waiting.reason == reasons.BLOCK_UNKNOWN


def test_what_has_begun_since_the_plan_is_asked_before_the_write(simulation: Simulation) -> None:
    """A person approves while a backup runs: nothing is sent until it is over."""
    prepare(simulation, BACKUP, mode="Approve")
    strike(simulation)
    simulation.run_until(lambda: states(simulation)[-1:] == [("AwaitingApproval", reasons.APPROVAL_NEEDED)])
    back_up(simulation)
    approve(simulation)
    simulation.run(3 * MINUTE)
    assert writes(simulation) == 0
    assert reasons.BLOCKED in [decision.reason for decision in simulation.remediation().status.decisions]


@pytest.mark.parametrize("moment", ["reserved", "intended"])
def test_what_begins_at_the_last_moment_blocks(simulation: Simulation, moment: str) -> None:
    """Between the place on the budget, or the intent, and the write."""
    prepare(simulation, BACKUP)

    def begin(index: int) -> None:
        del index
        entries = simulation.budget().status.entries
        attempts = [attempt for one in simulation.remediations() for attempt in one.status.attempts]
        due = bool(entries) if moment == "reserved" else bool(attempts)
        if due and not jobs.started(simulation):
            back_up(simulation)

    simulation.world.server.on_call = begin
    strike(simulation)
    simulation.run(timedelta(minutes=5))
    assert jobs.started(simulation)
    assert writes(simulation) == 0
