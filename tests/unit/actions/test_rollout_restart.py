"""rolloutRestart: the stamp that it pins."""

from datetime import timedelta

import pytest

from platelet import changes
from platelet.actions import rollout_undo
from platelet.actions.rollout_restart import RolloutRestart, plan
from platelet.changes import restart_stamp
from platelet.model import reasons
from platelet.model.intent import RESTART_STAMP
from platelet.model.verdict import Plan, Refusal
from platelet.model.workload import Workload
from tests.unit.situations import NOW, a_daemon_set, a_situation, a_stateful_set, a_workload

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
    assert planned.changes == (restart_stamp.at(stamp),)
    assert stamp != before


def test_writes_nothing_but_the_stamp() -> None:
    """Template and replicas are left alone."""
    planned = plan(RolloutRestart(), a_situation(), NOW)
    assert isinstance(planned, Plan)
    assert [set(change.meant) for change in planned.changes] == [{RESTART_STAMP}]
    assert planned.revert is None


def test_a_workload_that_is_gone_is_not_restarted() -> None:
    """Nothing to restart is a refusal, not an error."""
    refused = plan(RolloutRestart(), a_situation(workload=None), NOW)
    assert isinstance(refused, Refusal)
    assert refused.reason == reasons.TARGET_GONE


HELD = {
    "OnDelete": (a_stateful_set(on_delete=True), "set RollingUpdate"),
    "OnDelete of a DaemonSet": (a_daemon_set(on_delete=True), "set RollingUpdate"),
    "a partition of all": (a_stateful_set(partition=3), "rollingUpdate.partition"),
    "a partition of more than all": (a_stateful_set(partition=9), "rollingUpdate.partition"),
}


@pytest.mark.parametrize(("workload", "fix"), HELD.values(), ids=HELD)
def test_what_no_rollout_would_follow_is_refused_with_the_fix(workload: Workload, fix: str) -> None:
    """TRAPS 6: the stamp would be written, and no pod restarted. The undo asks the same."""
    for refused in (
        plan(RolloutRestart(), a_situation(workload=workload), NOW),
        rollout_undo.plan(rollout_undo.RolloutUndo(), a_situation(workload=workload), NOW),
    ):
        assert isinstance(refused, Refusal)
        assert refused.reason == reasons.ROLLOUT_HELD
        assert fix in refused.message


SWITCHED_OFF = {
    "a Deployment": (a_workload(replicas=0), "switched it off"),
    "a Deployment whose last pod still ends": (a_workload(replicas=0, status_replicas=1), "switched it off"),
    "a StatefulSet": (a_stateful_set(replicas=0), "switched it off"),
    "a DaemonSet that matches no node": (a_daemon_set(replicas=0), "no node should run its pod"),
    "one whose pods would be held back": (a_stateful_set(replicas=0, on_delete=True), "switched it off"),
}


@pytest.mark.parametrize(("workload", "why"), SWITCHED_OFF.values(), ids=SWITCHED_OFF)
def test_what_has_no_pods_is_neither_restarted_nor_undone(workload: Workload, why: str) -> None:
    """A new template would decide what starts in the morning. `scale` says the same."""
    for refused in (
        plan(RolloutRestart(), a_situation(workload=workload), NOW),
        rollout_undo.plan(rollout_undo.RolloutUndo(), a_situation(workload=workload), NOW),
    ):
        assert isinstance(refused, Refusal)
        assert refused.reason == reasons.SCALED_TO_ZERO
        assert why in refused.message


def test_a_partition_that_holds_back_some_is_said() -> None:
    """The others are restarted; people see which are not."""
    planned = plan(RolloutRestart(), a_situation(workload=a_stateful_set(partition=2)), NOW)
    assert isinstance(planned, Plan)
    assert planned.summary.endswith("the first 2 of 3 pods are held back by its partition")


ORDERED = {
    "an ordered StatefulSet": (a_stateful_set(), True),
    "a parallel one": (a_stateful_set(ordered=False), False),
    "a DaemonSet": (a_daemon_set(), False),
    "a Deployment": (a_workload(), False),
}


@pytest.mark.parametrize(("workload", "pinned"), ORDERED.values(), ids=ORDERED)
def test_that_stuck_pods_are_replaced_is_pinned_where_pods_wait_for_one_another(
    workload: Workload, *, pinned: bool
) -> None:
    """Before anything is written, by the restart as by the undo."""
    for planned in (
        plan(RolloutRestart(), a_situation(workload=workload), NOW),
        rollout_undo.plan(rollout_undo.RolloutUndo(), a_situation(workload=workload), NOW),
    ):
        assert isinstance(planned, Plan)
        assert [changes.replaces_stuck_pods(change) for change in planned.changes] == [pinned]
