"""The bench's table, and how it counts requests; its figures are nobody's claim."""

import json
from pathlib import Path

import pytest

from tests.bench import requests, table
from tests.bench.pair import Pair
from tests.bench.requests import RequestLog
from tests.bench.table import Line

LINES: dict[str, tuple[Line, tuple[str, ...]]] = {
    "milliseconds of both": (Line("heal", Pair(0.05, 0.55), "<= 2x"), ("heal", "50 ms", "550 ms", "11.0x", "<= 2x")),
    "seconds": (Line("burst", Pair(18.0, 501.0), "<= 2x"), ("burst", "18.0 s", "501.0 s", "27.8x", "<= 2x")),
    "a share of a core": (
        Line("wait", Pair(0.01, 0.57), "-", table.share),
        ("wait", "1.0% of a core", "57.0% of a core", "57.0x", "-"),
    ),
    "a nought in Go": (Line("wait", Pair(0.0, 35.2), "-", table.per_second), ("wait", "0.0/s", "35.2/s", "-", "-")),
    "requests": (
        Line("until Closed", Pair(6, 1498), "<= 40", table.count),
        ("until Closed", "6", "1,498", "249.7x", "<= 40"),
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_says_what_was_measured_and_its_ratio(name: str) -> None:
    line, cells = LINES[name]
    assert line.cells() == cells


def test_a_table_has_a_head_and_even_columns() -> None:
    rows = table.render([line for line, _ in LINES.values()]).splitlines()
    assert [len(row) for row in rows] == [len(rows[0])] * (2 + len(LINES))
    assert rows[0].split("|")[1].strip() == "work"


def test_a_breakdown_has_every_kind_of_request_of_either() -> None:
    rows = table.breakdown(Pair({"get pods": 1}, {"get pods": 2, "list pods": 2.5})).splitlines()
    assert [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]] == [
        ["list pods", "0", "2.5"],
        ["get pods", "1", "2"],
    ]


def entry(user: str, verb: str, resource: str, subresource: str = "", agent: str = "x") -> str:
    """One line of an audit log."""
    return json.dumps(
        {
            "verb": verb,
            "objectRef": {"resource": resource, "subresource": subresource, "name": "api"},
            "user": {"username": user},
            "userAgent": agent,
            "requestReceivedTimestamp": "2026-11-21T09:00:00.1Z",
            "stageTimestamp": "2026-11-21T09:00:00.2Z",
        },
        separators=(",", ":"),
    )


def test_only_the_contenders_and_the_crashes_are_read_and_a_line_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text(entry("platelet", "get", "pods") + "\n")
    log = RequestLog(path)
    first, second = entry("platelet", "list", "pods"), entry("baseline", "patch", "deployments")
    with path.open("a") as written:
        written.write(first + "\n" + entry("alice", "list", "pods") + "\n" + second[:40])
        written.flush()
        assert [event.verb for event in log.since(0)] == ["list"]
        mark = log.mark()
        written.write(second[40:] + "\n" + entry("admin", "patch", "pods", "status", requests.CRASH) + "\n")
        written.flush()
        assert [event.user for event in log.since(mark)] == ["baseline", "admin"]
        assert [event.user for event in log.since(0, "platelet")] == ["platelet"]


def test_watches_and_leases_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.touch()
    log = RequestLog(path)
    asked = [("watch", "pods", ""), ("update", "leases", ""), ("get", "pods", ""), ("update", "budgets", "status")]
    path.write_text("".join(entry("platelet", *request) + "\n" for request in asked))
    assert requests.by_kind(log.since(0)) == {"get pods": 1, "update budgets/status": 1}


def test_what_does_not_come_is_said(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.touch()
    with pytest.raises(TimeoutError, match="waited 0 s for the patch: 0 of 1"):
        RequestLog(path).until("the patch", 0, lambda event: event.verb == "patch", seconds=0)
