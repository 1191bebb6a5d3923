"""scale: to which number, and when others own it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet import changes
from platelet.actions.scale import Scale, plan
from platelet.changes import replicas
from platelet.model import reasons
from platelet.model.intent import REPLICAS
from platelet.model.policy import Mode
from platelet.model.remediation import Attempt, Revert
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal
from tests.unit.pins import scaled
from tests.unit.situations import (
    NOW,
    a_daemon_set,
    a_policy,
    a_remediation,
    a_situation,
    a_status,
    a_workload,
    an_attempt,
    an_autoscaler,
    minutes,
)

PLANNED = {
    "to a number": (Scale(to=15), 5, 15),
    "to a number, cut to the maximum": (Scale(to=15, max=10), 5, 10),
    "to a number, raised to the minimum": (Scale(to=3, min=6), 2, 6),
    "by a number": (Scale(by=3), 5, 8),
    "by a number, cut to the maximum": (Scale(by=10, max=12), 5, 12),
    "by a number, raised to the minimum": (Scale(by=1, min=4), 1, 4),
    "by a negative number": (Scale(by=-2), 5, 3),
    "by a negative number, held at the minimum": (Scale(by=-4, min=3), 5, 3),
    "by a negative number never to zero": (Scale(by=-9), 5, 1),
    "by a negative number down to the maximum": (Scale(by=-1, max=10), 11, 10),
    "by a number up to the absolute most": (Scale(by=9999), 5, 10000),
}


@pytest.mark.parametrize(("settings", "has", "wanted"), PLANNED.values(), ids=PLANNED)
def test_scales(settings: Scale, has: int, wanted: int) -> None:
    """The plan pins the absolute number, so that sending it twice changes nothing."""
    planned = plan(settings, a_situation(workload=a_workload(replicas=has)), NOW)
    assert isinstance(planned, Plan)
    assert planned.changes == (replicas.to(wanted),)
    assert planned.summary == f"scale from {has} to {wanted} replicas"


REFUSED = {
    "it is there already": (Scale(to=15), 15, reasons.ALREADY_THERE),
    "it has more than wanted, and a remedy that adds never removes": (Scale(to=15), 20, reasons.ALREADY_THERE),
    "the maximum is reached": (Scale(to=15, max=10), 10, reasons.AT_MAXIMUM),
    "people went beyond the maximum": (Scale(by=1, max=10), 12, reasons.AT_MAXIMUM),
    "the minimum is reached on the way down": (Scale(by=-1, min=3), 3, reasons.ALREADY_THERE),
    "the last replica stays": (Scale(by=-1), 1, reasons.ALREADY_THERE),
    "going down to the maximum would remove more than asked": (Scale(by=-1, max=10), 20, reasons.AT_MAXIMUM),
    "people switched it off": (Scale(to=3), 0, reasons.SCALED_TO_ZERO),
}


@pytest.mark.parametrize(("settings", "has", "reason"), REFUSED.values(), ids=REFUSED)
def test_refuses(settings: Scale, has: int, reason: str) -> None:
    """What would change nothing, or the wrong way, is refused with the numbers."""
    refused = plan(settings, a_situation(workload=a_workload(replicas=has)), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert str(has) in refused.message


def test_a_workload_that_is_gone_is_not_scaled() -> None:
    """Nothing to scale is a refusal, not an error."""
    refused = plan(Scale(to=9), a_situation(workload=None), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.TARGET_GONE


HOUR = timedelta(hours=1)
REVERTS = {
    "kept when nothing is said": (Scale(to=9), None),
    "after an hour": (Scale(to=9, revert_after=HOUR), Revert(due_at=NOW + HOUR)),
    "when the alert has resolved": (Scale(to=9, revert_when_resolved=True), Revert(when_resolved=True)),
    "whichever comes first": (
        Scale(to=9, revert_after=HOUR, revert_when_resolved=True),
        Revert(due_at=NOW + HOUR, when_resolved=True),
    ),
}


@pytest.mark.parametrize(("settings", "revert"), REVERTS.values(), ids=REVERTS)
def test_says_when_it_is_reverted(settings: Scale, revert: Revert | None) -> None:
    """The due time is pinned with the plan."""
    planned = plan(settings, a_situation(), NOW)
    assert isinstance(planned, Plan)
    assert planned.revert == revert


NUMBERS = st.integers(1, 50)


@given(
    has=st.integers(0, 60),
    to=st.none() | NUMBERS,
    by=st.integers(-50, 50).filter(bool),
    bounds=st.tuples(NUMBERS, NUMBERS).map(sorted),
    bounded=st.tuples(st.booleans(), st.booleans()),
)
def test_stays_within_its_bounds_and_goes_only_its_own_way(
    has: int, to: int | None, by: int, bounds: list[int], bounded: tuple[bool, bool]
) -> None:
    """Whatever the settings: min..max is kept, a goal or a positive step only adds, a negative one takes no more."""
    low, high = (bound if used else None for bound, used in zip(bounds, bounded, strict=True))
    settings = Scale(to=to, by=None if to is not None else by, min=low, max=high)
    planned = plan(settings, a_situation(workload=a_workload(replicas=has)), NOW)
    if isinstance(planned, Refusal):
        return
    wanted = int(planned.changes[0].meant[REPLICAS])
    assert wanted is not None
    assert settings.floor <= wanted <= settings.ceiling
    assert wanted >= 1
    if to is None and by < 0:
        assert has + by <= wanted < has
    else:
        assert wanted > has


def test_a_daemon_set_has_no_replicas_to_change() -> None:
    """It wants one pod per node; people are told what would help."""
    refused = plan(Scale(by=1), a_situation(workload=a_daemon_set()), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.NOT_SCALABLE
    assert "nodes" in refused.message


OFF = Scale(to=0, allow_zero=True)


def test_in_mode_approve_it_is_switched_off() -> None:
    """The approval itself is asked for by the mode."""
    planned = plan(OFF, a_situation(workload=a_workload(replicas=10), policy=a_policy(mode="Approve")), NOW)
    assert isinstance(planned, Plan)
    assert planned.changes == (replicas.to(0),)
    assert planned.summary == "scale from 10 to 0 replicas"


@pytest.mark.parametrize("mode", ["Enforce", "Observe"])
def test_no_machine_switches_it_off_alone(mode: Mode) -> None:
    """Whatever the step says."""
    refused = plan(OFF, a_situation(policy=a_policy(mode=mode)), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.APPROVAL_NEEDED
    assert f"the policy's mode is {mode}, not Approve" in refused.message


def a_scaling(before: int, to: int, **more: Any) -> Attempt:
    """An attempt of ours that has scaled the target."""
    return an_attempt(action="scale", changes=scaled(to, before=before), **more)


def seen(has: int, *own: Attempt, others: tuple[Attempt, ...] = (), **more: Any) -> Situation:
    """A workload that has so many replicas, after these attempts of this incident and of others."""
    known = {"workload": a_workload(replicas=has), "remediation": a_remediation(status=a_status(attempts=own)), **more}
    return a_situation(attempts=others, **known)


OFF_NOW, MORE = a_scaling(10, 0), a_scaling(4, 10, intended_at=NOW - minutes(9))
PUT_BACK = {
    "by this incident": (seen(0, OFF_NOW), 10),
    "by another one": (seen(0, others=(OFF_NOW,)), 10),
    "after an earlier one": (seen(0, OFF_NOW, others=(MORE,)), 10),
    "more": (seen(10, MORE), 4),
    "with an answer that was lost, where it is as meant": (seen(0, replace(OFF_NOW, phase="Unknown")), 10),
}


@pytest.mark.parametrize(("situation", "wanted"), PUT_BACK.values(), ids=PUT_BACK)
def test_puts_back_what_was_there_before_our_scaling(situation: Situation, wanted: int) -> None:
    planned = plan(Scale(to="previous"), situation, NOW)
    assert isinstance(planned, Plan)
    assert [change.meant for change in planned.changes] == [{REPLICAS: str(wanted)}]
    assert planned.summary.endswith(f"to {wanted} replicas, as before platelet scaled it")


BACK = replace(OFF_NOW, id="rem-1/0/1/back", kind="Revert", intended_at=NOW, changes=scaled(10, before=0))
NOT_PUT_BACK = {
    "nothing is on record": (seen(0), reasons.NOTHING_ON_RECORD),
    "another kind of attempt is": (seen(0, an_attempt()), reasons.NOTHING_ON_RECORD),
    "it was refused": (seen(0, replace(OFF_NOW, phase="Refused")), reasons.NOTHING_ON_RECORD),
    "people have scaled it since": (seen(3, OFF_NOW), reasons.NOT_OURS_ANYMORE),
    "it was created anew": (seen(0, OFF_NOW, workload=a_workload(replicas=0, uid="new")), reasons.NOT_OURS_ANYMORE),
    "it was reverted": (seen(10, OFF_NOW, BACK), reasons.ALREADY_THERE),
    "an autoscaler owns it": (seen(0, OFF_NOW, autoscalers=(an_autoscaler(),)), reasons.HPA_OWNED),
}


@pytest.mark.parametrize(("situation", "reason"), NOT_PUT_BACK.values(), ids=NOT_PUT_BACK)
def test_puts_nothing_back_that_is_not_known_to_be_ours(situation: Situation, reason: str) -> None:
    refused = plan(Scale(to="previous"), situation, NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason


def test_what_was_put_back_is_not_taken_away_by_putting_back_once_more() -> None:
    planned = plan(Scale(to="previous"), seen(0, OFF_NOW), NOW)
    assert isinstance(planned, Plan)
    done = replace(OFF_NOW, id="rem-2/0/1", intended_at=NOW, changes=changes.pin(planned.changes, seen(0)) or ())
    refused = plan(Scale(to="previous"), seen(10, OFF_NOW, done), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.ALREADY_THERE


def test_what_an_autoscaler_owns_is_not_switched_off() -> None:
    refused = plan(OFF, seen(10, policy=a_policy(mode="Approve"), autoscalers=(an_autoscaler(),)), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.HPA_OWNED
