"""The end of a log: so many lines, so many bytes, redacted before it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.model import log_tail
from platelet.model.log_tail import LONGEST_LINE, MAX_LINES, MOST_BYTES, LogSource
from tests.unit.situations import NOW

SOURCE = LogSource(namespace="shop", pod="api-2-a", container="app", previous=True)


def kept(text: str) -> tuple[str, ...]:
    return log_tail.of_text(SOURCE, text, NOW).lines


WIDE = "ä " * 80 + "ä"
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "nothing": ("", ()),
    "empty lines": ("\n\n  \n", ()),
    "the last lines": ("\n".join(f"line {n}" for n in range(20)), tuple(f"line {n}" for n in range(10, 20))),
    "a long line": ("x " * 300, (("x " * 300)[: LONGEST_LINE - 1] + "…",)),
    "too many bytes: the last ones": (
        "\n".join(f"{n} {WIDE}" for n in range(7)),
        tuple(f"{n} {WIDE}" for n in (3, 4, 5, 6)),
    ),
}


@pytest.mark.parametrize(("text", "lines"), CASES.values(), ids=CASES)
def test_what_is_kept(text: str, lines: tuple[str, ...]) -> None:
    assert kept(text) == lines


def test_it_is_redacted_before_it_is_cut() -> None:
    """The key's first line is not among those that are kept."""
    lines = ["-----BEGIN PRIVATE KEY-----", *("hunter2" for _ in range(12)), "-----END PRIVATE KEY-----", "after"]
    assert kept("\n".join(lines)) == ("<redacted>", "after")


@given(text=st.text(max_size=4000))
def test_it_is_bounded(text: str) -> None:
    lines = kept(text)
    assert len(lines) <= MAX_LINES
    assert all(len(line) <= LONGEST_LINE for line in lines)
    assert sum(len(line.encode()) for line in lines) <= MOST_BYTES


SAYINGS = {
    "lines": (log_tail.of_text(SOURCE, "boom", NOW), ["the end of OF:", "boom"]),
    "none": (log_tail.of_text(SOURCE, "", NOW), ["OF is empty"]),
    "nobody's": (log_tail.of_nobody("no pod is there", NOW), ["no log is available: no pod is there"]),
    "no right": (log_tail.without(SOURCE, "refused", NOW), ["OF is not available: refused"]),
}
OF = "the log of container app of pod api-2-a, as it was before its last restart"


@pytest.mark.parametrize(("tail", "words"), SAYINGS.values(), ids=SAYINGS)
def test_what_people_are_told(tail: log_tail.LogTail, words: list[str]) -> None:
    assert log_tail.say(tail) == [line.replace("OF", OF) for line in words]


def test_why_it_is_not_available_is_redacted_as_well() -> None:
    tail = log_tail.without(SOURCE, "Get https://u:hunter2@node:10250/logs: refused", NOW)
    assert "hunter2" not in tail.not_available
