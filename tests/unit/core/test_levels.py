"""Which level of an escalation is due: a function of what is on record, and of the time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from platelet.core import levels
from platelet.core.decide import decide
from platelet.model import reasons
from platelet.model.effects import Deliver
from platelet.model.escalation import EscalationRecord
from platelet.model.escalation_levels import Level
from platelet.model.notification import MAX_NOTIFICATIONS, MOST_OF_A_SINK, Notification
from platelet.model.policy import Policy
from platelet.model.remediation import RemediationStatus
from platelet.sinks.webhook import Webhook
from tests.unit.core.runbooks import restart_step
from tests.unit.situations import (
    NOW,
    a_notification,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    an_approval,
    minutes,
)

HOOK = Webhook(url="https://hooks.example.com/oncall")
FIRST = Level(after=timedelta(), sinks=("oncall",))
SECOND = Level(after=minutes(30), sinks=("lead",))
THIRD = Level(after=minutes(60), sinks=("manager",))
TOLD = EscalationRecord(reason=reasons.NO_STEP_LEFT, message="m", at=NOW, token="t", symptoms=("CrashLoopBackOff",))
HEARD = EscalationRecord(
    reason=reasons.NO_STEP_LEFT, message="m", at=NOW, token="t", acknowledged=1, acknowledged_by="ann"
)


def of(*wanted: Level) -> Policy:
    return a_policy(levels=wanted, sinks=dict.fromkeys([sink for level in wanted for sink in level.sinks], HOOK))


def status_of(escalation: EscalationRecord | None = TOLD, *known: Notification, **changes: Any) -> RemediationStatus:
    return a_status(**{"state": "Escalated", "escalation": escalation, "notifications": known, **changes})


def due(policy: Policy, status: RemediationStatus, at: datetime) -> list[tuple[int, int]]:
    return [(begun.number, begun.repeat) for begun in levels.due(policy, levels.calling(status), at)]


@pytest.mark.parametrize(
    ("after", "expected"),
    [(0, [1]), (29, [1]), (30, [1, 2]), (59, [1, 2]), (60, [1, 2, 3]), (600, [1, 2, 3])],
)
def test_levels_begin_one_after_the_other(after: int, expected: list[int]) -> None:
    begun = due(of(FIRST, SECOND, THIRD), status_of(), NOW + minutes(after))
    assert [number for number, _ in begun] == expected


@pytest.mark.parametrize(("after", "expected"), [(0, [1]), (29, [1]), (30, [1, 2]), (60, [1, 2, 3])])
def test_a_question_begins_them_one_after_the_other_as_an_incident_does(after: int, expected: list[int]) -> None:
    asked = an_approval(asked_at=NOW, expires_at=NOW + minutes(120))
    status = status_of(None, state="AwaitingApproval", approval=asked)
    policy, at = of(FIRST, SECOND, THIRD), NOW + minutes(after)
    assert [number for number, _ in due(policy, status, at)] == expected
    assert due(policy, replace(status, approval=replace(asked, acknowledged_by="ann")), at) == []
    assert due(policy, replace(status, approval=replace(asked, answer="Approved")), at) == []
    assert due(policy, replace(status, state="Waiting"), at) == []


def test_the_ids_of_a_question_are_those_of_its_plan_at_each_level() -> None:
    often = replace(FIRST, repeat_every=minutes(20))
    status = status_of(None, state="AwaitingApproval", approval=an_approval(token="1-1-abc", asked_at=NOW))
    call = levels.calling(status)
    assert call is not None
    begun = levels.due(of(often, SECOND), call, NOW + minutes(45))
    assert [level.occasion(call) for level in begun] == ["1-1-abc/repeat-2", "1-1-abc/level-2"]


def test_of_repetitions_only_the_newest_is_due() -> None:
    """Who slept for an hour is not called four times at once."""
    often = Level(after=minutes(10), sinks=("oncall",), repeat_every=minutes(15))
    assert due(of(often), status_of(), NOW + minutes(9)) == []
    assert due(of(often), status_of(), NOW + minutes(24)) == [(1, 0)]
    assert due(of(often), status_of(), NOW + minutes(70)) == [(1, 4)]


def test_what_is_acknowledged_ends_but_for_what_goes_on_until_resolved() -> None:
    lasting = Level(after=minutes(30), sinks=("lead",), until="Resolved")
    assert due(of(FIRST, lasting, THIRD), status_of(HEARD), NOW + minutes(90)) == [(2, 0)]


NOBODY_IS_CALLED = {
    "nothing was escalated": status_of(None),
    "its step says that nobody is called": status_of(EscalationRecord(reason="r", message="m", at=NOW, silent=True)),
    "it is closed": status_of(state="Closed"),
    "it was handed back": status_of(state="Waiting"),
}


@pytest.mark.parametrize("status", NOBODY_IS_CALLED.values(), ids=NOBODY_IS_CALLED)
def test_nobody_is_called_unless_people_have_it(status: RemediationStatus) -> None:
    assert due(of(FIRST), status, NOW + minutes(1)) == []
    assert levels.coming(of(FIRST, SECOND), levels.calling(status), NOW) == ()


def a_call(sink: str, tries: int, **changes: Any) -> Notification:
    return a_notification(sink=sink, tries=tries, at=NOW, **changes)


UNREACHABLE: dict[str, tuple[tuple[Notification, ...], list[int]]] = {
    "it was not tried yet": ((a_call("oncall", 0),), [1]),
    "it failed once": ((a_call("oncall", 1),), [1]),
    "it failed twice": ((a_call("oncall", 2),), [1, 2]),
    "another sink of the level has taken it": ((a_call("oncall", 2), a_call("chat", 1, state="Delivered")), [1]),
    "both levels cannot be told": (
        (a_call("oncall", 2), a_call("lead", 2, id="rem-1/escalated/1/level-2", level=2)),
        [1, 2, 3],
    ),
}


@pytest.mark.parametrize(("known", "expected"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_the_next_level_does_not_wait_where_nobody_could_be_told(
    known: tuple[Notification, ...], expected: list[int]
) -> None:
    first = Level(after=timedelta(), sinks=("oncall", "chat"))
    begun = due(of(first, SECOND, THIRD), status_of(TOLD, *known), NOW + minutes(1))
    assert [number for number, _ in begun] == expected


def test_what_comes_is_told_with_its_time() -> None:
    often = Level(after=timedelta(), sinks=("oncall",), repeat_every=minutes(15))
    coming = levels.coming(of(often, SECOND), levels.calling(status_of()), NOW + minutes(20))
    assert [(level.number, level.at) for level in coming] == [(1, NOW + minutes(30)), (2, NOW + minutes(30))]
    assert levels.coming(of(often, SECOND), levels.calling(status_of(HEARD)), NOW + minutes(20)) == ()


def test_news_after_an_acknowledgement_begin_the_levels_anew() -> None:
    anew = EscalationRecord(
        reason="r",
        message="m",
        at=NOW,
        token="t",
        told=2,
        acknowledged=1,
        called_anew_at=NOW + minutes(90),
        called_anew_as="2",
    )
    call = levels.calling(status_of(anew))
    assert call is not None
    begun = levels.due(of(FIRST, SECOND), call, NOW + minutes(120))
    assert [level.occasion(call) for level in begun] == ["2", "2/level-2"]
    assert due(of(FIRST, SECOND), status_of(anew), NOW + minutes(100)) == [(1, 0)]


def sent(status: RemediationStatus, policy: Policy) -> list[tuple[str, str]]:
    situation = a_situation(remediation=a_remediation(status=status), policy=policy, steps=(restart_step(),))
    effects = decide(situation, NOW + minutes(31)).effects
    return [(effect.correlation.sink, effect.correlation.id) for effect in effects if isinstance(effect, Deliver)]


def test_a_level_is_told_to_its_sinks_only_and_under_an_id_of_its_own() -> None:
    known = a_call("oncall", 1, state="Delivered")
    assert sent(status_of(TOLD, known), of(FIRST, SECOND, THIRD)) == [("lead", "rem-1/escalated/1/level-2")]


def test_a_repetition_waits_while_the_call_itself_is_still_to_be_told() -> None:
    often = Level(after=timedelta(), sinks=("oncall",), repeat_every=minutes(15))
    waiting = a_call("oncall", 1, next_try_at=NOW + minutes(40))
    assert sent(status_of(TOLD, waiting), of(often)) == []
    taken = a_call("oncall", 1, state="Delivered")
    assert sent(status_of(TOLD, taken), of(often)) == [("oncall", "rem-1/escalated/1/repeat-2")]


def test_a_status_holds_the_notifications_of_all_sinks() -> None:
    """A write that the API server refuses would be none."""
    crowd = tuple(
        a_notification(id=f"rem-1/acted/{number}", kind="Acted", sink=f"s{number % 20}", state="Delivered")
        for number in range(MAX_NOTIFICATIONS)
    )
    situation = a_situation(
        remediation=a_remediation(status=status_of(TOLD, *crowd)), policy=of(FIRST), steps=(restart_step(),)
    )
    status = decide(situation, NOW + minutes(1)).status
    assert len(status.notifications) <= MAX_NOTIFICATIONS
    assert {known.sink for known in status.notifications} >= {"oncall", "annotation"}
    assert MOST_OF_A_SINK * 10 <= MAX_NOTIFICATIONS
