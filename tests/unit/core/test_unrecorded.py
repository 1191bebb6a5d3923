"""What cannot be put on record is not done: its place is given back, and people are told."""

from dataclasses import replace

import pytest

from platelet.core import unrecorded
from platelet.model import reasons
from platelet.model.effects import Settle
from platelet.model.remediation import RemediationStatus, State
from platelet.model.situation import Situation
from tests.unit.situations import NOW, a_budget, a_remediation, a_situation, a_status, an_attempt, an_entry, seconds

ID = "rem-1/0/1"


def about_to_intend(state: State = "Waiting", kind: str = "Act") -> tuple[Situation, RemediationStatus]:
    place = an_entry(id=ID, kind=kind, outcome=None, outcome_at=None, settled_at=None, reserved_at=NOW - seconds(1))
    situation = a_situation(remediation=a_remediation(status=a_status(state=state)), budget=a_budget(place))
    intent = an_attempt(id=ID, kind=kind, phase="Intended", outcome_at=None)
    wanted = replace(situation.remediation.status, state="Acting", reason=reasons.INTENDED, attempts=(intent,))
    return situation, wanted


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "unanswered"])
def test_the_place_of_an_intent_is_given_back_and_refunded_only_if_it_was_surely_not_stored(*, refused: bool) -> None:
    situation, wanted = about_to_intend()
    decision = unrecorded.decide(situation, wanted, "in status.attempts[0].pre", NOW, refused=refused)
    (given_back,) = [effect for effect in decision.effects if isinstance(effect, Settle)]
    assert (given_back.attempt, given_back.outcome, given_back.refunded) == (ID, "Abandoned", refused)
    assert (decision.status.state, decision.status.reason) == ("Escalated", reasons.NOT_RECORDED)
    assert "in status.attempts[0].pre" in decision.status.message
    assert decision.status.attempts == ()


def test_a_revert_keeps_its_place_which_nobody_else_wants() -> None:
    situation, wanted = about_to_intend(kind="Revert")
    decision = unrecorded.decide(situation, wanted, "no", NOW, refused=True)
    assert [effect for effect in decision.effects if isinstance(effect, Settle)] == []


def test_people_who_know_are_not_told_again() -> None:
    situation, wanted = about_to_intend(state="Escalated")
    decision = unrecorded.decide(situation, wanted, "no", NOW, refused=True)
    assert decision.status == situation.remediation.status
