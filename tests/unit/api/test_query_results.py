"""Prometheus's answers: numbers, or a reason why nothing is known."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.api.readers.query_results import MAX_SAMPLES, read_result
from platelet.model.reading import Result, Sample, Unanswered
from tests.unit.api.values import JSON

AT = datetime(2026, 11, 21, 12, 0, 0, 500_000, tzinfo=UTC)
SECONDS = AT.timestamp()


def success(kind: str, result: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def a_series(value: str = "1.5", **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [SECONDS, value]}


KNOWN = {
    "a vector": (success("vector", [a_series(pod="a"), a_series("2")]), ((1.5, {"pod": "a"}), (2.0, {}))),
    "an empty vector": (success("vector", []), ()),
    "a scalar": (success("scalar", [SECONDS, "3"]), ((3.0, {}),)),
    "an infinite value": (success("vector", [a_series("+Inf")]), ((float("inf"), {}),)),
    "a remark about the query": (
        success("vector", [a_series()], infos=["PromQL info: not a counter"], warnings=["PromQL warning: x"]),
        ((1.5, {}),),
    ),
}


@pytest.mark.parametrize(("body", "expected"), KNOWN.values(), ids=KNOWN)
def test_numbers_are_read(body: bytes, expected: tuple[tuple[float, dict[str, str]], ...]) -> None:
    samples = tuple(Sample(value=value, at=AT, labels=labels) for value, labels in expected)
    assert read_result(body) == Result(samples=samples)


UNKNOWN = {
    "no JSON": (b"<html>", "Prometheus did not answer in JSON"),
    "a list": (b"[]", "Prometheus did not answer with an object"),
    "nested too deep": (b"[" * 5000, "Prometheus did not answer in JSON"),
    "an error": (
        b'{"status":"error","errorType":"bad_data","error":"parse error:\\u001b[2J"}',
        "Prometheus says: bad_data: parse error: [2J",
    ),
    "an answer that is not whole": (
        success("vector", [a_series()], warnings=["store b is unreachable"]),
        "Prometheus warns that its answer may be incomplete: store b is unreachable",
    ),
    "a range": (success("matrix", []), "the query gives a matrix, not a number for each series"),
    "a string": (success("string", [SECONDS, "x"]), "the query gives a string, not a number for each series"),
    "a histogram": (
        success("vector", [{"metric": {}, "histogram": [SECONDS, {}]}]),
        "the query gives histograms, not numbers",
    ),
    "too many series": (
        success("vector", [a_series()] * (MAX_SAMPLES + 1)),
        "the query gives 1001 series, more than 1000: aggregate them",
    ),
    "no data": (b'{"status":"success"}', "the query gives a None, not a number for each series"),
    "a value that is no text": (success("scalar", [SECONDS, 3]), "Prometheus's answer cannot be understood"),
    "a value that is no number": (success("scalar", [SECONDS, "x"]), "Prometheus's answer cannot be understood"),
    "a time beyond all times": (success("scalar", [1e300, "1"]), "Prometheus's answer cannot be understood"),
}


@pytest.mark.parametrize(("body", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_everything_else_is_no_knowledge(body: bytes, why: str) -> None:
    assert read_result(body) == Unanswered(why=why)


@given(st.binary(max_size=200) | JSON.map(lambda body: json.dumps(body).encode()))
def test_no_body_raises(body: bytes) -> None:
    assert isinstance(read_result(body), Unanswered)


@given(kind=st.sampled_from(["vector", "scalar"]), result=JSON | st.lists(JSON))
def test_no_result_raises(kind: str, result: Any) -> None:
    assert isinstance(read_result(success(kind, result)), Result | Unanswered)
