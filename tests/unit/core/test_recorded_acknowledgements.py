"""Who has heard of a failed Job: by the token of its record, or where they were told; once; and what that ends."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from platelet.core import recorded_acknowledgements, recorded_calls
from platelet.core.recorded_calls import Announcement
from platelet.core.replies import Vain
from platelet.model import approval
from platelet.model.effects import Publish
from platelet.model.escalation_levels import Level
from platelet.model.failed_job import FailedJob
from platelet.model.notification import OF_A_JOB, OF_AN_ALERT
from platelet.model.policy import Policy
from platelet.model.reply import Reply, Through
from tests.unit.core.test_recorded_calls import FIRST, NOBODY, SECOND, a_job, called, of
from tests.unit.situations import NOW, minutes

POLICY = of(FIRST, SECOND)
LEDGER, (CALLED,) = recorded_calls.climb(POLICY, [a_job()], NOBODY, NOW)
TOKEN = approval.ACKNOWLEDGED_ON_POLICY + CALLED.token(POLICY.uid)


def hear(entry: FailedJob, annotations: Mapping[str, object], policy: Policy = POLICY) -> Announcement[FailedJob]:
    return recorded_acknowledgements.hear(policy, annotations, [entry], LEDGER, NOW + minutes(1))


def test_who_has_heard_is_on_record_ends_the_levels_and_is_told_to_all_who_were_called() -> None:
    news = hear(CALLED, {TOKEN: "ann"})
    (entry,) = news.listed
    assert entry.call is not None
    assert (entry.call.acknowledged_by, entry.call.acknowledged_at) == ("ann", NOW + minutes(1))
    states = [(known.kind, known.sink, known.state, known.acknowledged_by) for known in news.ledger.notifications]
    assert states == [("JobFailed", "oncall", "Acknowledged", "ann")], "a webhook hears no acknowledgement"
    assert called(POLICY, entry, NOW + minutes(90), news.ledger) == []
    assert recorded_calls.next_at(POLICY, [entry], news.ledger, NOW + minutes(2)) is None
    assert [type(effect) for effect in news.effects] == [Publish], "an Event on the policy"
    assert hear(entry, {TOKEN: "bob"}).listed == (entry,), "the first one stands"


def test_a_level_until_resolved_goes_on() -> None:
    lasting = of(FIRST, replace(SECOND, until="Resolved", repeat_every=minutes(30)))
    (entry,) = hear(CALLED, {TOKEN: "ann"}, lasting).listed
    assert called(lasting, entry, NOW + minutes(65)) == [("lead", "job/level-2/repeat-1")]


later = replace(CALLED, since=NOW + timedelta(days=1))
VAIN: dict[str, tuple[FailedJob, Mapping[str, object]]] = {
    "nobody has said anything": (CALLED, {}),
    "nobody's name": (CALLED, {TOKEN: ""}),
    "no text": (CALLED, {TOKEN: 7}),
    "of another policy": (CALLED, {approval.ACKNOWLEDGED_ON_POLICY + CALLED.token("uid-other"): "ann"}),
    "of an earlier failure": (later, {TOKEN: "ann"}),
    "it is over": (replace(CALLED, resolved_at=NOW), {TOKEN: "ann"}),
    "nobody is called for it": (replace(CALLED, call=None), {TOKEN: "ann"}),
}


@pytest.mark.parametrize(("entry", "annotations"), VAIN.values(), ids=VAIN)
def test_what_is_no_acknowledgement(entry: FailedJob, annotations: Mapping[str, object]) -> None:
    assert hear(entry, annotations) == Announcement(listed=(entry,), ledger=LEDGER, effects=())


def test_a_name_of_two_megabytes_is_cut() -> None:
    (entry,) = hear(CALLED, {TOKEN: "a" * 2_000_000}).listed
    assert entry.call is not None
    assert len(entry.call.acknowledged_by) <= 256


def test_what_a_level_is_still_to_be_told_is_not_told_any_more() -> None:
    both = of(FIRST, Level(after=timedelta(), sinks=("chat",), until="Resolved", severities=("warning",)))
    ledger, (entry,) = recorded_calls.climb(both, [a_job()], NOBODY, NOW)
    news = recorded_acknowledgements.hear(both, {TOKEN: "ann"}, [entry], ledger, NOW)
    states = {known.sink: known.state for known in news.ledger.notifications if known.kind == "JobFailed"}
    assert states == {"oncall": "Acknowledged", "chat": "Pending"}, "chat hears until it is over"


REPLY = Reply(
    uid=POLICY.uid, course=OF_A_JOB, known_as=CALLED.known_as, word="Acknowledge", user="P1", name="Ann", at=NOW
)
BY = "pagerduty:P1 (Ann)"


def answer(entry: FailedJob, reply: Reply = REPLY, *sinks: str) -> Announcement[FailedJob] | Vain:
    through = Through(sinks=sinks or ("oncall",))
    return recorded_acknowledgements.answer(POLICY, [entry], LEDGER, reply, BY, through, NOW + minutes(1))


ANSWERS: dict[str, Reply] = {
    "in PagerDuty, which names no token": REPLY,
    "by a button, with the token of what it showed": replace(REPLY, token=CALLED.token(POLICY.uid)),
    "by a clock that is a little behind": replace(REPLY, at=NOW - timedelta(seconds=5)),
}


@pytest.mark.parametrize("reply", ANSWERS.values(), ids=ANSWERS)
def test_who_answers_where_they_were_told_has_heard_as_if_they_had_annotated_the_policy(reply: Reply) -> None:
    assert answer(CALLED, reply) == hear(CALLED, {TOKEN: BY})


def test_a_sink_that_was_called_and_made_room_in_the_ledger_was_called() -> None:
    heard = recorded_acknowledgements.answer(POLICY, [CALLED], NOBODY, REPLY, BY, Through(sinks=("oncall",)), NOW)
    assert isinstance(heard, Announcement)
    assert heard.listed[0].is_acknowledged


def test_an_answer_is_to_one_job_and_leaves_the_others() -> None:
    ledger, listed = recorded_calls.climb(POLICY, [replace(a_job(2), since=NOW - minutes(3)), a_job()], NOBODY, NOW)
    heard = recorded_acknowledgements.answer(POLICY, listed, ledger, REPLY, BY, Through(sinks=("oncall",)), NOW)
    assert isinstance(heard, Announcement)
    assert [entry.is_acknowledged for entry in heard.listed] == [False, True]
    assert {call.known_as for call in heard.ledger.notifications if call.state == "Acknowledged"} == {CALLED.known_as}


(HEARD,) = hear(CALLED, {TOKEN: "bob"}).listed
ANSWERED_IN_VAIN: dict[str, tuple[FailedJob, Reply, str]] = {
    "another policy has it on record": (CALLED, replace(REPLY, uid="uid-other"), "are not called for it now"),
    "there is no such record": (CALLED, replace(REPLY, known_as="feed"), "are not called for it now"),
    "it is to an alert": (CALLED, replace(REPLY, course=OF_AN_ALERT), "are not called for it now"),
    "it is to an earlier failure": (replace(CALLED, since=NOW + minutes(1)), REPLY, "are not called for it now"),
    "it is over": (replace(CALLED, resolved_at=NOW), REPLY, "are not called for it now"),
    "nobody is called for it": (replace(CALLED, call=None), REPLY, "are not called for it now"),
    "somebody has heard": (HEARD, REPLY, "has acknowledged it already"),
    "it shows another token": (CALLED, replace(REPLY, token="feed"), "told earlier"),
    "it was given before anybody was called": (CALLED, replace(REPLY, at=NOW - timedelta(seconds=6)), "told earlier"),
    "it approves": (CALLED, replace(REPLY, word="Approve"), "nothing that could be approved"),
    "it rejects": (CALLED, replace(REPLY, word="Reject"), "nothing that could be approved"),
}


@pytest.mark.parametrize(("entry", "reply", "why"), ANSWERED_IN_VAIN.values(), ids=ANSWERED_IN_VAIN)
def test_an_answer_changes_nothing(entry: FailedJob, reply: Reply, why: str) -> None:
    vain = answer(entry, reply)
    assert isinstance(vain, Vain)
    assert why in vain.why


def test_an_answer_of_where_nobody_was_called_changes_nothing() -> None:
    assert answer(CALLED, REPLY, "lead") == Vain("nobody was called there")
    nowhere = recorded_acknowledgements.answer(POLICY, [CALLED], LEDGER, REPLY, BY, Through(sinks=()), NOW)
    assert nowhere == Vain("nobody was called there")
