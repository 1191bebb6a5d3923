"""rolloutRestart: the stamp that it pins."""

from datetime import timedelta

import pytest

from platelet.actions.rollout_restart import RolloutRestart, plan
from platelet.model import reasons
from platelet.model.verdict import Plan, Refusal
from tests.unit.situations import NOW, a_situation, a_workload

STAMPS = {
    "no restart before": ("", timedelta(), "2026-11-21T12:00:00Z"),
    "fractions of a second are cut off": ("", timedelta(milliseconds=999), "2026-11-21T12:00:00Z"),
    "an older restart": ("2026-11-21T11:59:59Z", timedelta(), "2026-11-21T12:00:00Z"),
    "the same second twice takes the next one": ("2026-11-21T12:00:00Z", timedelta(), "2026-11-21T12:00:01Z"),
    "the same second with a fraction takes the next one": (
        "2026-11-21T12:00:00Z",
        timedelta(milliseconds=500),
        "2026-11-21T12:00:01Z",
    ),
    "kubectl's stamp of another time zone differs as text": (
        "2026-11-21T13:00:00+01:00",
        timedelta(),
        "2026-11-21T12:00:00Z",
    ),
}


@pytest.mark.parametrize(("before", "after_now", "stamp"), STAMPS.values(), ids=STAMPS)
def test_pins_a_stamp_that_changes_the_template(before: str, after_now: timedelta, stamp: str) -> None:
    """The stamp has whole seconds and always differs from the live one (TRAPS 7)."""
    planned = plan(RolloutRestart(), a_situation(workload=a_workload(restart_stamp=before)), NOW + after_now)
    assert isinstance(planned, Plan)
    assert planned.post.restart_stamp == stamp
    assert stamp != before


def test_writes_nothing_but_the_stamp() -> None:
    """Template and replicas are left alone."""
    planned = plan(RolloutRestart(), a_situation(), NOW)
    assert isinstance(planned, Plan)
    assert (planned.post.template_hash, planned.post.record, planned.post.replicas) == (None, None, None)
    assert planned.take_back is None


def test_a_workload_that_is_gone_is_not_restarted() -> None:
    """Nothing to restart is a refusal, not an error."""
    refused = plan(RolloutRestart(), a_situation(workload=None), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.TARGET_GONE
