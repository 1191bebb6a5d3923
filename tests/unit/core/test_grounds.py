"""On what a decision must rest before it is carried out."""

from dataclasses import replace

import pytest

from platelet.core import grounds
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.core.grounds import Grounds
from platelet.model import reasons
from platelet.model.effects import Annotate, DeletePod, Effect, Publish, Reserve, Settle
from platelet.model.notification import Notification
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import DeliveryResult, Situation, StoredWrite
from platelet.model.verifying import Verifying
from tests.unit.situations import (
    GOOD,
    NOW,
    TARGET,
    a_remediation,
    a_situation,
    a_status,
    an_attempt,
    an_entry,
    change,
    minutes,
)

UNSEEN = a_status(opened_at=None)
OPENED = a_status(opened_at=NOW - minutes(1))
VERIFYING = replace(OPENED, state="Verifying", verifying=Verifying(started_at=NOW))
SETTLE = Settle(attempt="uid/0/1", outcome="Done", at=NOW)
EVENT = Publish(regarding={}, type="Normal", reason="Acted", action="rolloutUndo", note="")
DELETION = DeletePod(attempt="uid/0/1", namespace="shop", name="api-1", uid="1", resource_version="1")
CASES: dict[str, tuple[RemediationStatus, Decision, Grounds]] = {
    "nothing to do": (OPENED, Decision(status=OPENED), "memory"),
    "an outcome that is on record, for the budget": (
        OPENED,
        Decision(status=OPENED, effects=(SETTLE, EVENT)),
        "memory",
    ),
    "how far it is": (VERIFYING, Decision(status=replace(VERIFYING, message="1 of 2 pods available")), "memory"),
    "that the rollout is complete": (
        VERIFYING,
        Decision(status=replace(VERIFYING, verifying=Verifying(started_at=NOW, complete_at=NOW))),
        "memory",
    ),
    "its beginning": (a_status(), Decision(status=OPENED), "target"),
    "that it helped": (VERIFYING, Decision(status=replace(VERIFYING, state="Monitoring")), "target"),
    "its end, since it helped": (
        replace(OPENED, state="Monitoring"),
        Decision(status=replace(OPENED, state="Closed", reason=reasons.RECOVERED)),
        "target",
    ),
    "its end, since the policy is gone": (
        OPENED,
        Decision(status=replace(OPENED, state="Closed", reason=reasons.CANCELLED)),
        "everything",
    ),
    "that it is for people": (OPENED, Decision(status=replace(OPENED, state="Escalated")), "everything"),
    "words before it has begun": (UNSEEN, Decision(status=replace(UNSEEN, message="too young")), "target"),
    "a place, though nothing else is new": (
        OPENED,
        Decision(status=OPENED, effects=(Reserve(entry=an_entry(), situation=a_situation()),)),
        "target",
    ),
    "the deletion of a pod": (VERIFYING, Decision(status=VERIFYING, effects=(DELETION,)), "everything"),
}


@pytest.mark.parametrize(("before", "decision", "needed"), CASES.values(), ids=CASES)
def test_what_changes_more_rests_on_more(before: RemediationStatus, decision: Decision, needed: Grounds) -> None:
    situation = a_situation(remediation=a_remediation(status=before))
    assert grounds.needed(situation, decision) == needed


@pytest.mark.parametrize(
    ("status", "first"), [(a_status(opened_at=None), "target"), (OPENED, "memory"), (VERIFYING, "memory")]
)
def test_a_look_begins_with_what_it_surely_needs(status: RemediationStatus, first: Grounds) -> None:
    assert grounds.expected(status) == first


def test_no_more_is_looked_at_first_than_an_opening_needs() -> None:
    unopened = a_status(opened_at=None)
    situation = a_situation(remediation=a_remediation(status=unopened))
    assert grounds.needed(situation, Decision(status=OPENED)) == grounds.expected(unopened)


PAGE = Notification(id="uid/escalated", sink="annotation", kind="Escalated", reason="NoStepLeft", message="", at=NOW)
OTHER = replace(PAGE, sink="webhook")
TAKEN = replace(PAGE, state="Delivered", tries=1, told_at=NOW)
FAILED = replace(PAGE, tries=1, failed_at=NOW, next_try_at=NOW + minutes(1))
MARK = Annotate(target=TARGET, uid="1", resource_version="1", key="escalated", value="", agent="uid/escalated")
HEARD: dict[str, tuple[tuple[Notification, ...], tuple[Effect, ...], Grounds]] = {
    "that a sink has taken it": ((TAKEN, OTHER), (EVENT,), "memory"),
    "that a sink was not told": ((FAILED, OTHER), (), "memory"),
    "another notification, too": ((TAKEN, OTHER, replace(OTHER, id="uid/resolved")), (), "target"),
    "what became of another one, which nobody has answered": ((TAKEN, replace(OTHER, state="Delivered")), (), "target"),
    "another try than the one that was answered": ((replace(FAILED, tries=2), OTHER), (), "target"),
    "that it need not be told any more": ((replace(FAILED, state="Withdrawn"), OTHER), (), "target"),
    "that it was not kept": ((OTHER, OTHER), (), "target"),
    "a mark, too": ((TAKEN, OTHER), (MARK,), "target"),
}


@pytest.mark.parametrize(("notifications", "effects", "needed"), HEARD.values(), ids=HEARD)
def test_what_a_sink_has_answered_needs_nothing_more(
    notifications: tuple[Notification, ...], effects: tuple[Effect, ...], needed: Grounds
) -> None:
    escalated = replace(OPENED, state="Escalated", notifications=(PAGE, OTHER))
    answer = DeliveryResult(id=PAGE.id, sink=PAGE.sink, delivered=True)
    situation = change(a_situation(remediation=a_remediation(status=escalated)), results=(answer,))
    after = replace(escalated, notifications=notifications)
    assert grounds.needed(situation, Decision(status=after, effects=effects)) == needed


def needs(situation: Situation) -> Grounds:
    return grounds.needed(situation, decide(situation, NOW))


def test_a_place_needs_the_target() -> None:
    place = Reserve(entry=an_entry(), situation=a_situation())
    assert grounds.needed(a_situation(), Decision(status=OPENED, effects=(place,))) == "target"


def test_a_write_needs_everything_and_its_answer_nothing_more() -> None:
    attempt = an_attempt(phase="Intended")
    intended = a_situation(remediation=a_remediation(status=replace(OPENED, state="Acting", attempts=(attempt,))))
    assert needs(intended) == "everything"
    answer = StoredWrite(attempt=attempt.id, values=attempt.present.meant, template_hash=GOOD)
    assert needs(change(intended, stored=answer)) == "memory"


@pytest.mark.parametrize(
    ("have", "need", "enough"),
    [("memory", "target", False), ("target", "target", True), ("everything", "target", True)],
)
def test_what_was_read_may_be_enough(have: Grounds, need: Grounds, enough: bool) -> None:  # noqa: FBT001
    assert grounds.suffice(have, need) == enough
