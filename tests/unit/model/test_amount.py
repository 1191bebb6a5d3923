"""How much more of a resource: what moves, what stays, and that nothing is lowered or beyond its bounds."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from platelet.model import quantity, reasons
from platelet.model.amount import Amount, raised

READ = TypeAdapter(Amount)
BY_HALF = {"byPercent": 50, "max": "2Gi"}

RAISED: dict[str, tuple[str, dict[str, Any], str | None, str | None, dict[str, tuple[str, str]]]] = {
    "limit and request move by the same percentage": (
        "memory", BY_HALF, "512Mi", "256Mi", {"limits": ("512Mi", "768Mi"), "requests": ("256Mi", "384Mi")}
    ),
    "what was guaranteed stays so": (
        "memory", BY_HALF, "512Mi", "512Mi", {"limits": ("512Mi", "768Mi"), "requests": ("512Mi", "768Mi")}
    ),
    "to a value, the request moves by the same factor": (
        "memory", {"to": "1Gi", "max": "1Gi"}, "512Mi", "100Mi",
        {"limits": ("512Mi", "1Gi"), "requests": ("100Mi", "200Mi")},
    ),
    "beyond the maximum it ends at the maximum, and so does the factor": (
        "memory", {"byPercent": 900, "max": "768Mi"}, "512Mi", "256Mi",
        {"limits": ("512Mi", "768Mi"), "requests": ("256Mi", "384Mi")},
    ),
    "a container without a limit keeps none": ("memory", BY_HALF, None, "256Mi", {"requests": ("256Mi", "384Mi")}),
    "a container without a request keeps none": ("memory", BY_HALF, "512Mi", None, {"limits": ("512Mi", "768Mi")}),
    "a limit of 0 is none": ("memory", BY_HALF, "0", "256Mi", {"requests": ("256Mi", "384Mi")}),
    "memory is rounded up to a Mi": (
        "memory", {"byPercent": 33, "max": "2Gi"}, "100M", None, {"limits": ("100M", "127Mi")}
    ),
    "CPU in thousandths": (
        "cpu", {"byPercent": 33, "max": 4}, "1", "250m", {"limits": ("1", "1330m"), "requests": ("250m", "333m")}
    ),
    "CPU to a number": (
        "cpu", {"to": 2, "max": 4}, "1500m", "1", {"limits": ("1500m", "2"), "requests": ("1", "1334m")}
    ),
}  # fmt: skip


@pytest.mark.parametrize(("resource", "amount", "limit", "request_", "values"), RAISED.values(), ids=RAISED)
def test_is_raised(
    resource: str, amount: dict[str, Any], limit: str | None, request_: str | None, values: dict[str, tuple[str, str]]
) -> None:
    outcome = raised(resource, READ.validate_python(amount), limit, request_)
    assert (outcome.values, outcome.why_not) == (values, "")


STAYS: dict[str, tuple[dict[str, Any], str | None, str | None, str, str]] = {
    "at its maximum": (
        BY_HALF, "2Gi", "1Gi", reasons.AT_MAXIMUM, "it has 2Gi of memory, and the step may not go above 2Gi"
    ),
    "above its maximum, it is not lowered": (BY_HALF, "3Gi", None, reasons.AT_MAXIMUM, "it has 3Gi of memory"),
    "at the value": (
        {"to": "1Gi", "max": "2Gi"}, "1Gi", None, reasons.ALREADY_THERE, "it has 1Gi of memory, at least 1Gi wanted"
    ),
    "above the value, it is not lowered": ({"to": "1Gi", "max": "2Gi"}, "2Gi", None, reasons.ALREADY_THERE, "has 2Gi"),
    "where there is nothing": (
        BY_HALF, None, None, reasons.NOTHING_TO_ADJUST, "it has neither a limit nor a request of memory"
    ),
    "where nothing can be read": (BY_HALF, "much", None, reasons.NOTHING_TO_ADJUST, "neither a limit nor a request"),
}  # fmt: skip


@pytest.mark.parametrize(("amount", "limit", "request_", "reason", "words"), STAYS.values(), ids=STAYS)
def test_stays(amount: dict[str, Any], limit: str | None, request_: str | None, reason: str, words: str) -> None:
    outcome = raised("memory", READ.validate_python(amount), limit, request_)
    assert (dict(outcome.values), outcome.why_not) == ({}, reason)
    assert words in outcome.stays


def test_what_is_missing_is_said() -> None:
    amount = READ.validate_python(BY_HALF)
    assert raised("memory", amount, None, "1Mi").stays == "it has no memory limit, and gets none"
    assert raised("memory", amount, "1Mi", None).stays == "it has no memory request, and gets none"
    assert raised("memory", amount, "2Mi", "1Mi").stays == ""


SUFFIXES = {"memory": ("", "k", "M", "Ki", "Mi", "Gi", "e3"), "cpu": ("", "m", "n")}


@st.composite
def quantities(draw: st.DrawFn, resource: str) -> str:
    """As the API server has stored one."""
    text = f"{draw(st.integers(1, 10**6))}{draw(st.sampled_from(SUFFIXES[resource]))}"
    return str(quantity.parse(text))


@given(st.data(), st.sampled_from(["memory", "cpu"]), st.integers(1, 900) | st.none())
def test_nothing_is_lowered_or_above_the_maximum_and_no_request_is_above_its_limit(
    data: st.DataObject, resource: str, percent: int | None
) -> None:
    """And each amount is written as the API server stores it: the template that comes of it is known before."""
    limit, request, most, to = (data.draw(st.none() | quantities(resource)) for _ in range(4))
    assume(limit is None or request is None or amount_of(request) <= amount_of(limit))
    written = {"byPercent": percent} if percent is not None else {"to": to or most}
    assume(most is not None and (percent is not None or amount_of(to or most) <= amount_of(most)))
    outcome = raised(resource, READ.validate_python({**written, "max": most}), limit, request)
    assert bool(outcome.values) != bool(outcome.why_not)
    for before, after in outcome.values.values():
        assert amount_of(before) <= amount_of(after) <= amount_of(most)
        assert str(quantity.parse(after)) == after
    assert all(before == {"limits": limit, "requests": request}[kind] for kind, (before, _) in outcome.values.items())
    assert any(amount_of(before) < amount_of(after) for before, after in outcome.values.values()) or outcome.why_not
    if {"limits", "requests"} <= set(outcome.values):
        assert amount_of(outcome.values["requests"][1]) <= amount_of(outcome.values["limits"][1])


def amount_of(text: str | None) -> Any:
    return quantity.parse(text or "0").amount


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no maximum": ({"byPercent": 50}, "max"),
    "neither a value nor a percentage": ({"max": "1Gi"}, "exactly one of to and byPercent"),
    "a value and a percentage": ({"to": "1Gi", "byPercent": 50, "max": "1Gi"}, "exactly one of to and byPercent"),
    "a maximum below the value": ({"to": "2Gi", "max": "1Gi"}, "max must not be below to"),
    "no quantity": ({"byPercent": 50, "max": "lots"}, "write it like 512Mi"),
    "nothing": ({"byPercent": 0, "max": "1Gi"}, "greater than or equal to 1"),
    "less": ({"byPercent": -50, "max": "1Gi"}, "greater than or equal to 1"),
    "more than tenfold": ({"byPercent": 901, "max": "1Gi"}, "less than or equal to 900"),
}


@pytest.mark.parametrize(("written", "fix"), REFUSED.values(), ids=REFUSED)
def test_is_refused(written: dict[str, Any], fix: str) -> None:
    with pytest.raises(ValidationError, match=fix):
        READ.validate_python(written)
