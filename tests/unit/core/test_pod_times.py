"""A kubelet's times, held against what was seen: they end up between the pod's creation and now, whatever its clock."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from platelet.core import pod_times
from platelet.model.workload import Pod
from tests.unit.situations import NOW, a_container, a_pod, minutes, seconds

MADE = NOW - minutes(60)
CLOCKS = st.one_of(st.just(timedelta()), st.integers(-100_000, 100_000).map(seconds))


def crashed(ended: datetime, ran: timedelta = timedelta(seconds=3)) -> Pod:
    """Build a pod whose container ended at a moment of its node's clock."""
    container = a_container(
        ready=False, state="terminated", exit_code=1, started_at=ended - ran, finished_at=ended, last_finished_at=None
    )
    return a_pod(created_at=MADE, ready=False, ready_changed_at=ended, containers=(container,))


def moments(pod: Pod) -> list[datetime]:
    """All times of a pod that a kubelet tells."""
    container = pod.containers[0]
    shown = (pod.ready_changed_at, container.started_at, container.finished_at, container.last_finished_at)
    return [moment for moment in shown if moment is not None]


RUNNING = a_pod(created_at=MADE, ready_changed_at=MADE, containers=(a_container(started_at=MADE),))


@given(st.lists(st.tuples(st.integers(1, 300).map(seconds), CLOCKS), min_size=1, max_size=6), st.booleans())
def test_no_time_is_before_the_pod_or_after_now(events: list[tuple[timedelta, timedelta]], seen_before: bool) -> None:  # noqa: FBT001 - drawn
    before, moved, now = (RUNNING if seen_before else None), pod_times.NOTHING_MOVED, NOW
    for later, off in events:
        now += later
        before, moved = pod_times.settle(crashed(now + off), before, moved, now)
        assert all(MADE <= moment <= now for moment in moments(before))


@given(CLOCKS, st.integers(0, 20).map(seconds))
def test_what_was_seen_to_come_happened_just_before(off: timedelta, late: timedelta) -> None:
    """To within half a minute, whatever the node's clock says."""
    pod, _ = pod_times.settle(crashed(NOW - late + off), RUNNING, pod_times.NOTHING_MOVED, NOW)
    assert pod.ready_changed_at is not None
    assert NOW - pod_times.REPORTED_WITHIN <= pod.ready_changed_at <= NOW


@given(CLOCKS, st.integers(0, 9999).map(seconds))
def test_a_time_once_settled_stays(off: timedelta, later: timedelta) -> None:
    """Else a pod that is well would never have been so for long, and a `for` would begin anew at each look."""
    first, moved = pod_times.settle(crashed(NOW + off), RUNNING, pod_times.NOTHING_MOVED, NOW)
    again, moved_again = pod_times.settle(crashed(NOW + off), first, moved, NOW + later)
    assert (again, moved_again) == (first, moved)


@given(CLOCKS)
def test_what_was_there_before_is_taken_as_told_where_it_can_be_true(off: timedelta) -> None:
    """The operator has just started: when it came is not known."""
    shown = NOW - minutes(10) + off
    pod, _ = pod_times.settle(crashed(shown), None, pod_times.NOTHING_MOVED, NOW)
    assert pod.ready_changed_at == (shown if MADE <= shown <= NOW else (NOW if shown > NOW else MADE))


def test_a_clock_that_is_right_moves_nothing() -> None:
    pod = crashed(NOW - seconds(2))
    assert pod_times.settle(pod, RUNNING, pod_times.NOTHING_MOVED, NOW) == (pod, {})


def test_an_old_time_that_was_known_is_no_news() -> None:
    """The container's start of long ago stays beside its end of just now."""
    old = crashed(NOW, ran=minutes(20))
    known = a_pod(created_at=MADE, containers=(a_container(started_at=old.containers[0].started_at),))
    pod, moved = pod_times.settle(old, known, pod_times.NOTHING_MOVED, NOW)
    assert (pod, moved) == (old, {})
