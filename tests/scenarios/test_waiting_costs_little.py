"""Incidents that wait for a limit cost next to nothing, however many and for how long: by count."""

from collections import Counter
from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.manifests import policy, runbook, step
from tests.scenarios.simulation import Simulation

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
SICK = 25
WIDE_OPEN = {"cooldown": "0s", "maxConcurrent": 1000, "rate": {"maxActions": 1000, "per": "1h"}, "giveUpAfter": "6h"}
SWEEPS = 12  # an hour's
RESYNCS = 2  # in five minutes, at most: each lists all Remediations
OF_A_SWEEP = 9  # requests, that of its listings of policies, runbooks and escalation policies among them
AT_ONCE = 10  # of them, within ten seconds: five in the mean
OF_EACH = 2  # requests an hour: its records, for which its pods are asked
LIMITS: dict[str, tuple[kube.Json, kube.Json, str]] = {
    "the operator's": ({}, {"limits": [{"maxActions": 1, "per": "4h"}]}, reasons.OPERATOR_RATE_LIMITED),
    "the policy's": ({"perPolicy": {"maxActions": 1, "per": "4h"}}, {}, reasons.POLICY_RATE_LIMITED),
    "the share that may be unhealthy": ({"maxUnhealthy": "1"}, {}, reasons.TOO_MANY_UNHEALTHY),
}
COMMON = ("the operator's", "the share that may be unhealthy")  # these hold many, and people are told of them once


def _hold(simulation: Simulation, limits: kube.Json, budget: kube.Json) -> None:
    """All releases crash at one moment."""
    simulation.budget_spec(budget)
    simulation.apply(runbook(step("rolloutUndo")), policy(limits=WIDE_OPEN | limits))
    for number in range(SICK):
        simulation.world.deploy(f"api-{number}", "app:good-1", labels={"heal": "yes"})
    simulation.run(3 * MINUTE)
    for number in range(SICK):
        simulation.world.release(f"api-{number}", "app:crash")


@pytest.mark.parametrize("name", COMMON)
def test_that_another_one_tells_people_is_noted_one_by_one(name: str) -> None:
    """Each has one status to write, and asks nothing for it."""
    limits, budget, _ = LIMITS[name]
    with Simulation() as simulation:
        _hold(simulation, limits, budget)
        simulation.run(MINUTE)
        held = {remediation.name for remediation in simulation.remediations() if remediation.status.held is not None}
        assert len(held) >= SICK - 1
        since = simulation.world.server.index
        simulation.run(5 * MINUTE)
        calls = [call for call in simulation.world.server.audit if call.index >= since and call.resource != "leases"]
        notes = [call.at for call in calls if call.name in held]
        asked = Counter((call.verb, call.resource) for call in calls)
        assert len(notes) <= len(held), asked
        listed = asked["list", "remediations"]
        assert listed <= RESYNCS, asked
        assert len(calls) - listed <= len(held) + 2 * OF_A_SWEEP, asked
        assert max(sum(at <= note < at + 10 * SECOND for note in notes) for at in notes) <= AT_ONCE
        common = [remediation.status.held for remediation in simulation.remediations() if remediation.name in held]
        assert all(cause is not None and cause.told_at is not None for cause in common)


@pytest.mark.parametrize(("limits", "budget", "reason"), LIMITS.values(), ids=LIMITS)
def test_an_hour_of_waiting_costs_no_more_than_its_sweeps(limits: kube.Json, budget: kube.Json, reason: str) -> None:
    """Their pods fail again and again meanwhile."""
    with Simulation() as simulation:
        _hold(simulation, limits, budget)
        simulation.run(15 * MINUTE)
        since, before = simulation.world.server.index, simulation.remediations()
        waiting = [
            remediation
            for remediation in before
            if remediation.status.waiting and remediation.status.waiting.reason == reason
        ]
        assert len(waiting) >= SICK - 1
        simulation.run(HOUR)
        calls = [call for call in simulation.world.server.audit if call.index >= since and call.resource != "leases"]
        asked = Counter((call.verb, call.resource) for call in calls)
        assert len(calls) <= SWEEPS * OF_A_SWEEP + OF_EACH * SICK, asked
        after = {remediation.uid: remediation.resource_version for remediation in simulation.remediations()}
        assert all(after[remediation.uid] == remediation.resource_version for remediation in waiting), (
            "not one status was written"
        )
