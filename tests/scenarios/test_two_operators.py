"""Two replicas, of which the leader stands still in the middle of a call and goes on after the other took over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import HEALS, Outcome, Play, judge, play, sample
from tests.scenarios.model_api import READS, Call, FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

BRIEF = timedelta(seconds=90)  # longer than the lease: the other has just taken over
LONG = timedelta(minutes=20)  # the other has finished everything


def writes(dry: Play) -> list[Call]:
    return [
        call
        for call in dry.simulation.world.server.audit
        if call.verb not in READS and call.index in dry.incident and call.resource != kube.LEASES.plural
    ]


def without_the_void(outcome: Outcome) -> Outcome:
    """A deposed leader may still open a Remediation for what it saw long ago; its successor closes it at once."""
    kept = [
        remediation for remediation in outcome.remediations if remediation[1:] != ("Closed", reasons.RESOLVED_BY_ITSELF)
    ]
    return replace(outcome, remediations=kept)


@pytest.mark.parametrize("name", HEALS)
def test_a_standby_changes_nothing(name: str) -> None:
    judge(play(HEALS[name], replicas=2).outcome, play(HEALS[name]).outcome)


@pytest.mark.parametrize(
    ("kind", "stands_still", "every"),
    [("pause before", BRIEF, 2), ("pause before", LONG, 3), ("pause after", BRIEF, 3)],
    ids=["before it is sent", "before it is sent, for long", "before the answer is read"],
)
@pytest.mark.parametrize("name", HEALS)
def test_a_leader_that_stands_still_at_any_write_changes_nothing(
    name: str, kind: FaultKind, stands_still: timedelta, every: int
) -> None:
    dry = play(HEALS[name], replicas=2)
    for call in sample(writes(dry), every):
        played = play(HEALS[name], replicas=2, faults={call.index: kind}, stands_still=stands_still)
        processes = {call.process for call in played.simulation.world.server.audit if call.index in played.incident}
        assert len(processes) > 1
        try:
            judge(without_the_void(played.outcome), dry.outcome)
        except AssertionError as error:
            where = f"{kind} {call.index}: {call.verb} {call.resource} {call.name}"
            raise AssertionError(f"{where}: {error}\n{played.simulation.describe()}") from error


def test_a_deposed_leader_reserves_nothing() -> None:
    """It stood still before it reserved; people suspended the namespace meanwhile, so its successor did not act."""
    heal = HEALS["undo of a bad release"]
    dry = play(heal, replicas=2)
    reserving = next(call for call in writes(dry) if call.resource == kube.BUDGETS.plural)
    with Simulation(replicas=2) as simulation:
        simulation.stands_still = BRIEF
        simulation.world.server.faults.at[reserving.index] = "pause before"
        heal.prepare(simulation)
        heal.strike(simulation)
        simulation.run_until(simulation.is_waiting_for_a_process)
        suspended = {"metadata": {"annotations": {"platelet.dev/suspend": "release freeze"}}}
        simulation.world.store.patch(kube.NAMESPACES, "", SHOP, suspended)
        simulation.run(timedelta(minutes=10))
        assert not simulation.is_waiting_for_a_process()
        assert simulation.budget().status.entries == ()
        assert history.offences(simulation.world.server.audit) == []
