"""A step that only waits: it takes no place and writes nothing, and what recovers in the meantime is left alone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import HEAL, LIMITS, MINUTE, Heal, effects, is_over, judge, moments, play, sample
from tests.scenarios.incidents import BUSY, states
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

RESTART = step("rolloutRestart")


def wait(span: str = "5m", **more: Any) -> kube.Json:
    """A step that waits for so long."""
    return {"name": "wait", "wait": {"for": span}, **more}


def prepare(simulation: Simulation, *steps: kube.Json, **more: Any) -> None:
    """A healthy workload, and a policy for an alert."""
    simulation.apply(runbook(*steps), policy(limits=LIMITS, triggers=[on_alert("Busy")], **more))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def strike(simulation: Simulation, lasts: timedelta) -> None:
    simulation.alerts.fire("f1", BUSY, lasts=lasts)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def acted_after(simulation: Simulation) -> timedelta:
    """From the opening until the first write."""
    status = simulation.remediation().status
    assert status.opened_at is not None
    return status.attempts[0].intended_at - status.opened_at


def test_what_recovers_meanwhile_is_left_alone(simulation: Simulation) -> None:
    """A failover that mends itself: no place is taken, nothing is written."""
    prepare(simulation, wait(), RESTART)
    strike(simulation, 3 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", reasons.RESOLVED_BY_ITSELF)]
    assert simulation.budget().status.entries == ()
    assert effects(simulation.world.server.audit) == {}


def test_what_stays_goes_to_the_next_step(simulation: Simulation) -> None:
    prepare(simulation, wait(), RESTART)
    strike(simulation, 7 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert [attempt.action for attempt in simulation.remediation().status.attempts] == ["rolloutRestart"]
    assert 5 * MINUTE <= acted_after(simulation) < 6 * MINUTE
    assert reasons.WAITED in [decision.reason for decision in simulation.remediation().status.decisions]


def test_two_waits_take_their_time_one_after_the_other(simulation: Simulation) -> None:
    prepare(simulation, wait("2m"), {**wait("3m"), "name": "again"}, RESTART)
    strike(simulation, 7 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert acted_after(simulation) >= 5 * MINUTE


def test_a_wait_at_the_end_of_the_ladder_leads_to_people(simulation: Simulation) -> None:
    prepare(simulation, wait())
    strike(simulation, 20 * MINUTE)
    simulation.run_until(lambda: states(simulation)[-1:] == [("Escalated", reasons.NO_STEP_LEFT)])
    assert "it has waited for 5m" in simulation.remediation().status.message


def test_it_stores_little_while_it_waits(simulation: Simulation) -> None:
    """Its beginning and its end."""
    prepare(simulation, wait("30m"), RESTART)
    strike(simulation, 60 * MINUTE)
    simulation.run(2 * MINUTE)
    before = simulation.world.server.index
    simulation.run(20 * MINUTE)
    late = [call for call in simulation.world.server.audit if call.index >= before and call.changed]
    assert [call.resource for call in late if call.resource == kube.REMEDIATIONS.plural] == []
    waiting = simulation.remediation().status.waiting
    assert waiting is not None
    assert (waiting.by, waiting.reason) == ("wait", reasons.WAITS)


def test_observe_waits_as_well_before_it_says_what_it_would_do(simulation: Simulation) -> None:
    prepare(simulation, wait(), RESTART, mode="Observe")
    strike(simulation, 20 * MINUTE)
    simulation.run(2 * MINUTE)
    assert "would not act: it waits until" in simulation.remediation().status.message
    simulation.run(5 * MINUTE)
    assert "would rolling restart" in simulation.remediation().status.message


def until(expression: str) -> kube.Json:
    """A step that waits until this is true of the workload."""
    return {"name": "wait", "wait": {"for": "5m", "until": {"expression": expression}}}


def annotate(simulation: Simulation, state: str) -> None:
    """`kubectl annotate`."""
    patch = {"metadata": {"annotations": {"failover": state}}}
    simulation.world.store.patch(kube.DEPLOYMENTS, SHOP, "api", patch)


FAILED_OVER = "object.metadata.annotations['failover'] == 'done'"


def test_it_goes_on_as_soon_as_the_workload_is_as_it_says(simulation: Simulation) -> None:
    """And not while that is false, or the annotation is not there yet."""
    prepare(simulation, until(FAILED_OVER), RESTART)
    strike(simulation, 9 * MINUTE)
    simulation.run(MINUTE)
    waiting = simulation.remediation().status.waiting
    assert waiting is not None
    assert waiting.message.endswith("not known at present: there is no field failover: ask for it with has()")
    annotate(simulation, "running")
    simulation.run(MINUTE)
    assert simulation.remediation().status.attempts == ()
    annotate(simulation, "done")
    simulation.run_until(lambda: is_over(simulation))
    assert [attempt.action for attempt in simulation.remediation().status.attempts] == ["rolloutRestart"]
    assert MINUTE < acted_after(simulation) < 2 * MINUTE


IN_VAIN = {
    "what stays false leads to the next step": ("running", reasons.WAITED_IN_VAIN),
    "what is never known goes to people": (None, reasons.INCONCLUSIVE),
}


@pytest.mark.parametrize(("state", "reason"), IN_VAIN.values(), ids=IN_VAIN)
def test_what_does_not_come_to_hold(simulation: Simulation, state: str | None, reason: str) -> None:
    prepare(simulation, until(FAILED_OVER), RESTART)
    if state is not None:
        annotate(simulation, state)
    strike(simulation, 12 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    status = simulation.remediation().status
    assert reason in (status.reason, *(decision.reason for decision in status.decisions))
    assert [attempt.action for attempt in status.attempts] == (["rolloutRestart"] if state is not None else [])


def test_a_kill_at_any_call_changes_nothing() -> None:
    """The time goes on as it was noted."""
    heal = Heal(
        prepare=lambda simulation: prepare(simulation, wait("2m"), RESTART),
        strike=lambda simulation: strike(simulation, 4 * MINUTE),
        effects=1,
    )
    dry = play(heal)
    assert len(dry.outcome.effects) == 1
    for index, kind in sample(moments(dry.incident, dry.simulation.world.server.audit), 2):
        played = play(heal, faults={index: kind})
        judge(played.outcome, dry.outcome)
        assert acted_after(played.simulation) >= 2 * MINUTE
