"""The rollout is complete, and what was written is still there (TRAPS 11, 14)."""

from dataclasses import replace
from typing import Any

import pytest

from platelet.checks import is_complete, rollout_complete
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.remediation import Attempt
from platelet.model.rules import Trial
from platelet.model.verdict import Verdict
from platelet.model.workload import Pod, Workload
from tests.unit.pins import restarted, scaled
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_daemon_set,
    a_pod,
    a_revision,
    a_situation,
    a_stateful_set,
    a_well_workload,
    an_attempt,
    minutes,
    seconds,
    verifying,
)

VERIFICATION = Verification()
NEWEST = a_revision(3, GOOD, replicas=2)


def trial(workload: Workload | None, attempt: Attempt | None = None, **clocks: Any) -> Trial:
    """Build the verification of an undo to the good template that was written a minute ago."""
    return Trial(
        situation=a_situation(workload=workload, revisions=(NEWEST, a_revision(2, BAD))),
        verification=VERIFICATION,
        verifying=verifying(**clocks),
        attempt=attempt or an_attempt(),
    )


INCOMPLETE = {
    "the controller has not seen the newest spec": a_well_workload(generation=3),
    "not all pods have the new template": a_well_workload(updated_replicas=1),
    "old pods are still there": a_well_workload(status_replicas=3),
    "not all new pods are available": a_well_workload(available_replicas=1),
    "one pod more than wanted": a_well_workload(updated_replicas=3, status_replicas=3, available_replicas=3),
    "its deadline is exceeded, which may be said of the release before": a_well_workload(
        available_replicas=1, conditions={"Progressing": ("False", "ProgressDeadlineExceeded")}
    ),
}


@pytest.mark.parametrize("workload", INCOMPLETE.values(), ids=INCOMPLETE)
def test_pending_while_incomplete(workload: Workload) -> None:
    """Asked again at the latest when the timeout is over."""
    verdict = rollout_complete.check(trial(workload), NOW)
    assert (verdict.outcome, verdict.reason) == ("Pending", reasons.ROLLOUT_INCOMPLETE)
    assert verdict.retry_at == NOW - minutes(1) + VERIFICATION.timeout
    assert "2 pods updated" in verdict.message


@pytest.mark.parametrize("workload", INCOMPLETE.values(), ids=INCOMPLETE)
def test_failed_when_incomplete_at_the_timeout(workload: Workload) -> None:
    """The timeout runs from the write; its last moment is already too late."""
    started_at = NOW - VERIFICATION.timeout
    assert rollout_complete.check(trial(workload, started_at=started_at + seconds(1)), NOW).outcome == "Pending"
    verdict = rollout_complete.check(trial(workload, started_at=started_at), NOW)
    assert (verdict.outcome, verdict.reason) == ("Failed", reasons.ROLLOUT_TIMED_OUT)
    assert "5m after the write" in verdict.message


def test_recovered_when_complete() -> None:
    """Complete is what this check is about; well is the next one's matter."""
    assert rollout_complete.check(trial(a_well_workload()), NOW).outcome == "Recovered"


def test_recovered_when_complete_even_after_the_timeout() -> None:
    """An operator that was away finds what happened meanwhile."""
    late = trial(a_well_workload(), started_at=NOW - minutes(60))
    assert rollout_complete.check(late, NOW).outcome == "Recovered"


def test_once_complete_it_stays_so() -> None:
    """A pod that fails later is not a rollout that timed out."""
    seen = trial(a_well_workload(available_replicas=0), started_at=NOW - minutes(60), complete_at=NOW - minutes(59))
    assert rollout_complete.check(seen, NOW).outcome == "Recovered"


def test_an_old_replica_set_with_replicas_is_not_complete() -> None:
    """The counts of the status may lag behind the ReplicaSets."""
    assert not is_complete(a_well_workload(), (NEWEST, a_revision(2, BAD, replicas=1)))
    assert is_complete(a_well_workload(), (NEWEST, a_revision(2, BAD)))
    assert is_complete(a_well_workload(), ())


BY_KIND: dict[str, tuple[Workload, bool]] = {  # kubectl's polymorphichelpers/rollout_status.go
    "a StatefulSet": (a_stateful_set(available_replicas=3), True),
    "a StatefulSet that its controller has not seen": (a_stateful_set(available_replicas=3, generation=3), False),
    "a StatefulSet with a pod that is not available": (a_stateful_set(available_replicas=2), False),
    "a StatefulSet with a pod of the old template": (a_stateful_set(available_replicas=3, updated_replicas=2), False),
    "a StatefulSet with a pod too many": (a_stateful_set(available_replicas=3, status_replicas=4), False),
    "a StatefulSet with the pods that its partition lets go": (
        a_stateful_set(available_replicas=3, updated_replicas=1, partition=2),
        True,
    ),
    "a StatefulSet short of what its partition lets go": (
        a_stateful_set(available_replicas=3, updated_replicas=1, partition=1),
        False,
    ),
    "a StatefulSet whose partition is beyond its replicas": (
        a_stateful_set(available_replicas=3, updated_replicas=0, partition=7),
        True,
    ),
    "a StatefulSet on delete, whatever its pods have": (
        a_stateful_set(available_replicas=3, updated_replicas=0, on_delete=True),
        True,
    ),
    "a DaemonSet": (a_daemon_set(available_replicas=3), True),
    "a DaemonSet with a node to go": (a_daemon_set(available_replicas=3, updated_replicas=2), False),
    "a DaemonSet with a pod that is not available": (a_daemon_set(available_replicas=2), False),
    "a DaemonSet on delete": (a_daemon_set(available_replicas=3, updated_replicas=0, on_delete=True), True),
}


@pytest.mark.parametrize(("workload", "complete"), BY_KIND.values(), ids=BY_KIND)
def test_complete_means_what_it_means_for_the_kind(workload: Workload, *, complete: bool) -> None:
    """Pods that no rollout replaces are not waited for."""
    held = (a_revision(3, GOOD, replicas=1), a_revision(2, BAD, replicas=workload.held_replicas))
    assert is_complete(workload, held) == complete


def test_a_workload_that_is_gone_is_not_judged() -> None:
    """Neither recovered nor failed."""
    assert rollout_complete.check(trial(None), NOW).outcome == "Inconclusive"


STAMP = "2026-11-21T11:59:00Z"
RESTARTED = an_attempt(action="rolloutRestart", changes=restarted(STAMP))


def a_scale(before: int, wanted: int) -> Attempt:
    attempt = an_attempt(action="scale", changes=scaled(wanted, before=before))
    return replace(attempt, pre=replace(attempt.pre, replicas=before))


REVERTED = {
    "the undo went back to the bad template": (a_well_workload(template_hash=BAD), an_attempt()),
    "the undo was followed by another template": (a_well_workload(template_hash="third"), an_attempt()),
    "the restart's stamp is gone": (a_well_workload(), RESTARTED),
    "the restart's stamp is an older one": (a_well_workload(restart_stamp="2026-11-20T00:00:00Z"), RESTARTED),
    "the restart's stamp cannot be read": (a_well_workload(restart_stamp="yesterday"), RESTARTED),
    "the scale-up went back": (a_well_workload(replicas=2), a_scale(2, 5)),
    "the scale-up went back in part": (a_well_workload(replicas=4), a_scale(2, 5)),
    "the scale-down went back": (a_well_workload(replicas=5), a_scale(5, 2)),
}


@pytest.mark.parametrize("complete_at", [None, NOW - seconds(5)], ids=["before", "after completion"])
@pytest.mark.parametrize(("workload", "attempt"), REVERTED.values(), ids=REVERTED)
def test_failed_when_others_took_it_back(workload: Workload, attempt: Attempt, complete_at: Any) -> None:
    """Two actors reverting each other: seen at once, before and after completion."""
    verdict = rollout_complete.check(trial(workload, attempt, complete_at=complete_at), NOW)
    assert (verdict.outcome, verdict.reason) == ("Failed", reasons.REVERTED_BY_OTHERS)


NOT_REVERTED = {
    "the undo is in place": (a_well_workload(), an_attempt()),
    "the undo is in place and was restarted": (a_well_workload(restart_stamp=STAMP), an_attempt()),
    "the restart is in place": (a_well_workload(restart_stamp=STAMP), RESTARTED),
    "someone restarted again": (a_well_workload(restart_stamp="2026-11-21T12:59:30+01:00"), RESTARTED),
    "the scale-up is in place": (a_well_workload(replicas=2), a_scale(1, 2)),
    "someone added more": (
        a_well_workload(replicas=7, status_replicas=7, updated_replicas=7, available_replicas=7),
        a_scale(2, 5),
    ),
    "the scale-down is in place": (a_well_workload(replicas=2), a_scale(5, 2)),
}


@pytest.mark.parametrize(("workload", "attempt"), NOT_REVERTED.values(), ids=NOT_REVERTED)
def test_what_goes_further_our_way_is_no_revert(workload: Workload, attempt: Attempt) -> None:
    """Only a step back is someone's objection."""
    assert rollout_complete.check(trial(workload, attempt), NOW).outcome == "Recovered"


OFF = a_well_workload(replicas=0, status_replicas=0, updated_replicas=0, available_replicas=0)
SWITCHED_OFF = an_attempt(changes=scaled(0), approved_by="ann", summary="off")


def switched_off(*pods: Pod) -> Verdict:
    """What is said once we have switched it off, while these pods are there."""
    seen = a_situation(workload=OFF, revisions=(a_revision(3, GOOD),), pods=pods)
    return rollout_complete.check(replace(trial(OFF, SWITCHED_OFF), situation=seen), NOW)


def test_what_the_attempt_has_switched_off_proves_nothing() -> None:
    """Whatever alerts say: people need not wait."""
    verdict = switched_off(a_pod(ready=False, phase="Failed"))
    assert (verdict.outcome, verdict.reason) == ("Inconclusive", reasons.SCALED_TO_ZERO)
    assert verdict.message.startswith("off at 2026-11-21T11:59:00Z, approved by ann: its last pod has ended")


def test_a_pod_that_has_not_ended_may_still_write() -> None:
    assert switched_off(a_pod(deleting=True)).outcome == "Pending"
