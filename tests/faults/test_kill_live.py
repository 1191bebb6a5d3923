"""A leader that is killed at any API call: its successor comes to the same end, and no attempt has two effects (I3).

The oracle is a heal without a kill. A dozen seeded moments per action, before and after each write on the workload
among them; `PLATELET_SWEEP=all` kills at every call that the heal without a kill made.
"""

from collections.abc import Iterator

import pytest

from tests.faults import moments, scene
from tests.faults.replicas import Ward

pytestmark = pytest.mark.cluster
KILLS = 12


@pytest.mark.parametrize("action", scene.ACTIONS)
def test_a_leader_killed_at_any_call_leaves_nothing_done_twice_and_nothing_undone(ward: Ward, action: str) -> None:
    """At most one effect per attempt id by the audit log, as many effects as without a kill, and the same end."""
    oracle, rehearsal = ward.rehearse(action)
    plan = rehearsal.all_moments() if moments.SWEEP else rehearsal.draw(KILLS, action)
    names = [f"{action}-{number}" for number in range(len(plan))]
    ward.admit(action, names)
    kills, ends = [], []
    for name, moment in zip(names, plan, strict=True):
        leader = ward.replicas.complete(spare=1)
        kill = moments.Strike(moment, leader.process.kill, drop=True)
        leader.proxy.arm(kill.rule)
        ends.append(ward.heal(action, name, kill))
        leader.proxy.disarm()
        kills.append(kill)

    effects = ward.effects()
    expected = len(effects[scene.ORACLE])
    wrong = [
        f"{name}, killed {kill}: {complaint}"
        for name, kill, end in zip(names, kills, ends, strict=True)
        for complaint in complaints(end, oracle, effects.get(name, []), expected, ward.attempts(name))
    ]
    killed = sum(each.at is not None for each in kills)
    report = [f"{action}: {rehearsal}; killed {killed} of {len(plan)} times, seed {moments.SEED}", *map(str, kills)]
    print("\n  ".join(report))  # noqa: T201 - shown by -s, and when it fails
    assert wrong == []
    assert killed >= len(plan) * 0.75, "most moments were not reached: the oracle's calls are not those of the runs"


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
