"""The one clock: the API server's time, carried by the boot clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.shell.kube import clock

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


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


def seasoned(boot: Boot) -> clock.ServerClock:
    """A clock that is older than its first minute, in which it was told the right time; it is START again."""
    boot.seconds -= 120
    server_clock = sampled(boot, START - timedelta(seconds=120))
    hear(server_clock, boot, timedelta(), seconds=120)
    return server_clock


def hear(server_clock: clock.ServerClock, boot: Boot, *skews: timedelta, seconds: int) -> None:
    """Let time pass, with an answer a second, in turn of servers whose clocks differ so much from the right time."""
    right = boot.seconds - 1000
    for passed in range(1, seconds + 1):
        boot.seconds += 1
        shown = START + timedelta(seconds=right + passed) + skews[passed % len(skews)]
        server_clock.observe(header(shown), boot.seconds)


def is_right(server_clock: clock.ServerClock, boot: Boot) -> bool:
    return abs(server_clock.now() - START - timedelta(seconds=boot.seconds - 1000)) <= timedelta(seconds=5)


@pytest.mark.parametrize("ahead", [8 * SECOND, 70 * MINUTE, timedelta(days=900)], ids=str)
def test_a_server_whose_clock_leads_is_not_heard(ahead: timedelta) -> None:
    """Within one process the boot clock knows how long it really was."""
    boot = Boot()
    server_clock = seasoned(boot)
    hear(server_clock, boot, ahead, seconds=1)
    assert is_right(server_clock, boot)
    hear(server_clock, boot, ahead, seconds=10 * 60)
    assert is_right(server_clock, boot)
    assert server_clock.age() > 60, "nothing new is begun while all say something else"
    hear(server_clock, boot, timedelta(), seconds=1)
    assert is_right(server_clock, boot)
    assert server_clock.age() == 0, "the right one is back"


@pytest.mark.parametrize(
    "skews",
    [
        (timedelta(), 70 * MINUTE),
        (timedelta(), -5 * MINUTE),
        (timedelta(), 70 * MINUTE, -5 * MINUTE),
        (70 * MINUTE, timedelta(), timedelta(days=-3), timedelta(days=40)),
    ],
    ids=["one leads", "one lags", "one leads and one lags", "three are wrong"],
)
def test_of_servers_that_disagree_those_count_that_tell_what_was_carried(skews: tuple[timedelta, ...]) -> None:
    """Several API servers behind one address, for hours."""
    boot = Boot()
    server_clock = seasoned(boot)
    for _ in range(20):
        hear(server_clock, boot, *skews, seconds=600)
        assert is_right(server_clock, boot)
        assert server_clock.age() <= len(skews)


def test_a_later_time_that_all_tell_for_half_an_hour_is_the_time() -> None:
    """The only server was wrong, and people have mended its clock; or a machine stood still that did not know it."""
    boot = Boot()
    server_clock = seasoned(boot)
    hear(server_clock, boot, 70 * MINUTE, seconds=29 * 60)
    assert is_right(server_clock, boot)
    hear(server_clock, boot, 70 * MINUTE, seconds=2 * 60)
    assert server_clock.now() > START + 100 * MINUTE
    assert server_clock.age() == 0


@pytest.mark.parametrize(
    "skews",
    [(70 * MINUTE, 50 * MINUTE, 90 * MINUTE), (70 * MINUTE, -5 * MINUTE)],
    ids=["several that lead differently", "one that leads, one that lags"],
)
def test_where_nobody_tells_what_was_carried_the_nearest_claim_counts(skews: tuple[timedelta, ...]) -> None:
    boot = Boot()
    server_clock = seasoned(boot)
    hear(server_clock, boot, *skews, seconds=40 * 60)
    nearest = min(skews, key=abs)
    right = START + timedelta(seconds=boot.seconds - 1000)
    assert abs(server_clock.now() - right - max(nearest, -nearest / 2)) <= 15 * MINUTE
    assert server_clock.age() <= len(skews)


def test_many_small_leads_do_not_add_up() -> None:
    """Each within the tolerance: what is followed is no more than clocks drift."""
    boot = Boot()
    server_clock = seasoned(boot)
    for _ in range(3600):
        boot.seconds += 1
        server_clock.observe(header(server_clock.now() + timedelta(seconds=4)), boot.seconds)
    assert server_clock.now() <= START + timedelta(seconds=3600 * 1.002 + 3)


def test_an_earlier_time_that_all_tell_for_a_minute_is_approached_at_half_speed() -> None:
    """Limits then count less than has passed; but nothing stands still until the time is reached."""
    boot = Boot()
    server_clock = seasoned(boot)
    hear(server_clock, boot, -10 * MINUTE, seconds=30)
    assert is_right(server_clock, boot)
    hear(server_clock, boot, -10 * MINUTE, seconds=60)
    before = server_clock.now()
    hear(server_clock, boot, -10 * MINUTE, seconds=100)
    assert server_clock.age() == 0
    assert server_clock.now() - before == timedelta(seconds=50)
    hear(server_clock, boot, -10 * MINUTE, seconds=20 * 60)
    assert server_clock.now() <= START + timedelta(seconds=boot.seconds - 1000) - 10 * MINUTE + SECOND


def test_in_its_first_minute_a_clock_takes_the_earliest_of_what_it_hears() -> None:
    """A new process cannot know which of two servers is right: the first answer may be of the one that leads."""
    boot = Boot()
    server_clock = sampled(boot, START + 70 * MINUTE)
    server_clock.now()
    hear(server_clock, boot, timedelta(), 70 * MINUTE, seconds=300)
    assert is_right(server_clock, boot)
    assert server_clock.age() <= 1


def test_a_machine_that_was_suspended_knows_for_how_long() -> None:
    """The boot clock goes on while it sleeps."""
    boot = Boot()
    server_clock = seasoned(boot)
    boot.seconds += 8 * 3600
    server_clock.observe(header(START + timedelta(hours=8, seconds=20)), boot.seconds)
    assert server_clock.age() == 0
    assert abs(server_clock.now() - START - timedelta(hours=8)) <= timedelta(seconds=21)


def test_now_is_at_least_the_newest_time_in_the_budget() -> None:
    boot = Boot()
    server_clock = sampled(boot)
    server_clock.raise_to(START + timedelta(seconds=30))
    assert server_clock.now() == START + timedelta(seconds=30)
    boot.seconds += 60
    assert server_clock.now() == START + timedelta(seconds=60)


@pytest.mark.parametrize("moment", [START + 70 * MINUTE, START + timedelta(days=4000)], ids=str)
def test_a_time_far_ahead_in_the_budget_raises_nothing(moment: datetime) -> None:
    """Poisoned by a clock that led, or edited by people: it must neither free anything nor stop everything."""
    boot = Boot()
    server_clock = seasoned(boot)
    server_clock.raise_to(moment)
    assert is_right(server_clock, boot)


def test_raising_the_time_again_and_again_does_not_drive_it_ahead() -> None:
    boot = Boot()
    server_clock = seasoned(boot)
    for _ in range(100):
        server_clock.raise_to(server_clock.now() + timedelta(seconds=50))
    assert server_clock.now() <= START + MINUTE


@pytest.mark.parametrize(
    "unreadable",
    [
        "",
        "yesterday",
        "Sat, 99 Nov 2026 08:00:00 GMT",
        "\x00",
        "Sat, 21 Nov 2026 08:00:00 +99999999999999",
        "Sat, 21 Nov 9999 23:59:59 -2359",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:07 GMT",
        "Sat, 21 Nov 99999 08:00:00 GMT",
        "9" * 5000,
    ],
)
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
    server_clock = seasoned(boot)
    last = server_clock.now()
    for elapsed, skew, raised in steps:
        boot.seconds += elapsed
        shown = START + timedelta(seconds=boot.seconds - 1000 + skew)
        if raised:
            server_clock.raise_to(shown)
        else:
            server_clock.observe(header(shown), boot.seconds)
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
