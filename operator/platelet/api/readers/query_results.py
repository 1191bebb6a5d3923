"""The answer of Prometheus's GET or POST /api/v1/query. Whatever is not a plain answer is no knowledge."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from platelet.model.reading import Result, Sample, Unanswered

MAX_SAMPLES = 1000
_MAX_ERROR = 200
_ABOUT_THE_QUERY = ("PromQL info", "PromQL warning")  # other warnings say that the answer is not whole


def read_result(body: bytes) -> Result | Unanswered:
    """Read a body, also one that came with an error's status code. Never raises."""
    try:
        answer = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return Unanswered(why="Prometheus did not answer in JSON")
    if not isinstance(answer, dict):
        return Unanswered(why="Prometheus did not answer with an object")
    if answer.get("status") != "success":
        return Unanswered(why=f"Prometheus says: {_error(answer)}")
    partial = [text for text in _texts(answer.get("warnings")) if not text.startswith(_ABOUT_THE_QUERY)]
    if partial:
        return Unanswered(why=f"Prometheus warns that its answer may be incomplete: {_clean(partial[0])}")
    try:
        return _read_data(answer.get("data"))
    except (ValueError, TypeError, OverflowError):
        return Unanswered(why="Prometheus's answer cannot be understood")


def _read_data(data: object) -> Result | Unanswered:
    kind, raw = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    if kind == "scalar":
        return Result(samples=(_sample({}, raw),))
    if kind != "vector" or not isinstance(raw, list):
        return Unanswered(why=f"the query gives a {_clean(str(kind))}, not a number for each series")
    if len(raw) > MAX_SAMPLES:
        return Unanswered(why=f"the query gives {len(raw)} series, more than {MAX_SAMPLES}: aggregate them")
    if any(not isinstance(sample, dict) or "value" not in sample for sample in raw):
        return Unanswered(why="the query gives histograms, not numbers")
    return Result(samples=tuple(_sample(sample.get("metric"), sample["value"]) for sample in raw))


def _sample(labels: object, pair: Any) -> Sample:
    seconds, text = pair
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not isinstance(text, str):
        raise TypeError("a sample is a time and a text")
    if not isinstance(labels, Mapping) or not all(isinstance(value, str) for value in labels.values()):
        raise TypeError("labels are texts")
    if not math.isfinite(seconds):
        raise ValueError("a time is finite")
    return Sample(value=float(text), at=datetime.fromtimestamp(seconds, UTC), labels=dict(labels))


def _error(answer: Mapping[str, Any]) -> str:
    parts = [part for part in (answer.get("errorType"), answer.get("error")) if isinstance(part, str)]
    return _clean(": ".join(parts)) or "nothing that can be understood"


def _texts(value: object) -> list[str]:
    return [warning for warning in value if isinstance(warning, str)] if isinstance(value, list) else []


def _clean(text: str) -> str:
    """Shorten, and replace what could steer a terminal: it goes to people."""
    return "".join(char if char.isprintable() else " " for char in text[:_MAX_ERROR])
