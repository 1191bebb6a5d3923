"""Kills and lost answers in a cluster whose admission changes what is written: still at most one effect per attempt.

The end may be another one: where the answer is lost that says what was stored, nobody knows (`Unknown`).
"""

from collections.abc import Sequence

import pytest

from platelet.replay import admission
from platelet.replay.admission import Admission
from tests.scenarios.heals import HEALS, effects, judge, moments, play, sample
from tests.scenarios.model_api import READS, FaultKind

UNDO, RESTART, SCALE = list(HEALS)[:3]
UNDER: dict[str, tuple[str, Sequence[Admission]]] = {
    "an undo that is added to": (UNDO, (admission.adds_to_templates,)),
    "a restart that is added to": (RESTART, (admission.adds_to_templates,)),
    "a scale that is capped": (SCALE, (admission.caps_replicas(3),)),
    "a scale that is changed back": (SCALE, (admission.caps_replicas(2),)),
    "an undo whose mark would be taken off": (UNDO, (admission.strips_annotations("platelet.dev/"),)),
}
LOST: tuple[FaultKind, ...] = ("answer lost", "unanswered", "conflict")


@pytest.mark.parametrize(("name", "admissions"), UNDER.values(), ids=UNDER)
def test_a_kill_at_any_call_leaves_no_second_effect(name: str, admissions: Sequence[Admission]) -> None:
    heal = HEALS[name]
    dry = play(heal, admissions=admissions)
    judge(dry.outcome, None)
    for index, kind in sample(moments(dry.incident, dry.simulation.world.server.audit), 8):
        played = play(heal, faults={index: kind}, admissions=admissions)
        try:
            judge(played.outcome, None)
            assert played.outcome.image == dry.outcome.image
            assert played.outcome.unsettled == []
            assert len(played.outcome.effects) <= len(dry.outcome.effects) + 1
        except AssertionError as error:
            raise AssertionError(f"{kind} call {index}: {error}\n{played.simulation.describe()}") from error


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize(("name", "admissions"), UNDER.values(), ids=UNDER)
def test_a_write_whose_answer_is_no_answer_leaves_no_second_effect(
    name: str, admissions: Sequence[Admission], kind: FaultKind
) -> None:
    heal = HEALS[name]
    dry = play(heal, admissions=admissions)
    audit = dry.simulation.world.server.audit
    calls = [call for call in audit if call.index in dry.incident and call.verb not in READS]
    acts = [call for call in calls if effects([call])]
    for index in sorted({call.index for call in [*acts, *sample(calls, 9, LOST.index(kind))]}):
        played = play(heal, faults={index: kind}, admissions=admissions)
        judge(played.outcome, None)
        assert played.outcome.image == dry.outcome.image
        if kind != "answer lost":  # what may have been lent is looked at when it is due, which may be later
            assert played.outcome.unsettled == []
