"""Notices for a webhook are kept until they are taken, in order; Settled says that automation has ended."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.core import delivering, record, telling
from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.effects import Deliver, Publish
from platelet.model.escalation import MAX_NOTICES, EscalationRecord
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import DeliveryResult, Situation
from tests.unit.core.runbooks import restart_step
from tests.unit.situations import (
    NOW,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    minutes,
    seconds,
)

TOLD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW - minutes(5), delivered=True)
LISTENING = a_policy(has_webhook=True)


def closed(told: EscalationRecord | None = TOLD, **changes: Any) -> Situation:
    """An incident that was closed a moment ago, as it is stored."""
    status = record.close(a_status(escalation=told), reasons.RESOLVED_BY_PEOPLE, "it is well", NOW)
    status = telling.announce_end(status, NOW)
    return a_situation(
        **({"remediation": a_remediation(status=status), "policy": LISTENING, "steps": (restart_step(),)} | changes)
    )


def delivered(situation: Situation) -> list[str]:
    return [effect.id for effect in decide(situation, NOW).effects if isinstance(effect, Deliver)]


def after(situation: Situation, result: DeliveryResult) -> RemediationStatus:
    return decide(replace(situation, delivery=result), NOW).status


def test_the_end_is_delivered_although_it_is_closed() -> None:
    assert delivered(closed()) == ["rem-1/resolved"]


def test_what_was_taken_is_forgotten_and_nothing_is_written_any_more() -> None:
    status = after(closed(), DeliveryResult(delivered=True, id="rem-1/resolved"))
    assert status.notices == ()
    over = closed(remediation=a_remediation(status=status))
    assert decide(over, NOW).status == status
    assert delivered(over) == []


def test_what_was_not_taken_is_tried_again_and_says_why() -> None:
    status = after(closed(), DeliveryResult(delivered=False, message="503", id="rem-1/resolved"))
    (waiting,) = status.notices
    assert (waiting.deliveries, waiting.retry_at, waiting.last_error) == (1, NOW + seconds(5), "503")
    assert delivering.undelivered(status) == (waiting,)


def test_the_result_of_another_notice_is_not_its_own() -> None:
    (waiting,) = after(closed(), DeliveryResult(delivered=True, id="rem-1/escalated")).notices
    assert not waiting.delivered


NOT_KEPT: dict[str, Situation] = {
    "the policy is gone": closed(policy=None),
    "the policy has no webhook": closed(policy=a_policy()),
}


@pytest.mark.parametrize("situation", NOT_KEPT.values(), ids=NOT_KEPT)
def test_nothing_is_kept_for_nobody(situation: Situation) -> None:
    decision = decide(situation, NOW)
    assert decision.status.notices == ()
    assert delivered(situation) == []


@pytest.mark.parametrize(
    "told", [None, replace(TOLD, silent=True)], ids=["it was never escalated", "its step says that nobody is called"]
)
def test_whoever_was_not_called_does_not_hear_of_the_end(told: EscalationRecord | None) -> None:
    assert closed(told).remediation.status.notices == ()


def test_an_event_says_when_a_webhook_fails_twice_and_not_each_time() -> None:
    situation, events = closed(), []
    for moment in (NOW, NOW + seconds(5), NOW + seconds(35), NOW + seconds(155)):
        failed = DeliveryResult(delivered=False, message="503", id="rem-1/resolved")
        decision = decide(replace(situation, delivery=failed), moment)
        events.append([effect.reason for effect in decision.effects if isinstance(effect, Publish)])
        situation = replace(situation, remediation=replace(situation.remediation, status=decision.status))
    assert [bool(each) for each in events] == [False, True, False, False]
    assert set(events[1]) == {reasons.NOT_DELIVERED}


def test_notices_go_out_in_their_order_and_after_the_escalation() -> None:
    told = replace(TOLD, delivered=False, retry_at=NOW + seconds(9))
    status = a_status(state="Escalated", escalation=told)
    for occasion in ("2", "3"):
        status = telling.announce(status, "Escalated", reasons.GRAVER, "m", NOW, occasion)
    waiting = a_situation(remediation=a_remediation(status=status), policy=LISTENING, steps=(restart_step(),))
    assert delivered(waiting) == []
    known = replace(status, escalation=replace(told, delivered=True))
    assert delivered(replace(waiting, remediation=a_remediation(status=known))) == ["rem-1/escalated/2"]


def test_the_list_is_bounded_and_the_newest_stay() -> None:
    status = a_status()
    for number in range(MAX_NOTICES + 3):
        status = telling.announce(status, "Acted", "scale", "m", NOW, str(number))
    assert [each.occasion for each in status.notices] == [str(number) for number in range(3, MAX_NOTICES + 3)]


def settled(status: RemediationStatus) -> str:
    return {each.type: each.status for each in status.conditions}.get("Settled", "")


def test_settled_is_true_where_automation_has_ended_and_false_where_people_hand_it_back() -> None:
    waits = a_situation(steps=(restart_step(),))
    assert settled(decide(waits, NOW).status) == ""
    gave_up = a_situation(remediation=a_remediation(status=a_status(step=1)), steps=(restart_step(),))
    people = decide(gave_up, NOW).status
    assert settled(people) == "True"
    assert people.escalation is not None
    said = {"platelet.dev/retry": people.escalation.token, "platelet.dev/retried-by": "ann"}
    again = replace(gave_up, remediation=replace(gave_up.remediation, status=people, annotations=said))
    assert settled(decide(again, NOW).status) == "False"
    assert settled(record.close(people, reasons.RECOVERED, "m", NOW)) == "True"
