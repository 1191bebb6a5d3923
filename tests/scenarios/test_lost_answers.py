"""An answer that is lost, refused, in conflict or never given, at a write or a read of a heal, or for a whole minute.

`make test` takes some of them, always the same; PLATELET_EVERY_INDEX=1 all.
"""

from datetime import datetime, timedelta

import pytest

from platelet.shell import kube
from tests.scenarios.heals import HEALS, Outcome, Play, effects, judge, play, sample
from tests.scenarios.model_api import FAULTS_OF_ANSWERS, READS, Call, FaultKind

MINUTE = timedelta(minutes=1)


def calls(dry: Play) -> list[Call]:
    return [call for call in dry.simulation.world.server.audit if call.index in dry.incident]


def check(played: Play, wanted: Outcome | None, what: str) -> None:
    try:
        judge(played.outcome, wanted)
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}\n{played.simulation.describe()}") from error


def check_call(name: str, call: Call, kind: FaultKind, dry: Play) -> None:
    """A refused attempt leads elsewhere, by design: there only what must always hold is asked."""
    refused_attempt = kind == "refused" and call.agent in effects([call])
    played = play(HEALS[name], faults={call.index: kind})
    what = f"{kind} at {call.index}: {call.verb} {call.resource} {call.name} {call.subresource}"
    check(played, None if refused_attempt else dry.outcome, what)


@pytest.mark.parametrize("kind", FAULTS_OF_ANSWERS)
@pytest.mark.parametrize("name", HEALS)
def test_at_a_write_it_changes_nothing(name: str, kind: FaultKind) -> None:
    dry = play(HEALS[name])
    renewals = [call for call in calls(dry) if call.resource == kube.LEASES.plural and call.verb not in READS]
    others = [call for call in calls(dry) if call.resource != kube.LEASES.plural and call.verb not in READS]
    begin = FAULTS_OF_ANSWERS.index(kind)
    for call in [*sample(others, 2, begin), *sample(renewals, 9, begin)]:
        check_call(name, call, kind, dry)


@pytest.mark.parametrize("name", HEALS)
def test_at_a_read_it_changes_nothing(name: str) -> None:
    dry = play(HEALS[name])
    for number, call in enumerate(sample([call for call in calls(dry) if call.verb in READS], 61)):
        check_call(name, call, "unanswered" if number % 2 else "refused", dry)


@pytest.mark.parametrize("name", HEALS)
def test_an_api_server_that_is_down_for_a_minute_changes_nothing(name: str) -> None:
    dry = play(HEALS[name])
    moments: list[datetime] = sorted({call.at for call in calls(dry)})
    for begins in sample(moments, 6):
        check(play(HEALS[name], outage=(begins, begins + MINUTE)), dry.outcome, f"down from {begins}")
