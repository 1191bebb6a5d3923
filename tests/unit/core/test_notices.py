"""Notices are kept until each sink has taken them, in order; Settled says that automation has ended."""

from dataclasses import replace
from typing import Any

import pytest

from platelet import sinks
from platelet.core import deliveries, notices, record
from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.effects import Deliver, Publish
from platelet.model.escalation import EscalationRecord
from platelet.model.notification import MAX_NOTIFICATIONS, MOST_OF_A_SINK, Notification
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import DeliveryResult, Situation
from platelet.sinks import webhook
from tests.unit.core.runbooks import restart_step
from tests.unit.situations import (
    NOW,
    a_listening_policy,
    a_notification,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    change,
    minutes,
    seconds,
)

TOLD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW - minutes(5))
REACHED = a_notification(state="Delivered")
LISTENING = a_listening_policy()


def closed(
    escalation: EscalationRecord | None = TOLD, known: tuple[Notification, ...] = (REACHED,), **changes: Any
) -> Situation:
    """An incident that others closed a moment ago, as it is stored."""
    status = record.close(
        a_status(escalation=escalation, notifications=known), reasons.RESOLVED_BY_PEOPLE, "it is well", NOW
    )
    status = notices.announce_end(status, "rem-1", NOW)
    return a_situation(
        **({"remediation": a_remediation(status=status), "policy": LISTENING, "steps": (restart_step(),)} | changes)
    )


def result(name: str = "rem-1/resolved", message: str = "", *, number: int = 1) -> DeliveryResult:
    """How a try of the webhook went; with a message: not well."""
    return DeliveryResult(id=name, sink="webhook", number=number, delivered=not message, message=message)


def delivered(situation: Situation) -> list[str]:
    return [effect.correlation.id for effect in decide(situation, NOW).effects if isinstance(effect, Deliver)]


def after(situation: Situation, *results: DeliveryResult) -> RemediationStatus:
    return decide(change(situation, results=results), NOW).status


def untold(status: RemediationStatus) -> list[Notification]:
    return [notification for notification in status.notifications if notification.state == "Pending"]


def test_the_end_is_delivered_although_it_is_closed() -> None:
    assert delivered(closed()) == ["rem-1/resolved"]


def test_what_was_taken_is_on_record_as_told_and_nothing_is_written_any_more() -> None:
    status = after(closed(), result())
    assert [(notification.id, notification.state, notification.told_at) for notification in status.notifications][
        -1
    ] == (
        "rem-1/resolved",
        "Delivered",
        NOW,
    )
    over = closed(remediation=a_remediation(status=status))
    assert decide(over, NOW).status == status
    assert decide(change(over, results=(result(),)), NOW).status == status
    assert delivered(over) == []


def test_what_was_not_taken_is_tried_again_and_says_why() -> None:
    status = after(closed(), result(message="503"))
    (waiting,) = untold(status)
    assert (waiting.tries, waiting.next_try_at, waiting.error) == (1, NOW + seconds(5), "503")
    assert deliveries.undelivered(status.notifications) == (waiting,)


def test_the_result_of_another_notice_is_not_its_own() -> None:
    (waiting,) = untold(after(closed(), result("rem-1/escalated")))
    assert (waiting.id, waiting.tries) == ("rem-1/resolved", 0)


def test_a_result_that_is_seen_again_counts_once() -> None:
    """It is remembered for a while, and a look may be the second one at it."""
    status = after(closed(), result(message="503"))
    again = closed(remediation=a_remediation(status=status))
    assert after(again, result(message="503")) == status


def test_what_is_on_its_way_is_not_sent_again() -> None:
    under_way = frozenset({("rem-1/resolved", "webhook")})
    decision = decide(closed(in_flight=under_way), NOW)
    assert (decision.effects, decision.again_at) == ((), None)


NOT_KEPT: dict[str, Situation] = {
    "the policy is gone": closed(policy=None),
    "the policy has no webhook": closed(policy=a_policy()),
}


@pytest.mark.parametrize("situation", NOT_KEPT.values(), ids=NOT_KEPT)
def test_nothing_is_kept_for_nobody(situation: Situation) -> None:
    decision = decide(situation, NOW)
    assert untold(decision.status) == []
    assert delivered(situation) == []


@pytest.mark.parametrize(
    "escalation",
    [None, replace(TOLD, silent=True)],
    ids=["it was never escalated", "its step says that nobody is called"],
)
def test_whoever_was_not_called_does_not_hear_of_the_end(escalation: EscalationRecord | None) -> None:
    assert closed(escalation, known=()).remediation.status.notifications == ()
    assert untold(decide(closed(escalation), NOW).status) == []


def test_an_event_says_when_a_webhook_fails_twice_and_not_each_time() -> None:
    situation, events = closed(), []
    for number, moment in enumerate((NOW, NOW + seconds(5), NOW + seconds(35), NOW + seconds(155)), 1):
        failed = result(message="503", number=number)
        decision = decide(change(situation, results=(failed,)), moment)
        events.append([effect.reason for effect in decision.effects if isinstance(effect, Publish)])
        situation = replace(situation, remediation=replace(situation.remediation, status=decision.status))
    assert [bool(event) for event in events] == [False, True, False, False]
    assert set(events[1]) == {reasons.NOT_DELIVERED}


def waiting_for_people(*known: Notification, **changes: Any) -> Situation:
    status = a_status(state="Escalated", escalation=TOLD, notifications=known)
    return a_situation(remediation=a_remediation(status=status), policy=LISTENING, steps=(restart_step(),), **changes)


def test_notices_go_out_in_their_order_and_after_the_escalation() -> None:
    first = a_notification(next_try_at=NOW + seconds(9), tries=1)
    later = [a_notification(id=f"rem-1/escalated/{number}", reason=reasons.GRAVER) for number in (2, 3)]
    assert delivered(waiting_for_people(first, *later)) == []
    assert delivered(waiting_for_people(replace(first, state="Delivered"), *later)) == ["rem-1/escalated/2"]


def test_a_sink_that_takes_nothing_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own order, tries and errors; a result of one is none of another."""
    chat = replace(webhook.SINK, name="chat")
    monkeypatch.setattr(sinks, "SINKS", (*sinks.SINKS, chat))
    failed = a_notification(tries=3, next_try_at=NOW + minutes(9), error="503")
    situation = waiting_for_people(failed)
    (sent,) = [effect for effect in decide(situation, NOW).effects if isinstance(effect, Deliver)]
    assert (sent.correlation.id, sent.correlation.sink) == ("rem-1/escalated", "chat")
    taken = DeliveryResult(id="rem-1/escalated", sink="chat", delivered=True)
    kept = decide(situation, NOW).status
    heard = decide(change(situation, remediation=a_remediation(status=kept), results=(taken,)), NOW).status
    states = {
        notification.sink: (notification.state, notification.tries, notification.error)
        for notification in heard.notifications
    }
    assert states["chat"] == ("Delivered", 1, "")
    assert states["webhook"] == ("Pending", 3, "503")


def test_the_list_of_a_sink_is_bounded_and_its_newest_stay_and_no_other_sink_pays_for_it() -> None:
    other = a_notification(sink="chat")
    ledger = deliveries.Ledger(notifications=(other,))
    for number in range(MOST_OF_A_SINK + 3):
        ledger = deliveries.put(ledger, a_notification(id=f"rem-1/acted/{number}"))
    assert ledger.notifications[0] == other
    assert [notification.occasion for notification in ledger.notifications[1:]] == [
        str(number) for number in range(3, MOST_OF_A_SINK + 3)
    ]
    assert ledger.dropped == 3


def test_what_was_told_makes_room_before_what_was_not_and_what_holds_is_never_dropped() -> None:
    """Else an escalation that is long since told would be told again."""
    standing = a_notification(state="Delivered")
    older = a_notification(id="rem-1/acted/0")
    acted = [a_notification(id=f"rem-1/acted/{number}", state="Delivered") for number in range(1, MOST_OF_A_SINK - 1)]
    ledger = deliveries.Ledger(notifications=(standing, older, *acted))
    for number in range(20, 20 + MOST_OF_A_SINK - 2):
        ledger = deliveries.put(ledger, a_notification(id=f"rem-1/acted/{number}"), standing=[standing.id])
        assert ledger.notifications[:2] == (standing, older)
    ledger = deliveries.put(ledger, a_notification(id="rem-1/acted/99"), standing=[standing.id])
    assert ledger.notifications[0] == standing
    assert older not in ledger.notifications


def test_every_sink_that_keeps_what_it_is_told_has_room_on_the_list() -> None:
    assert sum(sink.kept for sink in sinks.SINKS) * MOST_OF_A_SINK <= MAX_NOTIFICATIONS


def test_what_is_over_before_it_was_told_is_withdrawn_and_the_end_is_told() -> None:
    """Nobody is called at night for what is over; a page that was taken is followed by its end."""
    status = after(closed(known=(a_notification(tries=2, next_try_at=NOW + minutes(9)),)))
    assert [(notification.id, notification.state) for notification in status.notifications] == [
        ("rem-1/escalated", "Withdrawn"),
        ("rem-1/resolved", "Pending"),
    ]


def heard(*known: Notification, escalation: EscalationRecord = TOLD, **answer: str) -> RemediationStatus:
    status = a_status(state="Escalated", escalation=escalation, notifications=known)
    annotations = {f"platelet.dev/{key.replace('_', '-')}": value for key, value in answer.items()}
    remediation = a_remediation(status=status, annotations=annotations)
    situation = a_situation(remediation=remediation, policy=LISTENING, steps=(restart_step(),), signals=())
    return decide(situation, NOW).status


HANDED_OVER = replace(TOLD, token="feed", told=2, symptoms=("CrashLoopBackOff",))
KNOWN = (
    a_notification(sink="annotation", state="Delivered"),
    REACHED,
    a_notification(id="rem-1/escalated/2", tries=3, next_try_at=NOW + minutes(5), error="503"),
)


def test_who_has_heard_of_it_is_on_record_and_is_not_called_again_for_that() -> None:
    status = heard(*KNOWN, escalation=HANDED_OVER, acknowledge="feed-2", acknowledged_by="ann")
    assert {
        (notification.state, notification.acknowledged_by, notification.next_try_at)
        for notification in status.notifications
    } == {("Acknowledged", "ann", None)}
    assert status.state == "Escalated"
    assert [decision.message for decision in status.decisions if decision.reason == reasons.ACKNOWLEDGED] == [
        "ann has heard of it"
    ]


NO_ACKNOWLEDGEMENT = {
    "nobody's name": {"acknowledge": "feed-2"},
    "of what was told before": {"acknowledge": "feed-1", "acknowledged_by": "ann"},
    "of another escalation": {"acknowledge": "dead-2", "acknowledged_by": "ann"},
}


@pytest.mark.parametrize("answer", NO_ACKNOWLEDGEMENT.values(), ids=NO_ACKNOWLEDGEMENT)
def test_what_is_no_acknowledgement_of_all_that_was_told_is_not_heard(answer: dict[str, str]) -> None:
    """What got worse since is news: whoever knew of it before is called again."""
    assert [notification.state for notification in heard(*KNOWN, escalation=HANDED_OVER, **answer).notifications] == [
        "Delivered",
        "Delivered",
        "Pending",
    ]


def settled(status: RemediationStatus) -> str:
    return {condition.type: condition.status for condition in status.conditions}.get("Settled", "")


def test_settled_is_true_where_automation_has_ended_and_false_where_people_hand_it_back() -> None:
    waits = a_situation(steps=(restart_step(),))
    assert settled(decide(waits, NOW).status) == ""
    gave_up = a_situation(remediation=a_remediation(status=a_status(step=1)), steps=(restart_step(),))
    people = decide(gave_up, NOW).status
    assert settled(people) == "True"
    assert people.escalation is not None
    annotations = {"platelet.dev/retry": people.escalation.token, "platelet.dev/retried-by": "ann"}
    again = replace(gave_up, remediation=replace(gave_up.remediation, status=people, annotations=annotations))
    assert settled(decide(again, NOW).status) == "False"
    assert settled(record.close(people, reasons.RECOVERED, "m", NOW)) == "True"


def published(situation: Situation) -> list[str]:
    """Of what Events tell that somebody could not be told."""
    effects = decide(situation, NOW).effects
    return [effect.note for effect in effects if isinstance(effect, Publish) and effect.reason == reasons.NOT_DELIVERED]


def test_what_is_refused_for_good_is_given_up_at_once_and_said_once() -> None:
    refused = replace(result(message="it takes no such event"), permanent=True)
    situation = change(closed(), results=(refused,))
    status = decide(situation, NOW).status
    assert [(known.state, known.error) for known in status.notifications][-1] == ("GivenUp", "it takes no such event")
    assert any("refuses it: it takes no such event" in note for note in published(situation))
    later = change(closed(remediation=a_remediation(status=status)), results=(refused,))
    assert decide(later, NOW + minutes(1)).effects == ()


def test_who_asks_to_be_left_alone_is_tried_no_earlier() -> None:
    status = decide(change(closed(), results=(replace(result(message="429"), retry_after=minutes(7)),)), NOW).status
    assert untold(status)[0].next_try_at == NOW + minutes(7)
