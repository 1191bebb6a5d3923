"""Whatever goes wrong and whoever meddles, in any order: each attempt has at most one effect, and it all comes to rest.

A few schedules in `make test`, always the same; PLATELET_SCHEDULES=1000 tries so many new ones.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from platelet.shell import kube
from tests.scenarios.heals import HEALS, effects, judge, last_write, look, most_in
from tests.scenarios.model_api import Call, FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

MINUTE = timedelta(minutes=1)
COMES_TO_REST_WITHIN = timedelta(hours=3)  # giveUpAfter and the longest verification
MORE = int(os.environ.get("PLATELET_SCHEDULES", "0"))
HOUR = 60 * MINUTE
PER_HOUR = 3  # actions on one target
CALLS = 400  # about as many as a heal makes

Deed = Callable[[Simulation], None]


def _delete_remediations(simulation: Simulation) -> None:
    for remediation in simulation.remediations():
        simulation.world.store.delete(kube.REMEDIATIONS, SHOP, remediation.name)


def _tell(simulation: Simulation, *leads: timedelta) -> None:
    simulation.world.server.clocks = leads


DEEDS: dict[str, Deed] = {
    "annotates": lambda simulation: simulation.world.annotate("api", {"team": "a"}),
    "scales to 3": lambda simulation: simulation.world.scale("api", 3),
    "releases a good one": lambda simulation: simulation.world.release("api", "app:good-2"),
    "releases a bad one": lambda simulation: simulation.world.release("api", "app:crash-2"),
    "restarts": lambda simulation: simulation.world.rollout_restart("api"),
    "deletes and applies again": lambda simulation: simulation.world.delete_and_apply("api", "app:good-1"),
    "deletes the Remediations": _delete_remediations,
    "one of two API servers is an hour ahead": lambda simulation: _tell(simulation, timedelta(), 60 * MINUTE),
    "all API servers are an hour ahead": lambda simulation: _tell(simulation, 60 * MINUTE),
    "one of two API servers is 20 minutes late": lambda simulation: _tell(simulation, -20 * MINUTE, timedelta()),
    "all API servers tell the right time": lambda simulation: _tell(simulation, timedelta()),
}
KINDS: tuple[FaultKind, ...] = ("kill before", "kill after", "answer lost", "unanswered", "conflict", "pause before")

faults = st.dictionaries(st.integers(0, CALLS), st.sampled_from(KINDS), max_size=4)
deeds = st.dictionaries(st.integers(0, CALLS), st.sampled_from(sorted(DEEDS)), max_size=3)


def limit_the_rate(simulation: Simulation) -> None:
    """The default of policies, which those of the heals leave room above."""
    limits = {"spec": {"limits": {"rate": {"maxActions": PER_HOUR, "per": "1h"}}}}
    for policy in simulation.world.store.find(kube.POLICIES, SHOP):
        simulation.world.store.patch(kube.POLICIES, SHOP, policy["metadata"]["name"], limits)


def is_at_rest(simulation: Simulation) -> bool:
    """Every incident is settled, the budget knows it, nobody is owed a notice."""
    annotations = simulation.world.workload("api")["metadata"].get("annotations", {})
    escalated = any(remediation.status.state == "Escalated" for remediation in simulation.remediations())
    return (
        not simulation.is_waiting_for_a_process()
        and all(remediation.status.state in ("Closed", "Escalated") for remediation in simulation.remediations())
        and escalated == ("platelet.dev/escalated" in annotations)
        and look(simulation).unsettled == []
    )


def times_of_attempts(audit: list[Call]) -> list[datetime]:
    """When attempts that count began to change something, in real time: one may make more than one change."""
    first: dict[str, datetime] = {}
    for call in audit:
        attempt = call.agent.partition("/change-")[0]
        if effects([call]) and not attempt.endswith("/back"):
            first.setdefault(attempt, call.at)
    return list(first.values())


def uids_written(audit: list[Call]) -> set[bool]:
    """Whether each write of an attempt carried the target's uid."""
    bodies = [call.body for call in audit if call.changed and call.agent in effects([call])]
    return {"uid" in str(body) for body in bodies}


@pytest.mark.parametrize("name", HEALS)
@settings(
    max_examples=max(1, MORE // len(HEALS)) if MORE else 6,
    derandomize=not MORE,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(faults=faults, deeds=deeds, replicas=st.integers(1, 2))
def test_it_comes_to_rest_and_no_attempt_acts_twice(
    name: str, faults: dict[int, FaultKind], deeds: dict[int, str], replicas: int
) -> None:
    heal = HEALS[name]
    with Simulation(replicas, told_by_servers=True) as simulation:
        server = simulation.world.server
        simulation.stands_still = timedelta(seconds=100)
        heal.prepare(simulation)
        limit_the_rate(simulation)
        begun = server.index
        server.faults.at.update({begun + offset: kind for offset, kind in faults.items()})
        waiting = {begun + offset: deed for offset, deed in deeds.items()}

        def meddle(index: int) -> None:
            if index in waiting:
                DEEDS[waiting.pop(index)](simulation)

        server.on_call = meddle
        heal.strike(simulation)
        simulation.run(20 * MINUTE)
        server.on_call = None
        server.faults.at.clear()
        server.clocks = [timedelta()]
        simulation.run_until(lambda: is_at_rest(simulation), within=COMES_TO_REST_WITHIN)
        simulation.run(40 * MINUTE)  # a clock that was told otherwise for half an hour gives in
        last = last_write(simulation)
        simulation.run(30 * MINUTE)
        assert last_write(simulation) == last, simulation.describe()
        judge(look(simulation), None)
        assert most_in(HOUR, times_of_attempts(server.audit)) <= PER_HOUR
        assert uids_written(server.audit) <= {True}
