"""scale: to which number, and when others own it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.actions.scale import Scale, plan
from platelet.model import reasons
from platelet.model.remediation import TakeBack
from platelet.model.verdict import Plan, Refusal
from tests.unit.situations import NOW, a_daemon_set, a_situation, a_workload

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
    assert planned.post.replicas == wanted
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
TAKE_BACKS = {
    "kept when nothing is said": (Scale(to=9), None),
    "after an hour": (Scale(to=9, revert_after=HOUR), TakeBack(due_at=NOW + HOUR)),
    "when the alert has resolved": (Scale(to=9, revert_when_resolved=True), TakeBack(when_resolved=True)),
    "whichever comes first": (
        Scale(to=9, revert_after=HOUR, revert_when_resolved=True),
        TakeBack(due_at=NOW + HOUR, when_resolved=True),
    ),
}


@pytest.mark.parametrize(("settings", "take_back"), TAKE_BACKS.values(), ids=TAKE_BACKS)
def test_says_when_it_is_taken_back(settings: Scale, take_back: TakeBack | None) -> None:
    """The due time is pinned with the plan."""
    planned = plan(settings, a_situation(), NOW)
    assert isinstance(planned, Plan)
    assert planned.take_back == take_back


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
    wanted = planned.post.replicas
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
