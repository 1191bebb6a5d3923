"""A leader that is killed at any API call: its successor comes to the same end, and no attempt has two effects (I3).

The oracle is a heal without a kill. A dozen seeded moments per action, before and after each write on the workload
among them; `PLATELET_SWEEP=all` kills at every call that the heal without a kill made.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults import moments, scene
from tests.faults.replicas import Ward

pytestmark = pytest.mark.cluster
KILLS = 12


@dataclass(frozen=True, slots=True)
class Run:
    """One heal in which the leader was to be killed: when it was, how it ended, and what the leader asked."""

    name: str
    kill: moments.Strike
    end: scene.EndState
    seen: moments.Rehearsal


@pytest.mark.parametrize("action", scene.ACTIONS)
def test_a_leader_killed_at_any_call_leaves_nothing_done_twice_and_nothing_undone(ward: Ward, action: str) -> None:
    """At most one effect per attempt id by the audit log, as many effects as without a kill, and the same end."""
    oracle, rehearsal = ward.rehearse(action)
    plan = rehearsal.all_moments() if moments.SWEEP else rehearsal.draw(KILLS, action)
    ward.admit(action, [f"{action}-{number}" for number in range(len(plan))])
    runs = []
    for number, moment in enumerate(plan):
        runs.append(heal_and_kill(ward, action, f"{action}-{number}", moment))
        if not runs[-1].kill.at and not moments.SWEEP:  # it asked less than the oracle: the same share of what it asked
            ward.admit(action, [again := f"{action}-{number}-again"])
            runs.append(heal_and_kill(ward, action, again, runs[-1].seen.draw(KILLS, action)[number]))

    effects = ward.effects()
    expected = len(effects[scene.ORACLE])
    wrong = [
        f"{run.name}, killed {run.kill}: {complaint}"
        for run in runs
        for complaint in complaints(run.end, oracle, effects.get(run.name, []), expected, ward.attempts(run.name))
    ]
    killed = sum(run.kill.at is not None for run in runs)
    report = [f"{action}: {rehearsal}; killed {killed} times for {len(plan)} moments, seed {moments.SEED}"]
    print("\n  ".join([*report, *(str(run.kill) for run in runs)]))  # noqa: T201 - shown by -s, and when it fails
    assert wrong == []
    assert killed >= len(plan) * 0.75, "most moments were not reached: the oracle's calls are not those of the runs"


def heal_and_kill(ward: Ward, action: str, name: str, moment: moments.Moment) -> Run:
    """Make one ill, and kill the leader at that moment of its heal."""
    leader = ward.replicas.complete(spare=1)
    kill = moments.Strike(moment, leader.process.kill, drop=True)
    leader.proxy.arm(kill.rule)
    end = ward.heal(action, name, kill)
    leader.proxy.disarm()
    return Run(name, kill, end, moments.Rehearsal.of(leader.proxy.exchanges))


def complaints(
    end: scene.EndState, oracle: scene.EndState, effects: list[str], expected: int, attempts: list[str]
) -> Iterator[str]:
    """What is wrong with one run."""
    if doubled := scene.twice(effects):
        yield f"more than one effect of {doubled}"
    if len(effects) != expected:
        yield f"{len(effects)} effects instead of {expected}: {effects}"
    if unrecorded := set(effects) - set(attempts):
        yield f"effects without an attempt on record: {unrecorded}"
    if end != oracle:
        yield f"ended as {end} instead of {oracle}"
