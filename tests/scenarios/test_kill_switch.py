"""The kill switch, thrown between any two calls of a heal: no attempt begins after it (I20)."""

from datetime import timedelta

import pytest

from tests.scenarios.heals import HEALS, Heal, is_over, judge, look, moments, play, sample
from tests.scenarios.simulation import Simulation

THROWN_FOR = timedelta(minutes=10)


def begun(simulation: Simulation) -> set[str]:
    """The attempts that have a place on the budget."""
    return {entry.id for entry in simulation.budget().status.entries if entry.kind == "Act"}


def throw_at(heal: Heal, index: int) -> None:
    """Play with the switch thrown before call `index`."""
    with Simulation() as simulation:
        heal.prepare(simulation)
        known: set[str] = set()

        def throw(now: int) -> None:
            if now == index:
                simulation.budget_spec({"suspended": {"reason": "release freeze"}})
                known.update(begun(simulation))

        simulation.world.server.on_call = throw
        heal.strike(simulation)
        simulation.run(THROWN_FOR)
        assert begun(simulation) == known, f"began after it was thrown at call {index}: {simulation.describe()}"
        simulation.budget_spec({"suspended": None})
        simulation.run_until(lambda: is_over(simulation))
        judge(look(simulation), None)


@pytest.mark.parametrize("name", HEALS)
def test_no_attempt_begins_after_it_was_thrown(name: str) -> None:
    dry = play(HEALS[name])
    early = [call for call in dry.simulation.world.server.audit if call.at <= dry.struck_at + THROWN_FOR / 2]
    indices = [index for index, kind in moments(dry.incident, early) if kind == "kill before"]
    for index in sample(indices, 2):
        throw_at(HEALS[name], index)
