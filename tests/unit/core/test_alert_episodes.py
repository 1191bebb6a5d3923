"""An alert that ends, and fires again under the same start: what is late, and what is a new episode (DESIGN 3.4)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.core import alert_episodes, record
from platelet.model.alert import Alert
from platelet.model.remediation import MAX_EVIDENCE
from platelet.model.signal import Evidence
from platelet.triggers import alert
from tests.unit.situations import NOW, a_signal, a_status, an_alert, evidence_of, minutes

STARTED, BACK = NOW - minutes(30), NOW - minutes(10)


def said(first_seen: timedelta | None = None, resolved: timedelta | None = None) -> Evidence:
    """What one delivery says, in time after the start."""
    return evidence_of(
        an_alert(),
        first_seen=STARTED + (first_seen or timedelta()),
        last_seen=NOW,
        resolved_at=STARTED + resolved if resolved is not None else None,
    )


# Each row: what is known, what is said, and whether it is firing afterwards.
EPISODES = {
    "a late firing of what has ended": (said(resolved=minutes(10)), said(), False),
    "a second end": (said(resolved=minutes(10)), said(resolved=minutes(12)), False),
    "seen to fire again after its end": (said(resolved=minutes(10)), said(first_seen=minutes(20)), True),
    "the late end of the episode before": (said(first_seen=minutes(20)), said(resolved=minutes(10)), True),
    "the end of the new episode": (said(first_seen=minutes(20)), said(resolved=minutes(25)), False),
}


@pytest.mark.parametrize(("known", "fact", "fires"), EPISODES.values(), ids=EPISODES)
def test_whether_it_fires_then(known: Evidence, fact: Evidence, *, fires: bool) -> None:
    (merged,) = record.merge_evidence(a_status(evidence=(known,)), fact).evidence
    assert (merged.resolved_at is None) == fires


def test_a_new_episode_counts_from_its_own_beginning() -> None:
    """What was verified before it proves nothing about it."""
    known, back = said(resolved=minutes(10)), said(first_seen=minutes(20))
    (merged,) = record.merge_evidence(a_status(evidence=(known,)), back).evidence
    assert (merged.first_seen, merged.count) == (BACK, known.count + 1)


def heard(start: str, end: str = "", at: str = "") -> Evidence:
    """What is told of one alert that began at `start`, by the clock of 12 o'clock: `12:00:05`, `12:00:05.123`."""
    began, over = (datetime.fromisoformat(f"2026-11-21T{clock}Z") if clock else None for clock in (start, end))
    assert began is not None
    heard_alert = Alert(
        fingerprint="00000000000000aa",
        status="resolved" if over else "firing",
        labels={"alertname": "Busy"},
        starts_at=began,
        ends_at=over,
    )
    return alert.as_evidence(heard_alert, datetime.fromisoformat(f"2026-11-21T{at or '12:20:00'}Z"))


# Each row: what is told of one alert, in this order, and the starts that are on record; those that still fire with a *.
STARTS = {
    "it fires again before its end was told": ([("12:00:00",), ("12:05:00",)], ["12:00:00", "12:05:00*"]),
    "and then the end of the second start is told": (
        [("12:00:00",), ("12:05:00",), ("12:05:00", "12:08:00")],
        ["12:00:00", "12:05:00"],
    ),
    "only the end of the second start is told": ([("12:00:00",), ("12:05:00", "12:08:00")], ["12:00:00"]),
    "and then, late, that the second start fired": (
        [("12:00:00",), ("12:05:00", "12:08:00"), ("12:05:00",)],
        ["12:00:00"],
    ),
    "the end of the first start, late": (
        [("12:00:00",), ("12:05:00",), ("12:00:00", "12:04:30")],
        ["12:00:00", "12:05:00*"],
    ),
    "the first start, late": ([("12:05:00",), ("12:00:00",)], ["12:05:00*"]),
    "another Prometheus saw it earlier, and its start is told in the end": (
        [("12:00:03",), ("12:00:00",), ("12:00:00", "12:08:00")],
        ["12:00:03"],
    ),
    "another Prometheus saw it later": (
        [("12:00:00",), ("12:00:03",), ("12:00:00",), ("12:00:00", "12:08:00")],
        ["12:00:00", "12:00:03"],
    ),
    "nanoseconds, then milliseconds": ([("12:00:00.123456",), ("12:00:00.123",)], ["12:00:00.123000*"]),
    "milliseconds, then nanoseconds": ([("12:00:00.123",), ("12:00:00.123999",)], ["12:00:00.123000*"]),
    "milliseconds, then seconds": ([("12:00:00.900",), ("12:00:00",)], ["12:00:00.900000*"]),
    "seconds, then milliseconds": ([("12:00:00",), ("12:00:00.900",)], ["12:00:00*"]),
    "rounded, not cut off": ([("12:00:00.9996",), ("12:00:01",)], ["12:00:00.999000*"]),
    "a start at each evaluation": (
        [(f"12:{minute:02}:00",) for minute in range(4)],
        ["12:00:00", "12:01:00", "12:02:00", "12:03:00*"],
    ),
    "both ends, and a late start between": (
        [("12:00:00",), ("12:00:00", "12:04:00"), ("12:05:00", "12:08:00"), ("12:05:00",), ("12:00:00",)],
        ["12:00:00", "12:05:00"],
    ),
}


@pytest.mark.parametrize(("episodes", "on_record"), STARTS.values(), ids=STARTS)
def test_an_alert_is_its_labels_whatever_its_starts(episodes: list[tuple[str, ...]], on_record: list[str]) -> None:
    """Alertmanager tells no end for a start whose successor came within a group_interval."""
    status = a_status(evidence=())
    for episode in episodes:
        status = record.merge_evidence(status, heard(*episode))
    starts = [fact.fingerprint.partition("T")[2].removesuffix("Z") for fact in status.evidence]
    fires = [fact.resolved_at is None for fact in status.evidence]
    assert [start + "*" * firing for start, firing in zip(starts, fires, strict=True)] == on_record


@given(st.permutations([("12:00:00",), ("12:00:00",), ("12:05:00",), ("12:05:00", "12:08:00")]))
def test_in_any_order_an_end_ends_all_that_began_before_it(episodes: list[tuple[str, ...]]) -> None:
    status = a_status(evidence=())
    for episode in episodes:
        status = record.merge_evidence(status, heard(*episode))
    assert not any(fact.resolved_at is None for fact in status.evidence)


def test_a_start_at_each_evaluation_never_fills_the_record() -> None:
    """What is over makes room; what fires is never dropped."""
    status = a_status(evidence=())
    for minute in range(50):
        status = record.merge_evidence(status, heard(f"12:{minute:02}:00", at="13:00:00"))
    assert [fact.resolved_at is None for fact in status.evidence] == [False] * (MAX_EVIDENCE - 1) + [True]


# Each row: the starts that are absent in Alertmanager; what fires then: 12:00, 12:05, and one of other labels.
ABSENT = {
    "the newer one": (["00000000000000aa/2026-11-21T12:05:00Z"], [False, False, True]),
    "only the older one: the newer came since": (["00000000000000aa/2026-11-21T12:00:00Z"], [False, True, True]),
    "at another precision": (["00000000000000aa/2026-11-21T12:05:00.400Z"], [False, False, True]),
    "something else": (["00000000000000bb/2026-11-21T12:05:00Z"], [True, True, True]),
}


@pytest.mark.parametrize(("absent", "firing"), ABSENT.values(), ids=ABSENT)
def test_what_is_absent_ends_its_earlier_starts(absent: list[str], firing: list[bool]) -> None:
    others = replace(heard("12:05:00"), fingerprint="00000000000000cc/2026-11-21T12:05:00Z")
    status = a_status(evidence=(heard("12:00:00"), heard("12:05:00"), others))  # as an older version has left it
    ended = record.end_evidence(status, alert_episodes.by_labels(absent), NOW)
    assert [fact.resolved_at is None for fact in ended.evidence] == firing


EARLIER = NOW - minutes(3)
SUPPRESSIONS = {
    "it is silenced": (None, {"f00d"}, set(), NOW),
    "it is still silenced": (EARLIER, {"f00d"}, set(), EARLIER),
    "it is active again": (EARLIER, set(), {"f00d"}, None),
    "it is in no answer: gone, maybe": (EARLIER, set(), set(), EARLIER),
    "another one is silenced": (None, {"beef"}, {"f00d"}, None),
}


@pytest.mark.parametrize(("before", "suppressed", "active", "after"), SUPPRESSIONS.values(), ids=SUPPRESSIONS)
def test_since_when_an_alert_is_suppressed(
    before: datetime | None, suppressed: set[str], active: set[str], after: datetime | None
) -> None:
    """Neither firing for us nor resolved (TRAPS 20)."""
    fact = replace(said(), fingerprint="f00d/2026-11-21T11:30:00Z", suppressed_at=before)
    (merged,) = record.suppress(a_status(evidence=(fact,)), suppressed, active, NOW).evidence
    assert (merged.suppressed_at, merged.resolved_at) == (after, None)


def test_what_has_resolved_and_what_pods_show_cannot_be_silenced() -> None:
    status = a_status(evidence=(evidence_of(a_signal(), fingerprint="f00d"), said(resolved=minutes(10))))
    names = {record_of.fingerprint for record_of in status.evidence}
    assert record.suppress(status, names, (), NOW) == status


def test_a_new_episode_is_not_silenced_until_it_is_seen_so() -> None:
    known = replace(said(resolved=minutes(10)), suppressed_at=EARLIER)
    (merged,) = record.merge_evidence(a_status(evidence=(known,)), said(first_seen=minutes(20))).evidence
    assert merged.suppressed_at is None
