"""Two looks a minute apart at an Alertmanager that is up for more than ten minutes prove an alert resolved."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.triggers.absence import Poll, absent, keep
from tests.unit.situations import NOW, minutes, seconds


def poll(at: float, *known: str, up_for: float = 60, held: str = "a") -> Poll:
    """Build a look `at` seconds after NOW, at an Alertmanager that is up for so many minutes."""
    return Poll(at=NOW + seconds(at), up_for=minutes(up_for), held=frozenset(held), known=frozenset(known))


@pytest.mark.parametrize(
    ("polls", "gone"),
    [
        pytest.param([], "", id="no look"),
        pytest.param([poll(0)], "", id="one look"),
        pytest.param([poll(0), poll(60)], "a", id="two looks a minute apart"),
        pytest.param([poll(0), poll(59)], "", id="two looks less than a minute apart"),
        pytest.param([poll(0), poll(30), poll(61)], "a", id="a third look between"),
        pytest.param([poll(0), poll(30, "a"), poll(61)], "", id="it was there between"),
        pytest.param([poll(0, "a"), poll(60)], "", id="it was there a minute ago"),
        pytest.param([poll(0), poll(60, "a")], "", id="it is there"),
        pytest.param([poll(0, up_for=9), poll(60, up_for=10.5)], "", id="the first look was at a young one"),
        pytest.param([poll(0), poll(60, up_for=0.5)], "", id="Alertmanager restarted between"),
        pytest.param([poll(0), poll(30, up_for=0.5), poll(90)], "", id="one of several is young"),
        pytest.param([poll(0, held=""), poll(60)], "", id="the alert came after the first look"),
        pytest.param([poll(0), poll(60, held="")], "", id="it is held no more"),
        pytest.param([poll(0, held="ab"), poll(60, "b", held="ab")], "a", id="each alert for itself"),
    ],
)
def test_absence(polls: list[Poll], gone: str) -> None:
    assert absent(polls) == frozenset(gone)


looks = st.lists(
    st.tuples(st.integers(1, 90), st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc")), st.integers(0, 30)),
    min_size=1,
    max_size=8,
)


@given(looks)
def test_dropping_what_is_not_needed_changes_no_answer(
    drawn: list[tuple[int, set[str], set[str], int]],
) -> None:
    everything: tuple[Poll, ...] = ()
    kept: tuple[Poll, ...] = ()
    at = NOW
    for gap, held, known, up in drawn:
        at += timedelta(seconds=gap)
        look = Poll(at=at, up_for=minutes(up), held=frozenset(held), known=frozenset(known))
        everything, kept = (*everything, look), keep((*kept, look))
        assert absent(kept) == absent(everything)
