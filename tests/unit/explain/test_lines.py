"""Times, alignment and colour; and that what others wrote cannot steer a terminal."""

import io
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.cli import terminal
from platelet.explain import lines
from tests.unit.situations import NOW


@pytest.mark.parametrize(
    ("away", "words"),
    [
        pytest.param(timedelta(), "now", id="this very moment"),
        pytest.param(timedelta(milliseconds=400), "now", id="less than half a second is now"),
        pytest.param(timedelta(minutes=4, seconds=12), "in 4m12s", id="minutes and seconds ahead"),
        pytest.param(timedelta(hours=2), "in 2h", id="whole hours carry no zeros"),
        pytest.param(-timedelta(minutes=3), "3m ago", id="the past"),
        pytest.param(-timedelta(seconds=59, milliseconds=700), "1m ago", id="rounded to the second"),
        pytest.param(timedelta(days=3, hours=4, minutes=5), "in 3d4h", id="from a day on, to the hour"),
        pytest.param(-timedelta(days=2), "2d ago", id="whole days"),
    ],
)
def test_a_distance_is_told_as_people_do(away: timedelta, words: str) -> None:
    """The direction and the length, in whole seconds."""
    assert lines.distance(NOW + away, NOW) == words


def test_a_moment_is_told_both_ways() -> None:
    """Absolute without fractions of a second, and relative."""
    at = NOW + timedelta(minutes=4, seconds=12, microseconds=345)
    assert lines.moment(at, NOW) == "2026-11-21T12:04:12Z (in 4m12s)"


def test_fields_are_aligned_and_empty_ones_left_out() -> None:
    """The longest name that is shown gives the column."""
    assert lines.fields({"a": "1", "longest name": "", "abc": "2"}) == ["a    1", "abc  2"]


def test_a_section_without_content_is_not_shown() -> None:
    """No lonely titles."""
    assert lines.section("Attempts", []) == []
    assert lines.section("Attempts", ["one"]) == ["Attempts", "  one"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        pytest.param(Terminal(), {}, True, id="a terminal"),
        pytest.param(Terminal(), {"NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param(Terminal(), {"NO_COLOR": ""}, True, id="an empty NO_COLOR does not count"),
        pytest.param(Terminal(), {"TERM": "dumb"}, False, id="a dumb terminal"),
        pytest.param(io.StringIO(), {}, False, id="a pipe"),
    ],
)
def test_colour_only_where_it_is_wanted(stream: Any, environment: dict[str, str], wanted: bool) -> None:  # noqa: FBT001
    """Plain text everywhere else."""
    assert terminal.wants_colour(stream, environment) is wanted


@given(st.text())
def test_nothing_that_others_wrote_steers_the_terminal(text: str) -> None:
    """Written to a pipe: one line, and only printable characters."""
    stream = io.StringIO()
    terminal.write([text], stream)
    written = stream.getvalue()
    assert written.endswith("\n")
    assert len(written.splitlines()) == 1 or not written.strip()
    assert "\x1b" not in written
    assert "\u202e" not in written, "nor turns the line around"


def test_on_a_terminal_the_only_escapes_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A denial is red from its beginning to its end, whatever its message holds."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    terminal.write(["  DENY  \x1b[2Jgone"], stream)
    assert stream.getvalue() == "\x1b[31m  DENY   [2Jgone\x1b[0m\n"
