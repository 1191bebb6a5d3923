"""Maintenance windows against a naive oracle that looks at every single minute, around every kind of clock change."""

import functools
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.guards import maintenance_window
from platelet.model import reasons
from platelet.model.durations import parse_time
from platelet.model.maintenance import MaintenanceWindow, WindowEffect
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from tests.unit.situations import NOW, a_policy, a_situation, limits, minutes

MINUTE = timedelta(minutes=1)
DAYS = 3
CHANGES = {  # zone -> moments at which its clocks were changed: forward, back
    "Europe/Berlin": ("2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"),
    "America/New_York": ("2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T15:30:00Z", "2026-04-04T15:00:00Z"),  # by 30 minutes
    "Africa/Cairo": ("2026-04-23T22:00:00Z", "2026-10-29T21:00:00Z"),  # at midnight
    "UTC": ("2026-03-29T01:00:00Z", "2026-02-28T23:59:00Z"),
}


def a_window(schedule: str, duration: timedelta, zone: str = "UTC", effect: WindowEffect = "Deny") -> MaintenanceWindow:
    return MaintenanceWindow(schedule=schedule, duration=duration, time_zone=zone, effect=effect)


def with_windows(*windows: MaintenanceWindow) -> Situation:
    return a_situation(policy=a_policy(limits=limits(maintenance_windows=windows)))


def ask(now: str, *windows: MaintenanceWindow) -> Deny | None:
    return maintenance_window.deny(with_windows(*windows), parse_time(now))


@pytest.mark.parametrize(
    ("schedule", "duration", "zone", "first", "end"),
    [
        pytest.param(
            "0 2 * * SUN", 120, "UTC", "2026-11-22T02:00:00Z", "2026-11-22T04:00:00Z", id="the design's example"
        ),
        pytest.param(
            "0 2 * * *", 120, "Europe/Berlin", "2026-01-10T01:00:00Z", "2026-01-10T03:00:00Z", id="Berlin, winter"
        ),
        pytest.param(
            "0 2 * * *", 120, "Europe/Berlin", "2026-07-10T00:00:00Z", "2026-07-10T02:00:00Z", id="Berlin, summer"
        ),
        pytest.param(
            "30 2 * * *",
            60,
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
            "2026-03-29T02:00:00Z",
            id="Berlin: 02:30 is skipped, so it begins when the clocks show 03:00",
        ),
        pytest.param(
            "0 1 * * *",
            120,
            "Europe/Berlin",
            "2026-03-29T00:00:00Z",
            "2026-03-29T02:00:00Z",
            id="Berlin: two hours over the change to summer end at 04:00 on the clock",
        ),
        pytest.param(
            "30 2 * * *",
            30,
            "Europe/Berlin",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            id="Berlin: 02:30 comes twice, so it begins at the first",
        ),
        pytest.param(
            "0 1 * * *",
            180,
            "Europe/Berlin",
            "2026-10-24T23:00:00Z",
            "2026-10-25T02:00:00Z",
            id="Berlin: three hours over the change to winter end at 03:00 on the clock",
        ),
        pytest.param(
            "15 * * * *",
            10,
            "Europe/Berlin",
            "2026-10-25T01:15:00Z",
            "2026-10-25T01:25:00Z",
            id="Berlin: what comes every hour comes in the repeated hour, too",
        ),
        pytest.param(
            "30 2 * * *",
            60,
            "America/New_York",
            "2026-03-08T07:00:00Z",
            "2026-03-08T08:00:00Z",
            id="New York: 02:30 is skipped",
        ),
        pytest.param(
            "30 1 * * *",
            15,
            "America/New_York",
            "2026-11-01T05:30:00Z",
            "2026-11-01T05:45:00Z",
            id="New York: 01:30 comes twice",
        ),
        pytest.param(
            "15 2 * * *",
            60,
            "Australia/Lord_Howe",
            "2026-10-03T15:30:00Z",
            "2026-10-03T16:30:00Z",
            id="Lord Howe: 02:15 is skipped with its half hour",
        ),
        pytest.param(
            "45 1 * * *",
            5,
            "Australia/Lord_Howe",
            "2026-04-04T14:45:00Z",
            "2026-04-04T14:50:00Z",
            id="Lord Howe: 01:45 comes twice",
        ),
        pytest.param(
            "*/15 3 * * *",
            5,
            "Australia/Lord_Howe",
            "2026-10-03T16:00:00Z",
            "2026-10-03T16:05:00Z",
            id="Lord Howe: a rhythm goes on right after the change",
        ),
        pytest.param("0 0 29 2 *", 60, "UTC", "2028-02-29T00:00:00Z", "2028-02-29T01:00:00Z", id="every four years"),
        pytest.param("0 22 * * FRI", 3360, "UTC", "2026-11-20T22:00:00Z", "2026-11-23T06:00:00Z", id="a weekend"),
    ],
)
def test_a_window_holds_from_its_first_moment_to_its_last(
    schedule: str, duration: int, zone: str, first: str, end: str
) -> None:
    """A moment before it nothing is denied; inside it, until exactly its end; then nothing again."""
    window, begun, over = a_window(schedule, minutes(duration), zone), parse_time(first), parse_time(end)
    situation, moment = with_windows(window), timedelta(microseconds=1)
    assert maintenance_window.deny(situation, begun - moment) is None
    for inside in (begun, begun + (over - begun) / 2, over - moment):
        denial = maintenance_window.deny(situation, inside)
        assert denial is not None
        assert (denial.reason, denial.retry_at, denial.escalate) == (reasons.MAINTENANCE_WINDOW, over, False)
        assert schedule in denial.message
        assert zone in denial.message
    assert maintenance_window.deny(situation, over) is None


@pytest.mark.parametrize(
    ("now", "reason", "until"),
    [
        pytest.param("2026-11-20T10:00:00Z", None, None, id="inside the allowed hours"),
        pytest.param("2026-11-20T12:10:00Z", reasons.MAINTENANCE_WINDOW, "2026-11-20T12:30:00Z", id="Deny wins"),
        pytest.param(
            "2026-11-20T17:00:00Z",
            reasons.OUTSIDE_MAINTENANCE_WINDOW,
            "2026-11-23T09:00:00Z",
            id="the weekend is outside",
        ),
        pytest.param(
            "2026-11-23T08:59:59Z",
            reasons.OUTSIDE_MAINTENANCE_WINDOW,
            "2026-11-23T09:00:00Z",
            id="a second before it opens",
        ),
    ],
)
def test_with_an_allow_window_nothing_acts_outside(now: str, reason: str | None, until: str | None) -> None:
    """Office hours, without lunch."""
    hours = a_window("0 9 * * MON-FRI", timedelta(hours=8), effect="Allow")
    lunch = a_window("0 12 * * *", minutes(30))
    denial = ask(now, hours, lunch)
    assert (denial.reason if denial else None) == reason
    assert (denial.retry_at if denial else None) == (parse_time(until) if until else None)


def test_the_end_is_that_of_all_windows_in_the_way() -> None:
    """Two Deny windows that touch, and an Allow window that opens later: people are told one time, the true one."""
    denial = ask(
        "2026-11-20T01:30:00Z",
        a_window("0 1 * * *", minutes(60)),
        a_window("0 2 * * *", minutes(60)),
        a_window("0 5 * * *", minutes(60), effect="Allow"),
    )
    assert denial is not None
    assert denial.retry_at == parse_time("2026-11-20T05:00:00Z")


def test_windows_that_leave_no_gap_have_no_end() -> None:
    """Then it is asked again at the next look, and nothing pretends to know better."""
    denial = ask("2026-11-20T01:30:00Z", a_window("* * * * *", minutes(10)))
    assert denial is not None
    assert denial.retry_at is None
    assert "no end in sight" in denial.message


def test_a_policy_that_is_gone_allows_nothing() -> None:
    """With the policy its windows are gone, and unknown is no."""
    denial = maintenance_window.deny(a_situation(policy=None), NOW)
    assert denial is not None
    assert denial.reason == reasons.CANCELLED


@pytest.mark.parametrize(
    ("schedule", "zone", "words"),
    [
        pytest.param("0 25 * * *", "UTC", "schedule: '0 25 * * *' is not cron (Bad hour)", id="an hour that is none"),
        pytest.param("0 2 * * FUN", "UTC", "schedule: '0 2 * * FUN' is not cron", id="a day that is none"),
        pytest.param("0 0 2 * * SUN", "UTC", "the five fields of cron", id="seconds"),
        pytest.param("0 0 30 2 *", "UTC", "schedule: '0 0 30 2 *'", id="the 30th of February"),
        pytest.param("0 0 */31 * MON#5", "UTC", "never comes", id="a first day that is a fifth Monday"),
        pytest.param("0 0 L/0 * *", "UTC", "is not cron", id="a step of zero"),
        pytest.param("0 0 L * LL", "UTC", "is not cron", id="the last of nothing"),
        pytest.param("0 0 * * ?", "UTC", "schedule: '0 0 * * ?'", id="a sign of other crons"),
        pytest.param("0 2 * * *", "Europe/Bielefeld", "timeZone: 'Europe/Bielefeld'", id="a city that is none"),
        pytest.param("0 2 * * *", "../../etc/passwd", "timeZone: '../../etc/passwd'", id="a path"),
        pytest.param("0 2 * * *", "Europe", "timeZone: 'Europe'", id="a folder of the database"),
    ],
)
def test_what_cannot_be_read_is_said_and_denies(schedule: str, zone: str, words: str) -> None:
    """The policy is not Ready for it; should it be asked all the same, unknown is no."""
    window = a_window(schedule, minutes(60), zone)
    assert words in maintenance_window.find_fault(window)
    denial = maintenance_window.deny(with_windows(window), NOW)
    assert denial is not None
    assert denial.reason == reasons.INVALID_MAINTENANCE_WINDOW


@given(schedule=st.text(alphabet="0123456789*/,#-LWSUNMO ", min_size=9, max_size=20))
def test_no_schedule_breaks_the_guard(schedule: str) -> None:
    """Whatever people write: it is a fault, or it is judged; never an error, and never slow."""
    window = a_window(schedule, minutes(60))
    begun = time.process_time()
    maintenance_window.deny(with_windows(window), NOW)
    assert time.process_time() - begun < 5


@dataclass(frozen=True)
class Cron:
    """A schedule by its parts: None is a star."""

    minute: int | None
    hour: int | None
    day: int | None
    weekday: int | None

    def __str__(self) -> str:
        parts = (self.minute, self.hour, self.day, None, self.weekday)
        return " ".join("*" if part is None else str(part) for part in parts)

    @property
    def is_rhythm(self) -> bool:
        """Whether it is taken as often as the clocks show it."""
        return self.minute is None or self.hour is None

    def shows(self, wall: datetime) -> bool:
        """Whether it names this wall time."""
        weekday = wall.isoweekday() % 7
        days = [self.day in (None, wall.day), self.weekday in (None, weekday)]
        either = self.day is not None and self.weekday is not None
        return (
            self.minute in (None, wall.minute)
            and self.hour in (None, wall.hour)
            and (any(days) if either else all(days))
        )


@functools.cache
def clocks(zone: str, day: datetime) -> tuple[tuple[datetime, datetime, tuple[datetime, ...]], ...]:
    """All minutes of a day in UTC: the moment, what the clocks show, and the times that they have just skipped."""
    shown = []
    before = (day - MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    for number in range(24 * 60):
        moment = day + number * MINUTE
        wall = moment.astimezone(ZoneInfo(zone))
        naive = wall.replace(tzinfo=None)
        skipped = tuple(before + step * MINUTE for step in range(1, max(1, (naive - before) // MINUTE)))
        shown.append((moment, wall, skipped))
        before = naive
    return tuple(shown)


def covered(cron: Cron, length: int, zone: str, begin: datetime) -> set[datetime]:
    """Every minute of DAYS from `begin` on that is inside a window which began there, too."""
    inside, left = set(), 0
    for number in range(DAYS):
        for moment, wall, skipped in clocks(zone, begin + timedelta(days=number)):
            shown = cron.shows(wall)
            if shown if cron.is_rhythm else (shown and not wall.fold) or any(map(cron.shows, skipped)):
                left = length
            if left:
                inside.add(moment)
                left -= 1
    return inside


HOURS = st.one_of(st.none(), st.integers(0, 4), st.integers(20, 23))
CRONS = st.builds(
    Cron,
    minute=st.one_of(st.none(), st.sampled_from([0, 1, 15, 29, 30, 31, 45, 59])),
    hour=HOURS,
    day=st.one_of(st.none(), st.none(), st.integers(1, 31)),
    weekday=st.one_of(st.none(), st.none(), st.integers(0, 6)),
)
ZONED = st.sampled_from([(zone, change) for zone, both in CHANGES.items() for change in both])
DRAWN = st.tuples(CRONS, st.integers(1, 300), st.sampled_from(["Deny", "Allow"]))


@given(zoned=ZONED, drawn=st.lists(DRAWN, min_size=1, max_size=3), offset=st.integers(-20 * 3600, 20 * 3600))
def test_the_guard_agrees_with_looking_at_every_minute(
    zoned: tuple[str, str], drawn: list[tuple[Cron, int, WindowEffect]], offset: int
) -> None:
    """Denied or not, and until when, in every zone, on both sides of every change of its clocks."""
    zone, change = zoned
    now = parse_time(change) + timedelta(seconds=offset)
    begin = now.replace(hour=0, minute=0, second=0) - timedelta(days=1)
    denied, allowed = set[datetime](), set[datetime]()
    for cron, length, effect in drawn:
        (denied if effect == "Deny" else allowed).update(covered(cron, length, zone, begin))
    only = any(effect == "Allow" for _, _, effect in drawn)

    def is_free(minute: datetime) -> bool:
        return minute not in denied and (not only or minute in allowed)

    this_minute = now.replace(second=0)
    windows = [a_window(str(cron), minutes(length), zone, effect) for cron, length, effect in drawn]
    denial = maintenance_window.deny(with_windows(*windows), now)
    assert (denial is None) == is_free(this_minute)
    end = begin + timedelta(days=DAYS)
    later = (this_minute + number * MINUTE for number in range(1, (end - this_minute) // MINUTE))
    free = next((minute for minute in later if is_free(minute)), None)
    if denial is not None and free is not None and denial.retry_at is not None:
        assert denial.retry_at == free
    elif denial is not None and denial.retry_at is not None:
        assert denial.retry_at >= end


@pytest.mark.parametrize("schedule", ["0 0 29 2 *", "0 0 * 2 MON#5", "59 23 31 12 *", "0 0 29 2 SUN"])
def test_rare_schedules_are_as_quick_as_others(schedule: str) -> None:
    """A guard is asked at every look: years without a window must not cost anything that is felt."""
    situation = with_windows(*(a_window(schedule, minutes(60 + n), "Europe/Berlin", "Allow") for n in range(8)))
    begun = time.process_time()
    for number in range(10):
        assert maintenance_window.deny(situation, NOW.astimezone(UTC) + timedelta(days=number)) is not None
    assert time.process_time() - begun < 5
