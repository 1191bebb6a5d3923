"""The target stays well for `stableFor` (TRAPS 39, 40)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.checks import is_well, stable, well_since
from platelet.model import reasons
from platelet.model.policy import Verification
from platelet.model.rules import Trial
from platelet.model.workload import Pod
from tests.unit.situations import (
    BAD,
    GOOD,
    NOW,
    a_container,
    a_pod,
    a_revision,
    a_signal,
    a_situation,
    a_well_workload,
    an_alert,
    an_attempt,
    minutes,
    seconds,
    verifying,
)

STABLE_FOR = minutes(1)
WRITTEN_AT = NOW - minutes(2)
COMPLETE_AT = NOW - seconds(90)
STARTED_AT = COMPLETE_AT - seconds(10)


def a_new_pod(name: str = "api-3-a", **changes: Any) -> Pod:
    """Build a ready pod that the attempt made, well since before the rollout was complete."""
    times: dict[str, Any] = {
        "created_at": STARTED_AT,
        "ready_changed_at": STARTED_AT,
        "containers": (a_container(started_at=STARTED_AT),),
    }
    return a_pod(name, **(times | changes))


PODS = (a_new_pod("api-3-a"), a_new_pod("api-3-b"))


def trial(*pods: Pod, complete_at: Any = COMPLETE_AT, verification: Any = None, **changes: Any) -> Trial:
    """Build the verification of an undo whose rollout has been complete for 90 s."""
    situation = a_situation(
        **(
            {
                "workload": a_well_workload(),
                "revisions": (a_revision(3, GOOD, replicas=2), a_revision(2, BAD)),
                "pods": pods or PODS,
                "signals": (),
            }
            | changes
        )
    )
    return Trial(
        situation=situation,
        verification=verification or Verification(stable_for=STABLE_FOR),
        verifying=verifying(WRITTEN_AT, complete_at),
        attempt=an_attempt(intended_at=WRITTEN_AT),
    )


SCALED_TO_ZERO = a_well_workload(replicas=0, status_replicas=0, updated_replicas=0, available_replicas=0)
DONE_INIT = a_container(name="init", state="terminated", exit_code=0, started_at=STARTED_AT, finished_at=STARTED_AT)

RECOVERED = {
    "well since before the rollout was complete": trial(),
    "well for exactly stableFor": trial(complete_at=NOW - STABLE_FOR),
    "a pod that is being deleted does not count": trial(*PODS, a_pod("api-2-x", ready=False, deleting=True)),
    "a pod that was evicted does not count": trial(*PODS, a_pod("api-3-x", ready=False, phase="Failed")),
    "an init container that has ended": trial(
        a_new_pod("api-3-a", containers=(DONE_INIT, a_container(started_at=STARTED_AT))), PODS[1]
    ),
    "a restart that was long enough ago": trial(
        a_new_pod("api-3-a", containers=(a_container(restarts=1, started_at=NOW - STABLE_FOR),)), PODS[1]
    ),
    "an alert still fires, which another check judges": trial(signals=(an_alert(),)),
    "an alert names the new pods, which another check judges": trial(signals=(an_alert(pods=("api-3-a",)),)),
    "a pod signal is not old enough to hold": trial(signals=(a_signal(holds_at=NOW + seconds(1)),)),
    "a signal of the new pods is not old enough to hold": trial(
        signals=(a_signal(pods=("api-3-a",), holds_at=NOW + seconds(1)),)
    ),
    "stableFor is longer than the timeout, and over": trial(
        *(
            a_new_pod(
                name,
                created_at=NOW - minutes(10),
                ready_changed_at=NOW - minutes(10),
                containers=(a_container(started_at=NOW - minutes(10)),),
            )
            for name in ("api-3-a", "api-3-b")
        ),
        complete_at=NOW - minutes(9),
        verification=Verification(stable_for=minutes(9), timeout=minutes(5)),
    ),
}


@pytest.mark.parametrize("looked_at", RECOVERED.values(), ids=RECOVERED)
def test_recovered(looked_at: Trial) -> None:
    """Ready, complete and quiet for stableFor."""
    verdict = stable.check(looked_at, NOW)
    assert (verdict.outcome, verdict.reason) == ("Recovered", reasons.STABLE)


def restarted(ago: float, **changes: Any) -> Pod:
    return a_new_pod("api-3-a", containers=(a_container(restarts=1, started_at=NOW - seconds(ago), **changes),))


DEADLINE = COMPLETE_AT + minutes(5)
PENDING = {
    "the rollout was complete a moment ago": (trial(complete_at=NOW - seconds(59)), NOW + seconds(1)),
    "a container started again after it": (trial(restarted(20), PODS[1]), NOW + seconds(40)),
    "a container ended after it, and its start is not said": (
        trial(
            a_new_pod("api-3-a", containers=(a_container(started_at=None, last_finished_at=NOW - seconds(20)),)),
            PODS[1],
        ),
        NOW + seconds(40),
    ),
    "a pod was replaced after it": (
        trial(
            a_new_pod(
                "api-3-c",
                created_at=NOW - seconds(20),
                ready_changed_at=None,
                containers=(a_container(started_at=None),),
            ),
            PODS[1],
        ),
        NOW + seconds(40),
    ),
    "a pod became ready again after it": (
        trial(a_new_pod("api-3-a", ready_changed_at=NOW - seconds(20)), PODS[1]),
        NOW + seconds(40),
    ),
    "a pod is not ready": (trial(a_new_pod("api-3-a", ready=False), PODS[1]), DEADLINE),
    "a pod is missing": (trial(PODS[0]), DEADLINE),
    "a pod that is being deleted does not stand in for a missing one": (
        trial(PODS[0], a_new_pod("api-3-b", deleting=True)),
        DEADLINE,
    ),
    "not all are available": (trial(workload=a_well_workload(available_replicas=1)), DEADLINE),
    "people switched it off": (trial(workload=SCALED_TO_ZERO), DEADLINE),
    "the rollout is not complete": (trial(complete_at=None), None),
    "a pod from before the attempt is still sick": (
        trial(
            a_new_pod("api-3-a", created_at=WRITTEN_AT - seconds(1)),
            PODS[1],
            signals=(a_signal(pods=("api-3-a",)),),
        ),
        DEADLINE,
    ),
    "a pod that the attempt made was sick, and is being deleted": (
        trial(*PODS, a_new_pod("api-3-x", ready=False, deleting=True), signals=(a_signal(pods=("api-3-x",)),)),
        DEADLINE,
    ),
    "a signal that names no pod that is left": (trial(signals=(a_signal(pods=("api-2-a",)),)), DEADLINE),
}


@pytest.mark.parametrize(("looked_at", "retry_at"), PENDING.values(), ids=PENDING)
def test_pending(looked_at: Trial, retry_at: Any) -> None:
    """Asked again when it may be stable, or when the timeout is over."""
    verdict = stable.check(looked_at, NOW)
    assert (verdict.outcome, verdict.retry_at) == ("Pending", retry_at)


NEVER_WELL = {name: looked_at for name, (looked_at, retry_at) in PENDING.items() if retry_at == DEADLINE}


@pytest.mark.parametrize("looked_at", NEVER_WELL.values(), ids=NEVER_WELL)
def test_failed_when_not_well_at_the_timeout(looked_at: Trial) -> None:
    """The timeout runs again from the complete rollout."""
    assert stable.check(looked_at, DEADLINE - seconds(1)).outcome == "Pending"
    verdict = stable.check(looked_at, DEADLINE)
    assert (verdict.outcome, verdict.reason) == ("Failed", reasons.NOT_STABLE)


def test_a_time_in_the_future_is_no_failure() -> None:
    """A node's clock leads: what is not known goes to people, and never to the next step."""
    ahead = a_new_pod("api-3-a", node="node-7", ready_changed_at=DEADLINE + minutes(9))
    verdict = stable.check(trial(ahead, PODS[1]), DEADLINE)
    assert (verdict.outcome, verdict.reason) == ("Inconclusive", reasons.NOT_STABLE)
    assert "node-7" in verdict.message


def test_a_time_of_the_future_that_was_first_seen_late_is_given_its_time() -> None:
    """The operator has just started, so it has known for a moment only that the pod is well."""
    late = a_new_pod("api-3-a", ready_changed_at=DEADLINE - seconds(20), clock_leads=True)
    verdict = stable.check(trial(late, PODS[1]), DEADLINE)
    assert (verdict.outcome, verdict.retry_at) == ("Pending", DEADLINE + seconds(40))
    assert stable.check(trial(late, PODS[1]), DEADLINE + seconds(40)).outcome == "Recovered"
    sick = a_new_pod("api-3-a", ready=False, clock_leads=True)
    assert stable.check(trial(sick, PODS[1]), DEADLINE).outcome == "Failed"


def test_a_stable_time_that_begins_late_does_not_extend_the_timeout() -> None:
    """A container that restarts every 50 s never becomes stable, and is not awaited for ever."""
    late = trial(complete_at=NOW - minutes(5), verification=Verification(stable_for=STABLE_FOR))
    pods = (restarted(50), PODS[1])
    situation = a_situation(workload=a_well_workload(), pods=pods, signals=(), revisions=())
    looked_at = Trial(
        situation=situation, verification=late.verification, verifying=late.verifying, attempt=late.attempt
    )
    assert stable.check(looked_at, NOW).reason == reasons.NOT_STABLE


PERSISTING = {
    "a pod that the attempt made is sick": (PODS, a_signal(pods=("api-3-a",))),
    "the signal holds from this very moment": (PODS, a_signal(pods=("api-3-a",), holds_at=NOW)),
    "one of many pods": (PODS, a_signal(pods=("api-2-a", "api-3-b"))),
    "a pod of the very second of the write": (
        (a_new_pod("api-3-a", created_at=WRITTEN_AT.replace(microsecond=0)), PODS[1]),
        a_signal(pods=("api-3-a",)),
    ),
}


@pytest.mark.parametrize(("pods", "signal"), PERSISTING.values(), ids=PERSISTING)
def test_failed_at_once_when_the_new_pods_are_sick(pods: tuple[Pod, ...], signal: Any) -> None:
    """The remedy's own pods show the fault: waiting until the timeout tells nothing new."""
    verdict = stable.check(trial(*pods, signals=(signal,)), NOW)
    assert (verdict.outcome, verdict.reason) == ("Failed", reasons.SIGNAL_PERSISTS)
    assert "CrashLoopBackOff" in verdict.message


def test_a_signal_of_old_pods_that_holds_from_this_very_moment_is_awaited() -> None:
    """The boundary belongs to the signal."""
    looked_at = trial(signals=(a_signal(pods=("api-2-a",), holds_at=NOW),))
    assert stable.check(looked_at, NOW).outcome == "Pending"


def test_says_since_when_all_is_well() -> None:
    """The later of the complete rollout and the last change."""
    assert stable.check(trial(), NOW).message == "all 2 pods ready without a restart since 2026-11-21T11:58:30Z"


def test_a_workload_that_is_gone_is_not_stable() -> None:
    """Neither recovered nor failed."""
    assert stable.check(trial(workload=None), NOW).outcome == "Pending"


def test_well_since_tells_the_last_change() -> None:
    """The proof of health counts from the last start, end or change of readiness."""
    sets = (a_revision(3, GOOD, replicas=2),)
    assert well_since(a_well_workload(), sets, PODS) == STARTED_AT
    assert well_since(a_well_workload(), sets, (restarted(20), PODS[1])) == NOW - seconds(20)
    assert is_well(a_well_workload(), sets, PODS)


def test_a_surplus_pod_is_looked_at_too() -> None:
    """As many are ready as are wanted, and one more is not: which of them is taken away, nobody knows."""
    assert well_since(a_well_workload(), (), PODS) is not None
    assert well_since(a_well_workload(), (), (*PODS, a_new_pod("api-3-c", ready=False))) is None


def test_a_crash_loop_whose_rollout_is_complete_is_not_well() -> None:
    """Rollout complete is not health (TRAPS 39)."""
    assert not is_well(a_well_workload(available_replicas=0), (), PODS)
    assert well_since(a_well_workload(), (), (a_new_pod("api-3-a", ready=False), PODS[1])) is None


AGES = st.lists(st.integers(0, 300), min_size=2, max_size=2)


@given(ages=AGES, complete=st.integers(0, 300), stable_for=st.integers(1, 200))
def test_never_recovered_within_stable_for_of_a_start(ages: list[int], complete: int, stable_for: int) -> None:
    """Whatever the times: recovery needs every container's start, and the completion, to be stableFor ago."""
    pods = [
        a_new_pod(name, containers=(a_container(started_at=NOW - seconds(age)),))
        for name, age in zip(("api-3-a", "api-3-b"), ages, strict=True)
    ]
    looked_at = trial(
        *pods, complete_at=NOW - seconds(complete), verification=Verification(stable_for=seconds(stable_for))
    )
    recovered = stable.check(looked_at, NOW).outcome == "Recovered"
    # The builder's pods became ready 100 s ago.
    assert recovered == (min(*ages, complete, 100) >= stable_for)
