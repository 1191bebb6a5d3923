"""The trigger on workloads: what the controller says, since when, and whose fault it is."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from platelet.model.signal import Signal
from platelet.model.workload import Pod, Workload
from platelet.triggers import workload
from tests.unit.situations import (
    BORN,
    NOW,
    RELEASED,
    a_container,
    a_daemon_set,
    a_pod,
    a_stateful_set,
    a_well_workload,
    a_workload,
    minutes,
    seconds,
)

A_MINUTE, LONG = minutes(1), minutes(6)
READ = TypeAdapter(workload.WorkloadTrigger)
STUCK = {"Progressing": ("False", "ProgressDeadlineExceeded"), "Available": ("True", "MinimumReplicasAvailable")}
DOWN = {"Progressing": ("True", "NewReplicaSetAvailable"), "Available": ("False", "MinimumReplicasUnavailable")}


def rule(*conditions: workload.WorkloadCondition, after: timedelta | None = None) -> workload.WorkloadTrigger:
    return workload.WorkloadTrigger(conditions=conditions or workload.CONDITIONS, for_=after)


def unready(name: str = "api-2-a", age: timedelta = LONG, **changes: Any) -> Pod:
    return a_pod(name, ready=False, ready_changed_at=NOW - age, **changes)


def a_stuck(age: timedelta = A_MINUTE, **changes: Any) -> Workload:
    """Build a Deployment whose controller gave up waiting so long ago; the old pods still serve."""
    facts: dict[str, Any] = {"conditions": STUCK, "condition_times": {"Progressing": NOW - age}, "updated_replicas": 1}
    return a_well_workload(**(facts | changes))


def a_refused(age: timedelta = A_MINUTE, **changes: Any) -> Workload:
    """Build a Deployment whose new pods have all been refused for so long; the old pods still serve."""
    facts: dict[str, Any] = {
        "conditions": {"Progressing": ("True", "ReplicaSetUpdated"), "ReplicaFailure": ("True", "FailedCreate")},
        "condition_times": {"ReplicaFailure": NOW - age},
        "cannot_create": "exceeded quota: team",
        "updated_replicas": 0,
    }
    return a_well_workload(**(facts | changes))


def starting(name: str = "api-2-a", **changes: Any) -> Pod:
    """Build a pod whose startup probe has not passed for six minutes."""
    return unready(name, created_at=NOW - LONG, containers=(a_container(ready=False, started=False),), **changes)


def initializing(name: str = "api-2-a", created_at: datetime = NOW - LONG) -> Pod:
    """Build a pod whose init container has been running for six minutes."""
    init = a_container(name="migrate", ready=False, init=True)
    return unready(name, created_at=created_at, phase="Pending", containers=(init,))


def observe(trigger: workload.WorkloadTrigger, seen: Workload, *pods: Pod, **known: Any) -> Signal | None:
    return workload.observe(trigger, seen, pods, "pth-2", NOW, **known)


@pytest.mark.parametrize(
    ("trigger", "seen", "pods", "reason"),
    [
        pytest.param(rule(), a_stuck(), (unready(),), "RolloutStuck", id="past its progress deadline"),
        pytest.param(rule("RolloutStuck"), a_workload(conditions=DOWN), (unready(),), None, id="complete, and down"),
        pytest.param(
            rule("RolloutStuck"),
            a_stuck(conditions={"Progressing": ("False", "FailedCreate")}),
            (),
            None,
            id="not progressing for another reason",
        ),
        pytest.param(
            rule("RolloutStuck", after=minutes(2)), a_stuck(), (), None, id="not for as long as the policy asks"
        ),
        pytest.param(rule(), a_stuck(paused=True), (unready(),), None, id="paused by people"),
        pytest.param(rule(), a_stuck(deleting=True), (unready(),), None, id="being deleted"),
        pytest.param(rule(), a_workload(), (unready(), unready("b")), "ReplicasUnavailable", id="down for 6 minutes"),
        pytest.param(
            rule(), a_workload(available_replicas=1), (unready(), a_pod("b")), "ReplicasUnavailable", id="one of two"
        ),
        pytest.param(rule(), a_workload(), (unready(age=minutes(4)),) * 2, None, id="down for 4 minutes"),
        pytest.param(rule(), a_workload(replicas=0), (), None, id="switched off"),
        pytest.param(rule(), a_well_workload(), (a_pod(),), None, id="well"),
        pytest.param(
            rule(), a_workload(available_replicas=1), (a_pod(), a_pod("b")), None, id="all ready, one just became so"
        ),
        pytest.param(rule(), a_stuck(available_replicas=0), (unready(),), "RolloutStuck", id="stuck names it first"),
        pytest.param(rule("RolloutStuck"), a_refused(), (), "RolloutStuck", id="each new pod is refused"),
        pytest.param(rule("RolloutStuck"), a_refused(seconds(59)), (), None, id="refused for a moment"),
        pytest.param(
            rule("RolloutStuck"), a_refused(), (a_pod(deleting=True),), None, id="refused, and room is being made"
        ),
        pytest.param(rule("RolloutStuck"), a_refused(updated_replicas=1), (), None, id="some new pods are made"),
        pytest.param(rule("RolloutStuck"), a_refused(paused=True), (), None, id="refused, and paused by people"),
        pytest.param(rule(), a_workload(), (starting(), starting("b")), None, id="its pods start for the first time"),
        pytest.param(
            rule(), a_workload(), (initializing(), initializing("b")), None, id="their init containers still run"
        ),
        pytest.param(
            rule(),
            a_workload(progress_deadline=minutes(5)),
            (initializing(), initializing("b")),
            "ReplicasUnavailable",
            id="an init container runs for longer than a rollout may stand still",
        ),
        pytest.param(
            rule(),
            a_workload(progress_deadline=seconds(2**31 - 1)),
            (initializing(created_at=BORN), initializing("b", created_at=BORN)),
            "ReplicasUnavailable",
            id="an init container hangs, and the rollout has no deadline",
        ),
        pytest.param(
            rule(), a_workload(), (starting(), unready("b")), "ReplicasUnavailable", id="one starts, one is sick"
        ),
        pytest.param(
            rule(), a_stuck(available_replicas=0), (starting(),), "RolloutStuck", id="a start beyond the deadline"
        ),
    ],
)
def test_what_a_workload_shows(
    trigger: workload.WorkloadTrigger, seen: Workload, pods: tuple[Pod, ...], reason: str | None
) -> None:
    """The reason and the fingerprint; a rollout's usual unavailability is none."""
    signal = observe(trigger, seen, *pods)
    assert (signal.reason if signal else None) == reason
    assert (signal.fingerprint if signal else None) == (f"workload/{reason}" if reason else None)


@pytest.mark.parametrize(
    ("seen", "pods", "since"),
    [
        pytest.param(a_stuck(minutes(3)), (unready(),), NOW - minutes(3), id="stuck: the condition's transition"),
        pytest.param(
            a_workload(), (unready(), unready("b", minutes(9))), NOW - minutes(9), id="down: the oldest unready pod"
        ),
        pytest.param(
            a_workload(conditions=DOWN, condition_times={"Available": NOW - minutes(20)}),
            (unready(age=minutes(6)),),
            NOW - minutes(20),
            id="down: the condition, where pods are made anew again and again",
        ),
        pytest.param(
            a_workload(conditions=DOWN, condition_times={"Available": NOW - minutes(20)}),
            (),
            NOW - minutes(20),
            id="down: the condition, where there is no pod at all",
        ),
        pytest.param(
            a_workload(),
            (a_pod(ready=False, ready_changed_at=None, created_at=RELEASED - minutes(1)),),
            RELEASED - minutes(1),
            id="down: a pod that was never ready, since it was made",
        ),
    ],
)
def test_since_when_is_what_the_api_tells(seen: Workload, pods: tuple[Pod, ...], since: datetime) -> None:
    """Whoever asks, and however often it was restarted: the same answer."""
    signal = observe(rule(), seen, *pods)
    assert signal is not None
    assert signal.since == since


def test_the_message_tells_what_a_pod_waits_for() -> None:
    """People need not look for the image."""
    stuck = a_container(ready=False, state="waiting", reason="ErrImagePull", image="registry.example/api:v9")
    signal = observe(rule(), a_stuck(), unready("api-2-a"), unready("api-2-b", containers=(stuck,)))
    assert signal is not None
    assert signal.message.endswith("; api-2-b: container app waits: ErrImagePull of registry.example/api:v9")


def test_a_controller_whose_clock_leads_is_believed_now() -> None:
    """What it says to have happened in the future is there."""
    signal = observe(rule(), a_stuck(age=-minutes(9)), unready())
    assert signal is not None
    assert signal.since == signal.holds_at == NOW


def test_pods_that_are_missing_carry_no_time_so_the_remediation_opens_early_and_remembers() -> None:
    """A quota, an admission webhook: nothing says since when."""
    short = a_workload(available_replicas=1, conditions={})
    assert observe(rule(), short, a_pod(), seen_since=NOW - seconds(59)) is None
    young = observe(rule(), short, a_pod(), seen_since=NOW - seconds(60))
    assert young is not None
    assert (young.since, young.holds_at) == (NOW - seconds(60), NOW + minutes(4))
    assert "1 of 2 pods are available, 1 are missing" in young.message
    held = observe(rule(), short, a_pod(), seen_since=NOW - minutes(5))
    assert held is not None
    assert held.holds_at <= NOW
    assert not held.newest_only  # no sick pod says whose fault it is


@pytest.mark.parametrize(
    ("pods", "newest"),
    [
        pytest.param((unready(), a_pod("b", revision_hash="pth-1")), True, id="the sick ones are of the newest"),
        pytest.param((unready(), unready("b", revision_hash="pth-1")), False, id="an older one is sick, too"),
        pytest.param((a_pod("b", revision_hash="pth-1"),), False, id="none is sick"),
        pytest.param(
            (unready(), unready("b", revision_hash="pth-1", deleting=True)), True, id="one that goes does not count"
        ),
        pytest.param(
            (unready(), unready("b", revision_hash="pth-1", phase="Failed")), True, id="one that was evicted neither"
        ),
        pytest.param((starting(), a_pod("b", revision_hash="pth-1")), True, id="its own start does not end"),
    ],
)
def test_a_stuck_rollout_is_its_own_fault_if_its_own_pods_are_sick(pods: tuple[Pod, ...], newest: bool) -> None:  # noqa: FBT001 - a table's column
    """Then the undo of that very rollout is allowed."""
    signal = observe(rule(), a_stuck(), *pods)
    assert signal is not None
    assert signal.newest_only is newest


def test_a_rollout_of_which_each_pod_is_refused_is_its_own_fault() -> None:
    signal = observe(rule(), a_refused(), a_pod("b", revision_hash="pth-1"))
    assert signal is not None
    assert signal.newest_only
    assert "exceeded quota" in signal.message
    sick = observe(rule(), a_refused(), unready("b", revision_hash="pth-1"))
    assert sick is not None
    assert not sick.newest_only


def test_pods_of_a_release_that_was_complete_once_are_not_refused_for_its_fault() -> None:
    """A quota was lowered, or filled by others, after the rollout."""
    conditions = {"Progressing": ("True", "NewReplicaSetAvailable"), "ReplicaFailure": ("True", "FailedCreate")}
    for updated in (0, 1):
        refused = a_refused(conditions=conditions, updated_replicas=updated, available_replicas=updated)
        assert observe(rule("RolloutStuck"), refused) is None
        short = observe(rule(), refused, seen_since=NOW - minutes(9))
        assert short is not None
        assert not short.newest_only


HALFWAY = {"updated_replicas": 1, "available_replicas": 2, "conditions": {}, "current_revision": "db-old"}
LOST_ONE = {"updated_replicas": 2, "available_replicas": 2, "status_replicas": 2}
MISSING = {
    "a pod is missing in the middle of a rollout": (a_stateful_set(**HALFWAY), (), True),
    "a pod is missing, and another one is on its way out": (
        a_stateful_set(**HALFWAY), (a_pod("db-2", deleting=True),), False,
    ),
    "a pod is missing, and no rollout is under way": (a_stateful_set(**LOST_ONE), (), False),
    "a node's pod is missing, and no rollout is under way": (
        a_daemon_set(**LOST_ONE), (a_pod("x-0"), a_pod("x-1")), False,
    ),
    "a pod is missing, and a partition holds back the others": (a_stateful_set(**HALFWAY, partition=2), (), False),
    "a node's pod is missing in the middle of a rollout": (a_daemon_set(**HALFWAY), (), True),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "others", "newest"), MISSING.values(), ids=MISSING)
def test_what_is_missing_in_the_middle_of_a_rollout_is_its_own(
    seen: Workload,
    others: tuple[Pod, ...],
    newest: bool,  # noqa: FBT001 - a table's column
) -> None:
    """StatefulSets and DaemonSets say in Events only that a pod was refused."""
    known: dict[str, Any] = {"seen_since": NOW - minutes(9)}
    pods = others if len(others) > 1 else (a_pod("x-0", revision_hash="pth-1"), a_pod("x-1"), *others)
    signal = observe(rule(), seen, *pods, **known)
    assert signal is not None
    assert signal.newest_only is newest


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"conditions": []}, "at least 1 item", id="no condition"),
        pytest.param({"conditions": ["Sad"]}, "RolloutStuck", id="an unknown one"),
        pytest.param({"conditions": ["ReplicasUnavailable"], "for": "0s"}, "above 0s", id="no patience"),
        pytest.param({"conditions": ["RolloutStuck"], "for": "25h"}, "at most 24h", id="too much patience"),
    ],
)
def test_bad_settings_are_refused_with_the_fix(spec: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        READ.validate_python(spec)


def test_a_stuck_rollout_needs_no_further_patience() -> None:
    """The controller has waited for progressDeadlineSeconds already."""
    read = READ.validate_python({"conditions": ["RolloutStuck"], "for": "0s"})
    assert read.held_for("RolloutStuck") == timedelta()
    assert rule().held_for("RolloutStuck") == timedelta()
    assert rule().held_for("ReplicasUnavailable") == minutes(5)


AGES = st.integers(0, 900).map(seconds)
WORKLOADS = st.builds(
    lambda stuck, down, available: a_workload(
        available_replicas=available,
        conditions={**(STUCK if stuck is not None else {}), **(DOWN if down is not None else {})}
        if stuck is None or down is None
        else {"Progressing": STUCK["Progressing"], "Available": DOWN["Available"]},
        condition_times={
            **({"Progressing": NOW - stuck} if stuck is not None else {}),
            **({"Available": NOW - down} if down is not None else {}),
        },
    ),
    st.none() | AGES,
    st.none() | AGES,
    st.integers(0, 2),
)
PODS = st.lists(
    st.one_of(st.builds(unready, age=AGES), st.sampled_from([a_pod(), starting(), initializing()])), max_size=3
)


@given(
    trigger=st.builds(lambda after: rule(after=after), st.none() | st.integers(1, 900).map(seconds)),
    seen=WORKLOADS,
    pods=PODS,
    short_since=AGES.map(lambda age: NOW - age),
    part=st.floats(0, 0.999),
)
def test_between_now_and_next_change_time_changes_nothing(
    trigger: workload.WorkloadTrigger, seen: Workload, pods: list[Pod], short_since: datetime, part: float
) -> None:
    """Whoever looks only when he is told to misses nothing."""
    due = workload.next_change(trigger, seen, pods, NOW, short_since)
    later = NOW + (due - NOW) * part if due is not None else NOW + timedelta(days=part)
    before = workload.observe(trigger, seen, pods, "pth-2", NOW, short_since)
    assert workload.observe(trigger, seen, pods, "pth-2", later, short_since) == before
