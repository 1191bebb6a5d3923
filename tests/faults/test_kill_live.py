"""A leader that is killed at any API call: its successor comes to the same end, and no attempt has two effects (I3).

The oracle is a heal without a kill. A dozen seeded moments per action, half of them around a write;
`PLATELET_SWEEP=all` kills before and after every call that the heal without a kill made.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.faults import scene
from tests.faults.proxy import Interrupt, Request
from tests.faults.replicas import Replica, Ward

pytestmark = pytest.mark.cluster
SEED = int(os.environ.get("PLATELET_SEED", "20261121"))
KILLS = 12


@dataclass(frozen=True, slots=True)
class Moment:
    """The n-th call, or the n-th write, right before it is sent or right after it was carried out."""

    number: int
    applied: bool
    of_writes: bool = False

    def matches(self, request: Request) -> bool:
        """Whether this is the call."""
        return self.number == (request.write if self.of_writes else request.number)

    def __str__(self) -> str:
        """For the report."""
        return f"{'after' if self.applied else 'before'} {'write' if self.of_writes else 'call'} {self.number}"


@dataclass(slots=True)
class Kill:
    """Kills a replica at a moment, once, and remembers at which request."""

    replica: Replica
    moment: Moment
    at: list[Request] = field(default_factory=list)

    def rule(self, request: Request) -> Interrupt | None:
        """The proxy's rule."""
        if self.at or not self.moment.matches(request):
            return None
        self.at.append(request)
        return Interrupt(self.replica.process.kill, applied=self.moment.applied, drop=True)

    def __str__(self) -> str:
        """For the report."""
        return f"killed {self.moment} ({self.at[0] if self.at else 'never reached'})"


def moments(calls: int, writes: int) -> Iterator[Moment]:
    """All of them, or a dozen: half around writes, half anywhere, spread evenly and drawn within each part."""
    if os.environ.get("PLATELET_SWEEP") == "all":
        yield from (Moment(index // 2, applied=bool(index % 2)) for index in range(2 * calls))
        return
    draw = random.Random(f"{SEED}/{calls}/{writes}")  # noqa: S311 - a test's dice
    for of_writes, most in ((True, 2 * writes), (False, 2 * calls)):
        share = most / (KILLS // 2)
        for part in range(KILLS // 2):
            index = min(most - 1, int((part + draw.random()) * share))
            yield Moment(index // 2, applied=bool(index % 2), of_writes=of_writes)


@pytest.mark.parametrize("action", scene.ACTIONS)
def test_a_leader_killed_at_any_call_leaves_nothing_done_twice_and_nothing_undone(ward: Ward, action: str) -> None:
    """At most one effect per attempt id by the audit log, as many effects as without a kill, and the same end."""
    ward.plane.kubectl("apply", "-n", ward.namespace, "-f", "-", input=scene.policies(action))
    leader = ward.replicas.complete()
    ward.admit(action, ["oracle"])
    leader.proxy.arm()
    oracle = ward.heal(action, "oracle")
    counted = [each.request for each in leader.proxy.exchanges if each.request.number is not None]
    writes = [each for each in counted if each.write is not None]
    plan = list(moments(len(counted), len(writes)))
    assert {state for state, _ in oracle.incidents} == {"Closed"}

    names = [f"{action}-{number}" for number in range(len(plan))]
    ward.admit(action, names)
    kills, ends = [], []
    for name, moment in zip(names, plan, strict=True):
        leader = ward.replicas.complete()
        kill = Kill(leader, moment)
        leader.proxy.arm(kill.rule)
        ends.append(ward.heal(action, name))
        leader.proxy.disarm()
        kills.append(kill)

    effects = ward.effects()
    expected = len(effects["oracle"])
    wrong = [
        f"{name}, {kill}: {complaint}"
        for name, kill, end in zip(names, kills, ends, strict=True)
        for complaint in complaints(end, oracle, effects.get(name, []), expected, ward.attempts(name))
    ]
    killed = sum(bool(each.at) for each in kills)
    report = [f"{action}: {len(counted)} calls, {len(writes)} of them writes; killed {killed} of {len(plan)} times"]
    print("\n  ".join([*report, f"seed {SEED}", *map(str, kills)]))  # noqa: T201 - shown by -s, and when it fails
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
