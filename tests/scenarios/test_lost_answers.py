"""An answer that is lost, refused, in conflict or never given: at any write of a heal, and at reads of every kind."""

import os
from datetime import timedelta

import pytest

from tests.scenarios.heals import HEALS, Play, effects, judge, play
from tests.scenarios.model_api import FAULTS_OF_ANSWERS, READS, Call, FaultKind

EVERY_READ = bool(os.environ.get("PLATELET_EVERY_INDEX"))


_READS = 40  # of each heal


def reads(dry: Play) -> list[Call]:
    """Reads spread evenly over the incident, an odd step apart so that every kind is met; all of them on demand."""
    calls = [call for call in dry.simulation.world.server.audit if call.verb in READS and call.index in dry.incident]
    return calls if EVERY_READ else calls[:: max(1, len(calls) // _READS) | 1]


def writes(dry: Play) -> list[Call]:
    return [call for call in dry.simulation.world.server.audit if call.verb not in READS and call.index in dry.incident]


def check(name: str, call: Call, kind: FaultKind, dry: Play) -> None:
    """A refused attempt leads elsewhere, by design: there only what must always hold is asked."""
    refused_attempt = kind == "refused" and call.agent in effects([call])
    found = play(HEALS[name], faults={call.index: kind})
    try:
        judge(found.outcome, None if refused_attempt else dry.outcome)
    except AssertionError as error:
        where = f"{kind} at {call.index}: {call.verb} {call.resource} {call.name} {call.subresource}"
        raise AssertionError(f"{where}: {error}\n{found.simulation.describe()}") from error


@pytest.mark.parametrize("kind", FAULTS_OF_ANSWERS)
@pytest.mark.parametrize("name", HEALS)
def test_at_any_write_it_changes_nothing(name: str, kind: FaultKind) -> None:
    dry = play(HEALS[name])
    for call in writes(dry):
        check(name, call, kind, dry)


@pytest.mark.parametrize("name", HEALS)
def test_an_api_server_that_is_down_for_a_minute_changes_nothing(name: str) -> None:
    """From each moment on at which the operator did something."""
    dry = play(HEALS[name])
    audit = dry.simulation.world.server.audit
    for begins in sorted({call.at for call in audit if call.index in dry.incident}):
        found = play(HEALS[name], outage=(begins, begins + timedelta(minutes=1)))
        try:
            judge(found.outcome, dry.outcome)
        except AssertionError as error:
            raise AssertionError(f"down from {begins}: {error}\n{found.simulation.describe()}") from error


@pytest.mark.parametrize("name", HEALS)
def test_at_a_read_it_changes_nothing(name: str) -> None:
    dry = play(HEALS[name])
    for number, call in enumerate(reads(dry)):
        check(name, call, "unanswered" if number % 2 else "refused", dry)
