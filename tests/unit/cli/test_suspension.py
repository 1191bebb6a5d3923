"""What pause and resume make of the switch, and the words for it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.cli import pause, resume, suspension
from platelet.model.budget import Suspension
from tests.unit.situations import NOW

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FOREVER = Suspension(reason="freeze")
FOR_AN_HOUR = Suspension(reason="freeze", until=NOW + HOUR)
OVER = Suspension(reason="old", until=NOW - MINUTE)


@pytest.mark.parametrize(
    ("before", "reason", "lasting", "after"),
    [
        pytest.param(None, "x", None, Suspension(reason="x"), id="until resumed"),
        pytest.param(None, "", HOUR, Suspension(until=NOW + HOUR), id="for a while, by the API server's time"),
        pytest.param(FOREVER, "", None, FOREVER, id="again is the same, and keeps the reason"),
        pytest.param(FOREVER, "y", None, Suspension(reason="y"), id="another reason replaces the first"),
        pytest.param(FOREVER, "", HOUR, FOREVER, id="one without end is not given an end"),
        pytest.param(FOR_AN_HOUR, "", MINUTE, FOR_AN_HOUR, id="a longer one is not shortened"),
        pytest.param(FOR_AN_HOUR, "", None, FOREVER, id="one with an end becomes one without"),
        pytest.param(FOR_AN_HOUR, "", 2 * HOUR, Suspension(reason="freeze", until=NOW + 2 * HOUR), id="extended"),
        pytest.param(OVER, "", HOUR, Suspension(until=NOW + HOUR), id="one that is over leaves no reason behind"),
    ],
)
def test_a_pause(before: Suspension | None, reason: str, lasting: timedelta | None, after: Suspension) -> None:
    """Each row is what was, what is asked for, and what then is."""
    assert suspension.paused(before, reason, lasting, NOW) == after


SPANS = st.none() | st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=9))
ENDS = st.timedeltas(min_value=-timedelta(days=9), max_value=timedelta(days=9)).map(lambda offset: NOW + offset)
BEFORE = st.none() | st.builds(Suspension, reason=st.just("r"), until=st.none() | ENDS)


@given(before=BEFORE, lasting=SPANS)
def test_a_pause_never_ends_what_was_in_force_earlier(before: Suspension | None, lasting: timedelta | None) -> None:
    """Whoever asks for a pause gets at least that, and nobody's pause is cut short."""
    after = suspension.paused(before, "", lasting, NOW)
    assert suspension.in_force(after, NOW)
    if after.until is not None:
        assert lasting is not None
        assert after.until >= NOW + lasting
        if before is not None and suspension.in_force(before, NOW):
            assert before.until is not None
            assert after.until >= before.until
    assert suspension.paused(after, "", lasting, NOW) == after, "asked twice is asked once"


@pytest.mark.parametrize(
    ("before", "after", "lasting", "first"),
    [
        pytest.param(
            None,
            FOR_AN_HOUR,
            HOUR,
            "paused until 2026-11-21T13:00:00Z (in 1h): no action is started; reason: freeze",
            id="a new pause with its end",
        ),
        pytest.param(
            None, Suspension(), None, "paused until resumed: no action is started", id="without end or reason"
        ),
        pytest.param(
            FOREVER, FOREVER, None, "still paused until resumed: no action is started; reason: freeze", id="again"
        ),
    ],
)
def test_a_pause_says_what_is_true(
    before: Suspension | None, after: Suspension, lasting: timedelta | None, first: str
) -> None:
    """The state first, the way back last."""
    lines = pause.describe(suspension.Outcome(before=before, after=after, now=NOW), lasting, "platelet-system")
    assert lines[0] == first
    assert lines[-1] == "to end it: platelet resume"


def test_a_pause_that_was_longer_is_pointed_out() -> None:
    """Who asked for a minute is not left to believe that it ends in a minute."""
    lines = pause.describe(suspension.Outcome(before=FOREVER, after=FOREVER, now=NOW), MINUTE, "elsewhere")
    assert "note: it was paused for longer than you asked, and a pause is never shortened" in lines
    assert lines[-1] == "to end it: platelet resume --operator-namespace elsewhere"


@pytest.mark.parametrize(
    ("before", "first"),
    [
        pytest.param(None, "not paused: nothing to resume; policies act within their limits", id="nothing to resume"),
        pytest.param(FOREVER, "resumed: policies act again within their limits; its reason was: freeze", id="resumed"),
        pytest.param(
            OVER,
            "the pause had ended at 2026-11-21T11:59:00Z (1m ago) by itself; it is removed now",
            id="it was over already",
        ),
    ],
)
def test_a_resume_says_what_is_true(before: Suspension | None, first: str) -> None:
    """Whatever was before, it is not paused afterwards."""
    lines = resume.describe(suspension.Outcome(before=before, after=None, now=NOW), "platelet-system")
    assert lines[0] == first
