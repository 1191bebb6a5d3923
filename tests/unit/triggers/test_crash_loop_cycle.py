"""The signal of a crash loop holds over the whole cycle and ends with a real recovery (TRAPS 39, 40)."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from platelet.model import crash_loop, symptoms
from platelet.triggers import pod
from tests.unit.situations import NOW, a_container, a_pod, minutes, seconds
from tests.unit.triggers.crash_loops import Lap, runs_of, status_at

START = NOW - timedelta(hours=2)
SECOND = timedelta(seconds=1)


@st.composite
def loops(draw: st.DrawFn, least: int = 2) -> list[Lap]:
    """Draw a loop whose back-off grows; every run ends before the back-off at that point could explain it."""
    laps = []
    for restarts in range(draw(st.integers(least, 9))):
        longest = crash_loop.back_off(restarts) - SECOND
        waited = crash_loop.back_off(restarts + 1) * draw(st.floats(0.1, 1.3))
        laps.append(
            Lap(
                ran=longest * draw(st.floats(0, 1)),
                waited=waited,
                named=waited * draw(st.floats(0, 1)),
                exit_code=draw(st.sampled_from([0, 1, 137])),
            )
        )
    return laps


@given(loops(), st.integers(1, 5), st.data())
def test_at_any_moment_of_a_loop_the_signal_holds_exactly_from_min_restarts_on(
    laps: list[Lap], min_restarts: int, data: st.DataObject
) -> None:
    runs = runs_of(laps, START)
    last = runs[-1].finished + laps[-1].waited
    moment = START + (last - START) * data.draw(st.floats(0, 0.999999))
    container = status_at(laps, START, moment)
    trigger = pod.PodTrigger(reasons=("CrashLoopBackOff",), min_restarts=min_restarts)
    signal = pod.observe(trigger, [a_pod(ready=False, containers=(container,))], "pth-2", moment)
    assert (signal is not None) == (container.restarts >= min_restarts)


@given(loops(), st.floats(0, 1))
def test_a_container_that_outruns_its_back_off_ends_the_signal(laps: list[Lap], beyond: float) -> None:
    runs = runs_of(laps, START)
    started = runs[-1].finished + laps[-1].waited
    over = started + crash_loop.back_off(len(laps))
    trigger = pod.PodTrigger(reasons=("CrashLoopBackOff",), min_restarts=1)
    recovered = [a_pod(containers=(status_at(laps, START, over),))]
    assert pod.observe(trigger, recovered, "pth-2", over - timedelta(microseconds=1)) is not None
    assert pod.next_change(trigger, recovered, started) == over
    assert pod.observe(trigger, recovered, "pth-2", over + minutes(60) * beyond) is None


@given(loops(least=3), st.data())
def test_with_memory_since_stays_at_the_first_end_for_the_whole_loop(laps: list[Lap], data: st.DataObject) -> None:
    runs = runs_of(laps, START)
    trigger = pod.PodTrigger(reasons=("CrashLoopBackOff",), min_restarts=1, for_=minutes(1))
    memory: dict[str, datetime] = {}
    first: datetime | None = None
    for run in runs[1:]:
        moment = run.finished + timedelta(milliseconds=data.draw(st.integers(0, 90)))
        sick = a_pod(ready=False, containers=(status_at(laps, START, moment),))
        memory = symptoms.remember(memory, [sick], moment)
        signal = pod.observe(trigger, [sick], "pth-2", moment, memory)
        assert signal is not None
        first = first or signal.since
        assert signal.since == first <= runs[1].finished
        assert signal.holds_at == signal.since + minutes(1)


def test_restarts_before_a_long_run_do_not_count() -> None:
    """Fifty restarts in a year and one crash today is not a loop, whatever its momentary state."""
    laps = [Lap(seconds(3), seconds(10), seconds(5))] * 50
    laps += [Lap(minutes(11), seconds(10), seconds(5)), Lap(seconds(3), seconds(20), seconds(5))]
    trigger = pod.PodTrigger(reasons=("CrashLoopBackOff",), min_restarts=2)
    crash = runs_of(laps, START)[-2].finished
    for after in (0, 6, 11, 14):
        moment = crash + seconds(after)
        sick = a_pod(containers=(status_at(laps, START, moment),))
        assert pod.observe(trigger, [sick], "pth-2", moment) is None, after


def test_one_crash_after_a_long_run_is_the_first_of_its_cycle() -> None:
    """With minRestarts 1 it counts once the container was restarted, and until it ran longer than 10 seconds."""
    started = NOW - seconds(4)
    container = a_container(
        restarts=51,
        started_at=started,
        last_exit_code=1,
        last_started_at=NOW - timedelta(days=20),
        last_finished_at=NOW - seconds(5),
    )
    trigger = pod.PodTrigger(reasons=("CrashLoopBackOff",), min_restarts=1)
    assert pod.observe(trigger, [a_pod(containers=(container,))], "pth-2", NOW) is not None
    assert pod.next_change(trigger, [a_pod(containers=(container,))], NOW) == started + seconds(10)


def test_the_back_off_doubles_up_to_five_minutes() -> None:
    """10s, 20s, 40s, 80s, 160s, then 5m for ever."""
    assert [crash_loop.back_off(n).total_seconds() for n in (1, 2, 3, 4, 5, 6, 7, 10**6)] == [
        10, 20, 40, 80, 160, 300, 300, 300,
    ]  # fmt: skip
