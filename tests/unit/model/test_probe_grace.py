"""How much longer a probe's grace becomes: what moves, what stays; it is never shorter, or beyond its bounds."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from platelet.model import reasons
from platelet.model.probe_grace import ProbeGrace, lengthened

READ = TypeAdapter(ProbeGrace)
PROBE = {"failureThreshold": 3, "periodSeconds": 10, "timeoutSeconds": 1, "initialDelaySeconds": 30}
DOUBLE = {"grace": {"byPercent": 100, "max": "10m"}}

LENGTHENED: dict[str, tuple[dict[str, Any], dict[str, int], dict[str, tuple[int, int]], str]] = {
    "twice as long, the delay included": (
        DOUBLE, PROBE, {"failureThreshold": (3, 9)}, "grace 1m -> 2m (failureThreshold 3 -> 9)"
    ),
    "to a time, in whole periods": (
        {"grace": {"to": "65s", "max": "10m"}}, PROBE, {"failureThreshold": (3, 4)}, "grace 1m -> 1m10s"
    ),
    "never above the maximum, in whole periods": (
        {"grace": {"byPercent": 900, "max": "99s"}}, PROBE, {"failureThreshold": (3, 6)}, "grace 1m -> 1m30s"
    ),
    "without a delay, and the period that the API server sets": (
        DOUBLE, {"failureThreshold": 3}, {"failureThreshold": (3, 6)}, "grace 30s -> 1m"
    ),
    "an answer may take longer": (
        {"timeout": {"to": "5s", "max": "5s"}}, PROBE, {"timeoutSeconds": (1, 5)}, "timeout 1s -> 5s"
    ),
    "half as long again is at least a second more": (
        {"timeout": {"byPercent": 50, "max": "5s"}}, PROBE, {"timeoutSeconds": (1, 2)}, "timeout 1s -> 2s"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "probe", "values", "text"), LENGTHENED.values(), ids=LENGTHENED)
def test_lengthens(asked: dict[str, Any], probe: dict[str, int], values: dict[str, tuple[int, int]], text: str) -> None:
    outcome = lengthened(probe, READ.validate_python(asked))
    assert outcome.values == values
    assert outcome.moved[0].startswith(text)
    assert (outcome.why_not, outcome.stays) == ("", ())


STAYS = {
    "it has at least that": ({"grace": {"to": "1m", "max": "10m"}}, reasons.ALREADY_THERE, "grace is 1m"),
    "it is at the maximum": ({"grace": {"byPercent": 50, "max": "1m"}}, reasons.AT_MAXIMUM, "may not go above 1m"),
    "less than a period is left": ({"grace": {"byPercent": 50, "max": "69s"}}, reasons.AT_MAXIMUM, "above 1m9s"),
    "people went beyond the maximum": ({"timeout": {"byPercent": 50, "max": "1s"}}, reasons.AT_MAXIMUM, "above 1s"),
}


def test_what_is_not_set_is_not_set_by_us() -> None:
    outcome = lengthened({}, READ.validate_python(DOUBLE))
    assert (dict(outcome.values), outcome.why_not) == ({}, reasons.NOTHING_TO_ADJUST)


@pytest.mark.parametrize(("asked", "reason", "text"), STAYS.values(), ids=STAYS)
def test_stays(asked: dict[str, Any], reason: str, text: str) -> None:
    outcome = lengthened(PROBE, READ.validate_python(asked))
    assert (dict(outcome.values), outcome.why_not) == ({}, reason)
    assert text in outcome.stays[0]


SECONDS = st.integers(1, 2000)


@given(
    probe=st.fixed_dictionaries(
        {"failureThreshold": SECONDS, "periodSeconds": SECONDS, "initialDelaySeconds": SECONDS}
    ),
    by_percent=st.integers(1, 900),
    most=SECONDS,
)
def test_it_is_only_ever_longer_and_never_beyond_its_maximum(probe: dict[str, int], by_percent: int, most: int) -> None:
    outcome = lengthened(probe, READ.validate_python({"grace": {"byPercent": by_percent, "max": f"{most}s"}}))
    for before, after in outcome.values.values():
        assert before == probe["failureThreshold"] < after
        assert probe["initialDelaySeconds"] + after * probe["periodSeconds"] <= most


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "set grace, timeout or both"),
    "no maximum": ({"grace": {"byPercent": 50}}, "max"),
    "a time and a percentage": (
        {"grace": {"to": "1m", "byPercent": 50, "max": "1m"}},
        "exactly one of to and byPercent",
    ),
    "a maximum below the time": ({"grace": {"to": "2m", "max": "1m"}}, "max must not be below to"),
    "less": ({"grace": {"byPercent": -50, "max": "1m"}}, "greater than or equal to 1"),
    "more than a day": ({"grace": {"byPercent": 50, "max": "25h"}}, "at most 24h"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(written: dict[str, Any], fix: str) -> None:
    with pytest.raises(ValidationError, match=fix):
        READ.validate_python(written)


def test_a_time_is_rounded_up_to_whole_seconds() -> None:
    asked = READ.validate_python({"timeout": {"to": timedelta(milliseconds=1500), "max": "5s"}})
    assert lengthened(PROBE, asked).values == {"timeoutSeconds": (1, 2)}
