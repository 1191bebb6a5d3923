"""What the pod trigger says of pods in each state."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from platelet.model import symptoms
from platelet.model.signal import Signal
from platelet.model.workload import Container, Pod
from platelet.triggers import pod
from tests.unit.situations import NOW, RELEASED, a_container, a_pod, a_sick_pod, minutes, seconds

ADAPTER = TypeAdapter(pod.PodTrigger)
EACH_RUN, A_WHILE = minutes(12), minutes(1)
ANY = pod.PodTrigger(reasons=pod.REASONS, min_restarts=1)


def trigger(*reasons: pod.PodReason, for_: timedelta | None = None, min_restarts: int = 3) -> pod.PodTrigger:
    """Build a trigger."""
    return pod.PodTrigger(reasons=reasons, for_=for_, min_restarts=min_restarts)


def observe(rule: pod.PodTrigger, *pods: Pod, now: datetime = NOW) -> Signal | None:
    """Observe with `pth-2` as the newest ReplicaSet."""
    return pod.observe(rule, pods, "pth-2", now)


def seen(rule: pod.PodTrigger, *pods: Pod) -> Signal:
    """Observe what must be seen."""
    signal = observe(rule, *pods)
    assert signal is not None
    return signal


def waiting(reason: str, **changes: Any) -> Pod:
    """Build a pod whose container never started, two minutes after the kubelet took it over."""
    container = a_container(ready=False, state="waiting", reason=reason, started_at=None)
    facts: dict[str, Any] = {
        "phase": "Pending",
        "ready": False,
        "ready_changed_at": NOW - minutes(2),
        "containers": (container,),
    }
    return a_pod(**(facts | changes))


def unready(age: timedelta, **changes: Any) -> Pod:
    """Build a running pod that has not been ready for `age`."""
    facts: dict[str, Any] = {"ready": False, "ready_changed_at": NOW - age}
    return a_pod(**(facts | changes))


def out_of_memory(**changes: Any) -> Pod:
    """Build a pod whose container was OOM-killed for the fourth time."""
    sick = a_sick_pod()
    return replace(
        sick, containers=(replace(sick.containers[0], last_reason="OOMKilled", last_exit_code=137),), **changes
    )


def creating(reason: str, *others: Container) -> Pod:
    """Build a pod whose container has been waiting for ten minutes."""
    container = a_container(ready=False, state="waiting", reason=reason, started_at=None)
    done = tuple(replace(other, ready=other.exit_code == 0) for other in others)
    return waiting(reason, ready_changed_at=NOW - minutes(10), containers=(*done, container))


def probed(**container: Any) -> Pod:
    """Build a pod that has been running for six minutes and is not ready."""
    return unready(minutes(6), containers=(a_container(ready=False, **container),))


def leaking(
    *,
    every: timedelta = EACH_RUN,
    last_run: timedelta | None = None,
    ended: timedelta = A_WHILE,
    reason: str = "OOMKilled",
    restarts: int = 30,
) -> Pod:
    """Build a ready pod that has run out of memory again and again since it was made."""
    end = NOW - ended
    container = a_container(
        restarts=restarts,
        started_at=end,
        last_reason=reason,
        last_exit_code=137,
        last_started_at=end - (last_run or every),
        last_finished_at=end,
    )
    return a_pod(created_at=end - restarts * every, containers=(container,))


@pytest.mark.parametrize(
    ("reasons", "sick", "expected"),
    [
        pytest.param(["CrashLoopBackOff"], a_sick_pod(), "CrashLoopBackOff", id="a crash loop"),
        pytest.param(["OOMKilled"], out_of_memory(), "OOMKilled", id="out of memory"),
        pytest.param(["OOMKilled"], a_sick_pod(), None, id="a crash loop is not out of memory"),
        pytest.param(["CrashLoopBackOff"], out_of_memory(), "CrashLoopBackOff", id="out of memory in a loop is a loop"),
        pytest.param(
            ["OOMKilled", "CrashLoopBackOff"], out_of_memory(), "CrashLoopBackOff", id="the loop names the incident"
        ),
        pytest.param(["ImagePullBackOff"], waiting("ErrImagePull"), "ImagePullBackOff", id="a pull shows both names"),
        pytest.param(["ErrImagePull"], waiting("ImagePullBackOff"), "ImagePullBackOff", id="whichever is asked for"),
        pytest.param(["ErrImagePull"], waiting("InvalidImageName"), "ImagePullBackOff", id="an image nobody can pull"),
        pytest.param(
            ["CreateContainerConfigError"], waiting("CreateContainerConfigError"), "CreateContainerConfigError",
            id="a missing Secret",
        ),
        pytest.param(["ErrImagePull"], waiting("ErrImageNeverPull"), "ImagePullBackOff", id="a pull that is not tried"),
        pytest.param(["ErrImagePull"], waiting("ImageInspectError"), "ImagePullBackOff", id="a broken image"),
        pytest.param(["ErrImagePull"], waiting("RegistryUnavailable"), "ImagePullBackOff", id="no registry"),
        pytest.param(["ErrImagePull"], waiting("SignatureValidationFailed"), "ImagePullBackOff", id="a bad signature"),
        pytest.param(
            ["CreateContainerError"], waiting("CreateContainerError"), "CreateContainerError", id="cannot be created"
        ),
        pytest.param(
            ["CreateContainerError"], waiting("RunContainerError"), "CreateContainerError", id="cannot be started"
        ),
        pytest.param(
            ["CreateContainerError"], waiting("PostStartHookError"), "CreateContainerError", id="a hook that fails"
        ),
        pytest.param(
            ["CreateContainerConfigError"], waiting("CreateContainerError"), None, id="each reason is asked for"
        ),
        pytest.param(
            ["ContainerCreating"], creating("ContainerCreating"), "ContainerCreating", id="created for ten minutes"
        ),
        pytest.param(
            ["ContainerCreating"], creating("PodInitializing"), "ContainerCreating", id="initializing for ten minutes"
        ),
        pytest.param(["ContainerCreating"], creating("NewReason"), "ContainerCreating", id="a reason nobody knows"),
        pytest.param(["ContainerCreating"], creating("ErrImagePull"), None, id="a failing pull has a name of its own"),
        pytest.param(["ContainerCreating"], waiting("ContainerCreating"), None, id="created for two minutes"),
        pytest.param(
            ["ContainerCreating"],
            creating("PodInitializing", a_container(name="migrate", init=True, ready=False)),
            None,
            id="an init container runs",
        ),
        pytest.param(
            ["ContainerCreating"],
            creating("PodInitializing", a_container(name="m", init=True, state="terminated", exit_code=0)),
            "ContainerCreating",
            id="the init containers are done, and nothing follows",
        ),
        pytest.param(["CrashLoopBackOff"], waiting("ContainerCreating"), None, id="a starting pod"),
        pytest.param(list(pod.REASONS), a_pod(), None, id="a well pod"),
        pytest.param(["Unready"], unready(minutes(5)), "Unready", id="unready for the default of five minutes"),
        pytest.param(["Unready"], unready(minutes(4)), None, id="not ready yet"),
        pytest.param(["Unready"], unready(minutes(9), phase="Pending"), None, id="Pending is not Unready"),
        pytest.param(["Unready"], probed(started=False), None, id="its startup probe has not passed yet"),
        pytest.param(["Unready"], probed(started=True), "Unready", id="its startup probe has passed"),
        pytest.param(["Unready"], probed(started=False, restarts=1), "Unready", id="its startup probe has failed once"),
        pytest.param(["OOMKilled"], leaking(), "OOMKilled", id="out of memory every twelve minutes"),
        pytest.param(["CrashLoopBackOff"], leaking(), None, id="a slow leak is no crash loop"),
        pytest.param(["OOMKilled"], leaking(every=minutes(90)), None, id="out of memory now and then"),
        pytest.param(["OOMKilled"], leaking(last_run=minutes(300)), None, id="restarts of long ago, and one end"),
        pytest.param(["OOMKilled"], leaking(ended=minutes(25)), None, id="a leak that is over"),
        pytest.param(["OOMKilled"], leaking(reason="Error"), None, id="restarts for another reason"),
        pytest.param(["OOMKilled"], leaking(restarts=2), None, id="too few restarts"),
    ],
)  # fmt: skip
def test_reasons(reasons: list[pod.PodReason], sick: Pod, expected: str | None) -> None:
    signal = observe(trigger(*reasons), sick)
    assert (signal and signal.reason) == expected
    assert signal is None or signal.fingerprint == f"pod/{expected}"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"deleting": True}, id="being deleted"),
        pytest.param({"phase": "Succeeded"}, id="Succeeded"),
        pytest.param({"phase": "Failed"}, id="Failed and replaced"),
    ],
)
@pytest.mark.parametrize("sick", [a_sick_pod(), out_of_memory(), waiting("ErrImagePull"), unready(minutes(60))])
def test_pods_that_are_over_or_nowhere_never_count(sick: Pod, changes: dict[str, Any]) -> None:
    gone = replace(sick, **changes)
    assert observe(ANY, gone) is None
    assert symptoms.remember({gone.uid: RELEASED}, [gone], NOW) == {}


def test_a_pod_that_cannot_be_scheduled_shows_that_and_nothing_else() -> None:
    """Five minutes after it was made: a cluster autoscaler may still bring a node."""
    pending = a_sick_pod(unschedulable="0/3 nodes are available: 3 Insufficient cpu", created_at=NOW - minutes(5))
    assert observe(trigger("CrashLoopBackOff", "OOMKilled", "Unready"), pending) is None
    signal = seen(ANY, pending)
    assert (signal.reason, signal.fingerprint, signal.since) == ("Unschedulable", "pod/Unschedulable", NOW - minutes(5))
    assert "1 of 1 pods cannot be scheduled: api-2-a: the scheduler says: 0/3 nodes" in signal.message
    assert observe(trigger("Unschedulable"), replace(pending, created_at=NOW - minutes(4))) is None
    assert observe(trigger("Unschedulable"), replace(pending, deleting=True)) is None
    assert symptoms.remember({pending.uid: RELEASED}, [pending], NOW) == {}


GONE_BY = NOW - minutes(5)
TERMINATING = a_pod(deleting=True, gone_by=GONE_BY, node="node-1")


def test_a_pod_that_hangs_in_terminating_shows_that_and_nothing_else() -> None:
    """Five minutes after its grace was over: whatever holds it, its workload has another one already."""
    signal = seen(ANY, TERMINATING)
    assert (signal.reason, signal.since, signal.pods) == ("StuckTerminating", GONE_BY, ("api-2-a",))
    assert signal.message == (
        "1 of 1 pods hang in Terminating: api-2-a: its grace was over at 2026-11-21T11:55:00Z, on node node-1, and "
        "container app still runs"
    )
    assert observe(trigger("CrashLoopBackOff", "Unready", "Unschedulable"), TERMINATING) is None


HELD_BY = {
    "one": (("example.com/drain",), "example.com/drain"),
    "several": (("a.io/1", "a.io/2", "a.io/3", "a.io/4", "a.io/5"), "a.io/1, a.io/2, a.io/3 and 2 more"),
}


@pytest.mark.parametrize(("finalizers", "named"), HELD_BY.values(), ids=HELD_BY)
def test_what_holds_a_pod_in_terminating_is_named(finalizers: tuple[str, ...], named: str) -> None:
    held = replace(TERMINATING, finalizers=finalizers, containers=())
    assert seen(ANY, held).message.endswith(f"on node node-1; it waits for finalizer {named}")


GOING = {
    "for less than five minutes": replace(TERMINATING, gone_by=NOW - minutes(4)),
    "its grace is not over": replace(TERMINATING, gone_by=NOW + minutes(1)),
    "until when is not known": replace(TERMINATING, gone_by=None),
    "it is not being deleted": a_pod(),
}


@pytest.mark.parametrize("going", GOING.values(), ids=GOING)
def test_a_pod_that_is_on_its_way_out_is_no_signal(going: Pod) -> None:
    assert observe(trigger("StuckTerminating"), going) is None


def test_when_a_pod_will_have_hung_for_long_enough_is_known_before() -> None:
    going = replace(TERMINATING, gone_by=NOW + minutes(1))
    assert pod.next_change(trigger("StuckTerminating", for_=minutes(2)), [going], NOW) == NOW + minutes(3)


def test_below_min_restarts_there_is_no_signal() -> None:
    assert observe(trigger("CrashLoopBackOff", "OOMKilled", min_restarts=5), out_of_memory()) is None


def test_an_init_container_that_has_done_its_work_after_failures_is_well() -> None:
    done = a_container(
        name="migrate", restarts=7, state="terminated", exit_code=0, reason="Completed", ready=True,
        finished_at=NOW - minutes(1), last_exit_code=1, last_finished_at=NOW - minutes(2),
    )  # fmt: skip
    assert observe(ANY, a_pod(containers=(done, a_container()))) is None


def test_a_failing_init_container_is_a_crash_loop() -> None:
    sick = a_sick_pod(phase="Pending")
    assert observe(trigger("CrashLoopBackOff"), sick) is not None


def test_a_young_signal_says_when_it_will_hold() -> None:
    """`for` counts from the oldest end that the status shows."""
    signal = seen(trigger("CrashLoopBackOff", for_=minutes(1)), a_sick_pod())
    assert (signal.since, signal.holds_at) == (NOW - seconds(30), NOW + seconds(30))
    assert pod.next_change(trigger("CrashLoopBackOff", for_=minutes(1)), [a_sick_pod()], NOW) == NOW + seconds(30)


def test_what_the_stream_remembers_makes_a_loop_older_but_never_younger() -> None:
    rule = trigger("CrashLoopBackOff", for_=minutes(1))
    sick = a_sick_pod()
    older = pod.observe(rule, [sick], "", NOW, {sick.uid: NOW - minutes(9)})
    younger = pod.observe(rule, [sick], "", NOW, {sick.uid: NOW})
    assert older is not None
    assert younger is not None
    assert (older.since, younger.since) == (NOW - minutes(9), NOW - seconds(30))


def test_a_failing_pull_counts_from_when_it_was_first_seen() -> None:
    """Its status carries no time; without memory it counts from when the kubelet took the pod over."""
    rule, stuck = trigger("ImagePullBackOff", for_=minutes(1)), waiting("ErrImagePull")
    memory = symptoms.remember({}, [stuck], NOW - seconds(5))
    memory = symptoms.remember(memory, [waiting("ImagePullBackOff")], NOW)
    remembered, bare = pod.observe(rule, [stuck], "", NOW, memory), pod.observe(rule, [stuck], "", NOW)
    assert remembered is not None
    assert bare is not None
    assert (remembered.since, bare.since) == (NOW - seconds(5), NOW - minutes(2))


def test_memory_forgets_what_is_well_or_gone() -> None:
    known = {"uid-api-2-a": RELEASED, "uid-gone": RELEASED}
    assert symptoms.remember(known, [a_pod()], NOW) == {}
    assert symptoms.remember(known, [a_sick_pod()], NOW) == {"uid-api-2-a": RELEASED}


def test_a_pod_that_is_only_not_ready_yet_is_not_failing() -> None:
    """Else every start would begin the `for` of a later crash."""
    assert symptoms.remember({}, [unready(minutes(1)), waiting("ContainerCreating")], NOW) == {}


def test_a_reason_that_holds_goes_before_an_earlier_one_that_does_not_yet() -> None:
    rule = trigger("CrashLoopBackOff", "Unready", for_=minutes(1))
    signal = seen(rule, a_sick_pod("a"), unready(minutes(3), name="b"))
    assert (signal.reason, signal.pods) == ("Unready", ("a", "b"))


def test_the_message_tells_how_many_and_what_the_first_one_did() -> None:
    signal = seen(trigger("CrashLoopBackOff"), a_sick_pod("api-b"), a_pod("api-c"), a_sick_pod("api-a"))
    assert signal.message == "2 of 3 pods crash-loop: api-a: container app exited 1, restarted 4 times"
    assert signal.pods == ("api-a", "api-b")


def test_a_failed_pull_names_the_image() -> None:
    stuck = replace(waiting("ErrImagePull").containers[0], image="registry.example/shop/api:v9")
    signal = seen(trigger("ErrImagePull"), waiting("", containers=(stuck,)))
    assert "container app waits: ErrImagePull of registry.example/shop/api:v9" in signal.message


def test_a_message_is_bounded_and_pods_are_ten_at_most() -> None:
    stuck = replace(waiting("CreateContainerConfigError").containers[0], message="x" * 9000, name="c" * 63)
    pods = [waiting("", name=f"{i:02}" + "n" * 250, containers=(stuck,)) for i in range(30)]
    signal = seen(trigger("CreateContainerConfigError"), *pods)
    assert len(signal.message) <= 1024
    assert signal.pods == tuple(pod.name for pod in pods[:10])


@pytest.mark.parametrize(
    ("hashes", "newest", "expected"),
    [
        pytest.param(["pth-2", "pth-2"], "pth-2", True, id="all sick ones are of the newest"),
        pytest.param(["pth-2", "pth-1"], "pth-2", False, id="an older one is sick too"),
        pytest.param(["", ""], "", False, id="the newest is not known"),
    ],
)
def test_newest_only(hashes: list[str], newest: str, expected: object) -> None:
    pods = [a_sick_pod(str(i), revision_hash=revision) for i, revision in enumerate(hashes)]
    signal = pod.observe(trigger("CrashLoopBackOff"), [*pods, a_pod(revision_hash="pth-1")], newest, NOW)
    assert signal is not None
    assert signal.newest_only is expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"reasons": []}, "at least 1 item", id="no reason"),
        pytest.param({"reasons": ["Sad"]}, "CrashLoopBackOff", id="an unknown reason names the known ones"),
        pytest.param({"reasons": ["Unready"], "for": "0s"}, "above 0s with Unready", id="Unready at once"),
        pytest.param({"reasons": ["ContainerCreating"], "for": "0s"}, "ContainerCreating", id="creating at once"),
        pytest.param({"reasons": ["OOMKilled"], "for": "25h"}, "at most 24h", id="patience without end"),
        pytest.param({"reasons": ["OOMKilled"], "for": "-5s"}, "write it like 90s", id="a negative duration"),
        pytest.param({"reasons": ["OOMKilled"], "minRestarts": 0}, "greater than or equal to 1", id="no restart"),
    ],
)
def test_bad_settings_are_refused_with_the_fix(spec: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(spec)


def test_settings_are_written_as_in_the_api() -> None:
    spec = {"reasons": ["Unready"], "minRestarts": 2, "for": "1m30s", "severity": "critical"}
    assert ADAPTER.dump_python(ADAPTER.validate_python(spec), by_alias=True, mode="json") == spec


moments = st.one_of(st.none(), st.integers(-1500, 30).map(lambda s: NOW + seconds(s)))
containers = st.builds(
    Container,
    name=st.just("app"),
    ready=st.booleans(),
    init=st.booleans(),
    started=st.sampled_from([None, True, False]),
    restarts=st.integers(0, 60),
    state=st.sampled_from(["waiting", "running", "terminated", "unknown"]),
    reason=st.sampled_from(["", "CrashLoopBackOff", "ErrImagePull", "OOMKilled", "CreateContainerConfigError"]),
    exit_code=st.sampled_from([None, 0, 1]),
    started_at=moments,
    finished_at=moments,
    last_reason=st.sampled_from(["", "OOMKilled"]),
    last_exit_code=st.sampled_from([None, 0, 1]),
    last_started_at=moments,
    last_finished_at=moments,
)
any_pods = st.lists(
    st.builds(
        Pod,
        namespace=st.just("shop"),
        name=st.sampled_from(["a", "b", "c"]),
        uid=st.sampled_from(["a", "b", "c"]),
        created_at=moments.filter(bool),
        phase=st.sampled_from(["Running", "Pending", "Failed"]),
        ready=st.booleans(),
        ready_changed_at=moments,
        containers=st.lists(containers, max_size=2).map(tuple),
    ),
    max_size=3,
)
triggers = st.builds(
    pod.PodTrigger,
    reasons=st.lists(st.sampled_from(pod.REASONS), min_size=1, max_size=6).map(tuple),
    min_restarts=st.integers(1, 5),
    for_=st.one_of(st.none(), st.integers(1, 600).map(seconds)),
)


@given(triggers, any_pods, st.floats(0, 0.999))
def test_between_now_and_next_change_time_changes_nothing(rule: pod.PodTrigger, pods: list[Pod], part: float) -> None:
    """Else the shell, which asks again only then, would miss a signal or its end."""
    change = pod.next_change(rule, pods, NOW)
    later = NOW + ((change - NOW) if change else timedelta(days=1)) * part

    def answer(moment: datetime) -> object:
        signal = pod.observe(rule, pods, "", moment)
        return signal and (signal, signal.holds_at <= moment)

    assert answer(NOW) == answer(later)
    assert change is None or change > NOW
