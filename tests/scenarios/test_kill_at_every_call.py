"""A kill at every API call of a heal: at most one effect per attempt id, and the end is as without the kill."""

import pytest

from tests.scenarios.heals import EVERY_INDEX, HEALS, Play, judge, moments, play
from tests.scenarios.model_api import FaultKind


def kills(dry: Play) -> list[tuple[int, FaultKind]]:
    """All; in the full sweep also at indices where the world left behind is provably that of another index."""
    audit = dry.simulation.world.server.audit
    if not EVERY_INDEX:
        return moments(dry.incident, audit)
    both: tuple[FaultKind, FaultKind] = ("kill before", "kill after")
    return [(call.index, kind) for call in audit if call.index in dry.incident for kind in both]


@pytest.mark.parametrize("name", HEALS)
def test_without_a_fault_it_heals(name: str) -> None:
    heal = HEALS[name]
    outcome = play(heal).outcome
    assert (outcome.image, outcome.replicas, len(outcome.effects)) == (heal.image, heal.replicas, heal.effects)
    assert (outcome.container, outcome.deletions) == (heal.container, heal.deletions)
    assert outcome.unsettled == []


@pytest.mark.parametrize("name", HEALS)
def test_a_kill_at_any_call_changes_nothing(name: str) -> None:
    heal = HEALS[name]
    dry = play(heal)
    chosen = kills(dry)
    assert len(chosen) > 30  # an incident takes some forty calls
    for index, kind in chosen:
        played = play(heal, faults={index: kind})
        try:
            judge(played.outcome, dry.outcome)
        except AssertionError as error:
            raise AssertionError(f"{kind} call {index}: {error}\n{played.simulation.describe()}") from error
