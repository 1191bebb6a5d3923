"""The trigger on queries: a level, whose failed or unknown answers say nothing."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.model.reading import Result, Sample
from platelet.triggers import query
from platelet.triggers.query import QueryTrigger
from tests.unit.situations import NOW, minutes, seconds

LOAD = QueryTrigger(expr="load", above=5)
LABELS = {"namespace": "shop", "deployment": "api"}


def result(*values: float, at: datetime = NOW) -> Result:
    samples = (Sample(value=value, at=at, labels={**LABELS, "n": str(n)}) for n, value in enumerate(values))
    return Result(samples=tuple(samples))


def beyond(trigger: QueryTrigger, *values: float) -> list[float]:
    return [sample.value for sample, _ in query.observe(trigger, "uid", result(*values), NOW).facts]


def test_each_series_beyond_the_bound_is_a_fact() -> None:
    assert beyond(LOAD, 4, 5, 6, 7, float("inf")) == [6, 7, float("inf")]
    assert beyond(QueryTrigger(expr="up", below=1), 0, 1, 2) == [0]


def test_a_fact_says_what_was_measured() -> None:
    trigger = QueryTrigger(expr="load", above=5, for_=minutes(2), severity="critical")
    ((_, fact),) = query.observe(trigger, "uid", result(7), NOW).facts
    assert fact.message == "load is 7, above 5 (deployment=api, n=0, namespace=shop)"
    assert (fact.source, fact.reason, fact.severity) == ("query", "QueryAbove", "critical")
    assert (fact.first_seen, fact.holds_at, fact.resolved_at) == (NOW, NOW + minutes(2), None)


NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "above": ("QueryAbove", {"above": 5}),
    "below": ("QueryBelow", {"below": 5}),
}


@pytest.mark.parametrize(("reason", "bound"), NAMES.values(), ids=NAMES)
def test_a_fact_is_called_as_its_query_is(reason: str, bound: dict[str, Any]) -> None:
    """So people who are called read QueueTooLong. Facts stay the same when a query gets a name."""
    plain, named = QueryTrigger(expr="load", **bound), QueryTrigger(expr="load", name="QueueTooLong", **bound)
    assert (plain.reason, named.reason) == (reason, "QueueTooLong")
    assert query.prefix("uid", plain) == query.prefix("uid", named)
    sample = Sample(value=1, at=NOW, labels={"namespace": "shop", "deployment": "api"})
    assert query.as_alert(sample, NOW, named.reason).name == "QueueTooLong"


def test_labels_of_others_cannot_steer_a_terminal() -> None:
    sample = Sample(value=7, at=NOW, labels={"a": "\x1b[2J" + "x" * 5000})
    ((_, fact),) = query.observe(LOAD, "uid", Result(samples=(sample,)), NOW).facts
    assert fact.message.isprintable()
    assert len(fact.message) < 1024


UNKNOWN = {
    "NaN": result(float("nan")),
    "a stale sample": result(9, at=NOW - minutes(5) - seconds(1)),
    "a sample of the future": result(1, at=NOW + minutes(6)),
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_neither_opens_nor_ends(answer: Result) -> None:
    seen = query.observe(LOAD, "uid", answer, NOW)
    assert seen.facts == ()
    known = query.observe(LOAD, "uid", result(9), NOW)
    assert seen.present == known.present


def test_what_is_gone_or_below_the_bound_is_not_present() -> None:
    assert query.observe(LOAD, "uid", result(), NOW).present == frozenset()
    assert query.observe(LOAD, "uid", result(5), NOW).present == frozenset()


def name_of(trigger: QueryTrigger, uid: str = "uid", **labels: str) -> str:
    samples = (Sample(value=1e9 if trigger.above is not None else -1e9, at=NOW, labels=labels),)
    ((_, fact),) = query.observe(trigger, uid, Result(samples=samples), NOW).facts
    return fact.fingerprint


def test_the_same_fact_has_the_same_fingerprint_and_another_one_another() -> None:
    """Of the policy, the expression with its bound, and the labels: not of the value, nor of `for` or the interval."""
    names = [
        name_of(LOAD, a="1"),
        name_of(LOAD, a="2"),
        name_of(LOAD, "other", a="1"),
        name_of(QueryTrigger(expr="load", above=6), a="1"),
        name_of(QueryTrigger(expr="load", below=5), a="1"),
        name_of(QueryTrigger(expr="other", above=5), a="1"),
    ]
    assert len(set(names)) == len(names)
    patient = QueryTrigger(expr="load", above=5, for_=minutes(9), interval=seconds(9), severity="x")
    assert name_of(patient, a="1") == names[0]


@given(uid=st.text(min_size=1, max_size=36), expr=st.text(min_size=1, max_size=4096), labels=st.integers(0, 3))
def test_every_fingerprint_fits_and_begins_as_its_trigger_says(uid: str, expr: str, labels: int) -> None:
    trigger = QueryTrigger(expr=expr, above=5)
    name = name_of(trigger, uid, **{f"l{n}": "x" * 200 for n in range(labels)})
    assert name.startswith(query.prefix(uid, trigger))
    assert query.prefix(uid, trigger).startswith(query.prefix_of_policy(uid))
    assert len(name) <= 256


def test_facts_of_a_trigger_that_was_rewritten_are_stale() -> None:
    """Those of other policies, and of alerts, are not."""
    old = name_of(QueryTrigger(expr="old", above=5), a="1")
    held = [old, name_of(LOAD, a="1"), name_of(LOAD, "other", a="1"), "0123456789abcdef/2026-11-21T11:55:00Z"]
    assert query.stale("uid", (query.prefix("uid", LOAD),), held) == {old}
    assert query.stale("uid", (), held) == {old, held[1]}


FAULTS: dict[str, tuple[str, str]] = {
    "good": ('load{a="b"}', ""),
    "a placeholder": ('load{a="$target.name"}', "a trigger knows no $target: the labels of its results find it"),
    "another dollar": ('load{a="$x"}', "at character 9: here a $ can only begin"),
    "an open brace": ("load{", "at character 5: this brace is not closed"),
}


@pytest.mark.parametrize(("expr", "fault"), FAULTS.values(), ids=FAULTS)
def test_an_expression_that_can_never_be_asked_is_told(expr: str, fault: str) -> None:
    words = query.find_fault(QueryTrigger(expr=expr, above=1))
    assert words.startswith(fault)
    assert bool(words) == bool(fault)


def test_a_result_finds_its_target_as_an_alert_does() -> None:
    sample = Sample(value=7, at=NOW, labels=LABELS)
    alert = query.as_alert(sample, NOW)
    assert (alert.labels, alert.status, alert.starts_at) == (LABELS, "firing", NOW)


@pytest.mark.parametrize("bounds", [{}, {"above": 1, "below": 2}])
def test_one_bound_is_needed(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="set above or below"):
        QueryTrigger(expr="up", **bounds)
