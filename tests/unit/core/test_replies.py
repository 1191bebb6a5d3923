"""Answers that come back are kept for exactly what was answered to, and only where people were called."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.core import acknowledgements, replies
from platelet.model import reasons
from platelet.model.approval import RecordedReply
from platelet.model.escalation import EscalationRecord
from platelet.model.policy import Mode
from platelet.model.remediation import Remediation
from platelet.model.reply import Reply, Through
from tests.unit.situations import NOW, a_notification, a_remediation, a_status, an_approval, minutes, seconds

HAD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW - minutes(30), token="feed")
CALL = a_notification(sink="pager", state="Delivered", at=NOW - minutes(30))
REPLY = Reply(uid="rem-1", word="Acknowledge", user="P1", name="Ann", at=NOW)
BY = "pagerduty:P1 (Ann)"


def had(escalation: EscalationRecord | None = HAD, mode: Mode = "Enforce", **status: Any) -> Remediation:
    """What people have."""
    known = a_status(**{"state": "Escalated", "escalation": escalation, "notifications": (CALL,), **status})
    remediation = a_remediation(status=known)
    return replace(remediation, spec=replace(remediation.spec, mode=mode))


def keep(remediation: Remediation, reply: Reply = REPLY, sinks: tuple[str, ...] = ("pager",)) -> Any:
    return replies.keep(remediation, reply, BY, Through(sinks=sinks, approvers=("U1",)), NOW)


def test_an_answer_is_kept_with_the_token_of_what_people_were_told_and_heard_as_an_acknowledgement() -> None:
    kept = keep(had())
    assert kept.replies == (RecordedReply(word="Acknowledge", token="feed-1", by=BY, at=NOW),)
    heard = acknowledgements.hear(had(replies=kept.replies), None, kept, NOW)
    assert heard.escalation is not None
    assert (heard.escalation.acknowledged, heard.escalation.acknowledged_by) == (1, BY)
    assert heard.decisions[-1].message == f"{BY} has heard of it"


def test_it_is_not_heard_for_what_is_told_later() -> None:
    kept = keep(had())
    later = had(replace(HAD, told=2), replies=kept.replies)
    assert acknowledgements.hear(later, None, later.status, NOW) == later.status


TOLD_AGAIN = a_notification(sink="pager", state="Delivered", id="rem-1/escalated/2", at=NOW - minutes(5))
VAIN: dict[str, tuple[Remediation, Reply]] = {
    "it only observes": (had(mode="Observe"), REPLY),
    "nobody was called there": (had(notifications=()), REPLY),
    "another sink was called": (had(notifications=(replace(CALL, sink="lead"),)), REPLY),
    "people do not have it yet": (had(None, state="Acting"), REPLY),
    "they have handed it back": (had(state="Waiting"), REPLY),
    "it is closed": (had(state="Closed"), REPLY),
    "it can be acknowledged by nobody": (had(replace(HAD, token="")), REPLY),
    "somebody has acknowledged it": (had(replace(HAD, acknowledged=1, acknowledged_by="ann")), REPLY),
    "it is repeated": (
        had(replies=(RecordedReply(word="Acknowledge", token="feed-1", by="x", at=NOW),)),
        REPLY,
    ),
    "it is to an earlier call": (had(replace(HAD, told=2)), replace(REPLY, token="feed-1")),
    "it was given before the escalation": (had(), replace(REPLY, at=NOW - minutes(31))),
    "it was given before levels began anew": (
        had(replace(HAD, called_anew_at=NOW)),
        replace(REPLY, at=NOW - minutes(1)),
    ),
    "it was given before the news": (
        had(replace(HAD, told=2), notifications=(CALL, TOLD_AGAIN)),
        replace(REPLY, at=NOW - minutes(6)),
    ),
}


@pytest.mark.parametrize(("remediation", "reply"), VAIN.values(), ids=VAIN)
def test_an_answer_changes_nothing_where(remediation: Remediation, reply: Reply) -> None:
    assert isinstance(keep(remediation, reply), replies.Vain)


def test_clocks_may_differ_by_seconds() -> None:
    assert keep(had(), replace(REPLY, at=HAD.at - seconds(4))).replies


def test_it_counts_though_other_levels_were_told_since() -> None:
    second = a_notification(sink="pager", state="Delivered", id="rem-1/escalated/1/level-2", at=NOW, level=2)
    assert keep(had(notifications=(CALL, second)), replace(REPLY, at=NOW - minutes(1))).replies


def test_a_newer_answer_takes_the_place_of_the_older_one() -> None:
    old = RecordedReply(word="Acknowledge", token="feed-1", by="x", at=NOW - minutes(20))
    kept = keep(had(replace(HAD, told=2, acknowledged=1), replies=(old,)))
    assert [(reply.token, reply.by) for reply in kept.replies] == [("feed-2", BY)]


@given(ago=st.integers(0, 3600))
def test_whenever_it_is_repeated_it_acknowledges_nothing_that_came_later(ago: int) -> None:
    """A recorded webhook that somebody sends again."""
    news = HAD.at + timedelta(seconds=1200)
    remediation = had(replace(HAD, told=2, acknowledged=1, called_anew_at=news))
    kept = keep(remediation, replace(REPLY, at=NOW - timedelta(seconds=ago)))
    assert isinstance(kept, replies.Vain) == (NOW - timedelta(seconds=ago) + seconds(5) < news)


PLAN = an_approval()
ASKED: dict[str, Any] = {"state": "AwaitingApproval", "escalation": None, "approval": PLAN}
YES = Reply(uid="rem-1", word="Approve", user="U1", name="ann", token=PLAN.token, at=NOW)
NO = replace(YES, word="Reject")


@pytest.mark.parametrize("reply", [YES, NO], ids=["yes", "no"])
def test_an_approver_answers_to_exactly_the_plan_that_is_shown(reply: Reply) -> None:
    kept = keep(had(**ASKED), reply)
    assert [(answer.word, answer.token, answer.by) for answer in kept.replies] == [(reply.word, PLAN.token, BY)]


def test_a_yes_can_be_withdrawn_until_it_is_used() -> None:
    assert keep(had(**ASKED | {"approval": replace(PLAN, answer="Approved")}), NO).replies


def test_who_looks_at_a_question_has_acknowledged_it_and_not_answered() -> None:
    """PagerDuty names no token: it is to what was asked last."""
    kept = keep(had(**ASKED))
    assert kept.replies == (RecordedReply(word="Acknowledge", token=PLAN.token, by=BY, at=NOW),)
    remediation = had(**ASKED, replies=kept.replies)
    heard = acknowledgements.hear(remediation, None, kept, NOW).approval
    assert heard is not None
    assert (heard.acknowledged_by, heard.answer) == (BY, None)


UNHEARD_LOOKS: dict[str, tuple[dict[str, Any], Reply]] = {
    "somebody looks at it already": (ASKED | {"approval": replace(PLAN, acknowledged_by="ann")}, REPLY),
    "it is answered": (ASKED | {"approval": replace(PLAN, answer="Approved")}, REPLY),
    "it is to another plan": (ASKED, replace(REPLY, token="1-1-other")),
    "it was given before the question": (ASKED, replace(REPLY, at=PLAN.asked_at - minutes(1))),
}


@pytest.mark.parametrize(("status", "reply"), UNHEARD_LOOKS.values(), ids=UNHEARD_LOOKS)
def test_that_somebody_looks_at_a_question_changes_nothing_where(status: dict[str, Any], reply: Reply) -> None:
    assert isinstance(keep(had(**status), reply), replies.Vain)


UNHEARD: dict[str, tuple[dict[str, Any], Reply, bool]] = {
    "they are not on the list": (ASKED, replace(YES, user="U2"), True),
    "a no of somebody else": (ASKED, replace(NO, user="U2"), True),
    "it is to another plan": (ASKED, replace(YES, token="1-1-other"), False),
    "it names no plan": (ASKED, replace(YES, token=""), False),
    "nothing is asked": (ASKED | {"approval": None}, YES, False),
    "it is approved already": (ASKED | {"approval": replace(PLAN, answer="Approved")}, YES, False),
    "it is rejected already": (ASKED | {"approval": replace(PLAN, answer="Rejected")}, NO, False),
    "the plan is void": (ASKED | {"approval": replace(PLAN, answer="Void")}, YES, False),
    "its time is over": (ASKED | {"approval": replace(PLAN, expires_at=NOW)}, YES, False),
    "it is repeated": (
        ASKED | {"replies": (RecordedReply(word="Approve", token=PLAN.token, by=BY, at=NOW),)},
        YES,
        False,
    ),
}


@pytest.mark.parametrize(("status", "reply", "forbidden"), UNHEARD.values(), ids=UNHEARD)
def test_an_answer_to_a_plan_changes_nothing_where(status: dict[str, Any], reply: Reply, forbidden: bool) -> None:  # noqa: FBT001
    kept = keep(had(**status), reply)
    assert isinstance(kept, replies.Vain)
    assert kept.forbidden is forbidden


def test_an_empty_list_lets_nobody_approve() -> None:
    through = Through(sinks=("pager",))
    kept = replies.keep(had(**ASKED), YES, BY, through, NOW)
    assert isinstance(kept, replies.Vain)
    assert kept.forbidden


def test_who_has_no_name_on_the_list_may_still_acknowledge() -> None:
    assert keep(had(), replace(REPLY, user="U2", token="feed-1")).replies
