"""The one clock: the API server's time, carried by the boot clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.shell import clock

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class Boot:
    """A boot clock that the test turns."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


def header(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


def sampled(boot: Boot, moment: datetime = START) -> clock.ServerClock:
    server_clock = clock.ServerClock(boot)
    server_clock.observe(header(moment), boot.seconds)
    return server_clock


def test_without_a_sample_nobody_knows_the_time() -> None:
    unsampled = clock.ServerClock(Boot())
    assert not unsampled.ready
    assert unsampled.age() == float("inf")
    with pytest.raises(clock.ClockNotReadyError):
        unsampled.now()


def test_the_budgets_time_is_no_sample() -> None:
    raised = clock.ServerClock(Boot())
    raised.raise_to(START)
    assert not raised.ready


def test_time_is_carried_forward_by_the_boot_clock() -> None:
    boot = Boot()
    server_clock = sampled(boot)
    boot.seconds += 90
    assert server_clock.now() == START + timedelta(seconds=90)
    assert server_clock.age() == 90


def test_a_header_of_the_same_second_does_not_take_its_fraction_away() -> None:
    boot = Boot()
    server_clock = sampled(boot)
    boot.seconds += 0.9
    server_clock.observe(header(START), boot.seconds)
    assert server_clock.now() == START + timedelta(seconds=0.9)
    assert server_clock.age() == 0


def test_a_server_that_went_back_is_waited_for() -> None:
    boot = Boot()
    server_clock = sampled(boot)
    server_clock.now()
    server_clock.observe(header(START - timedelta(minutes=5)), boot.seconds)
    assert server_clock.now() == START
    boot.seconds += 301
    assert server_clock.now() == START + timedelta(seconds=1)


def test_now_is_at_least_the_newest_time_in_the_budget() -> None:
    boot = Boot()
    server_clock = sampled(boot)
    server_clock.raise_to(START + timedelta(seconds=30))
    assert server_clock.now() == START + timedelta(seconds=30)
    boot.seconds += 60
    assert server_clock.now() == START + timedelta(seconds=60)


@pytest.mark.parametrize("unreadable", ["", "yesterday", "Sat, 99 Nov 2026 08:00:00 GMT", "\x00"])
def test_an_unreadable_header_is_no_sample(unreadable: str) -> None:
    server_clock = clock.ServerClock(Boot())
    server_clock.observe(unreadable, 1000.0)
    assert not server_clock.ready


@given(
    st.lists(
        st.tuples(st.floats(0, 3600), st.integers(-7200, 7200), st.booleans()),
        max_size=30,
    )
)
def test_now_never_decreases_and_is_aware(steps: list[tuple[float, int, bool]]) -> None:
    """Whatever the headers say, in whatever order."""
    boot = Boot()
    server_clock = sampled(boot)
    last = server_clock.now()
    for elapsed, skew, raised in steps:
        boot.seconds += elapsed
        said = START + timedelta(seconds=boot.seconds - 1000 + skew)
        if raised:
            server_clock.raise_to(said)
        else:
            server_clock.observe(header(said), boot.seconds)
        assert server_clock.now() >= last
        last = server_clock.now()
        assert last.utcoffset() == timedelta(0)


@given(st.lists(st.floats(0.01, 900), min_size=1, max_size=40), st.floats(0.999, 1.001))
def test_a_drifting_boot_clock_stays_within_seconds_of_the_server(gaps: list[float], rate: float) -> None:
    """Samples correct the drift; between them it is bounded by the gap."""
    boot, truth = Boot(), START
    server_clock = sampled(boot)
    for gap in gaps:
        truth += timedelta(seconds=gap)
        boot.seconds += gap * rate
        server_clock.observe(header(truth), boot.seconds)
        assert abs(server_clock.now() - truth) <= timedelta(seconds=4.1)
