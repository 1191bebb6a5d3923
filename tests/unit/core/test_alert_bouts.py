"""An alert that ends, and fires again under the same start: what is late, and what is a new bout (DESIGN 3.4)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from platelet.core import record
from platelet.model.signal import Evidence
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
BOUTS = {
    "a late firing of what has ended": (said(resolved=minutes(10)), said(), False),
    "a second end": (said(resolved=minutes(10)), said(resolved=minutes(12)), False),
    "seen to fire again after its end": (said(resolved=minutes(10)), said(first_seen=minutes(20)), True),
    "the late end of the bout before": (said(first_seen=minutes(20)), said(resolved=minutes(10)), True),
    "the end of the new bout": (said(first_seen=minutes(20)), said(resolved=minutes(25)), False),
}


@pytest.mark.parametrize(("known", "fact", "fires"), BOUTS.values(), ids=BOUTS)
def test_whether_it_fires_then(known: Evidence, fact: Evidence, *, fires: bool) -> None:
    (merged,) = record.merge_evidence(a_status(evidence=(known,)), fact).evidence
    assert (merged.resolved_at is None) == fires


def test_a_new_bout_counts_from_its_own_beginning() -> None:
    """What was verified before it proves nothing about it."""
    known, back = said(resolved=minutes(10)), said(first_seen=minutes(20))
    (merged,) = record.merge_evidence(a_status(evidence=(known,)), back).evidence
    assert (merged.first_seen, merged.count) == (BACK, known.count + 1)


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
    (found,) = record.suppress(a_status(evidence=(fact,)), suppressed, active, NOW).evidence
    assert (found.suppressed_at, found.resolved_at) == (after, None)


def test_what_has_resolved_and_what_pods_show_cannot_be_silenced() -> None:
    status = a_status(evidence=(evidence_of(a_signal(), fingerprint="f00d"), said(resolved=minutes(10))))
    names = {record_of.fingerprint for record_of in status.evidence}
    assert record.suppress(status, names, (), NOW) == status


def test_a_new_bout_is_not_silenced_until_it_is_seen_so() -> None:
    known = replace(said(resolved=minutes(10)), suppressed_at=EARLIER)
    (merged,) = record.merge_evidence(a_status(evidence=(known,)), said(first_seen=minutes(20))).evidence
    assert merged.suppressed_at is None
