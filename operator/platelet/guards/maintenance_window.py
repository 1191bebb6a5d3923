"""It is a time at which people let the policy act: outside all Deny windows, inside an Allow window if there is any.

A schedule is cron's, read by the clocks of its zone as Debian's cron does: a time that the clocks skip is taken at
their next one, a time that they repeat at its first; with `*` in the minute or the hour it is not a time but a rhythm,
taken as often as the clocks show it. From then on a window lasts for elapsed time. cronsim only ever sees wall clocks;
which moments these are is told here, because a change of 30 minutes (Lord Howe) makes it miss some.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from platelet.guards import policy_live
from platelet.model import reasons
from platelet.model.durations import say_time
from platelet.model.maintenance import SCHEDULE_PATTERN, SCHEDULE_RULE, MaintenanceWindow
from platelet.model.near_names import nearest
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

_LONGEST_FOLD = timedelta(hours=3)  # clocks are not put back by more
_HOPS = 64  # from one end or beginning to the next; windows that leave no gap have no end
_A_LEAP_YEAR = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock, from which a schedule is tried


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny inside a Deny window, and outside of all Allow windows. Deny wins."""
    if situation.policy is None:
        return policy_live.deny(situation, now)
    windows = situation.policy.limits.maintenance_windows
    faults = [fault for window in windows if (fault := find_fault(window))]
    if faults:
        return Deny(reason=reasons.INVALID_MAINTENANCE_WINDOW, message=faults[0])
    in_the_way = _in_the_way(windows, now)
    if in_the_way is None:
        return None
    until = _allowed_from(windows, now)
    then = f"nothing acts until {say_time(until)}" if until else "there is no end in sight"
    if in_the_way.effect == "Deny":
        return Deny(
            reason=reasons.MAINTENANCE_WINDOW,
            message=f"inside the maintenance window {in_the_way}: {then}",
            retry_at=until,
        )
    return Deny(
        reason=reasons.OUTSIDE_MAINTENANCE_WINDOW,
        message=f"outside of every window that allows actions, the next of which is {in_the_way}: {then}",
        retry_at=until,
    )


@functools.lru_cache(maxsize=1024)
def find_fault(window: MaintenanceWindow) -> str:
    """Say what is wrong with a window that the API server let pass: the field, the value and the fix."""
    try:
        ZoneInfo(window.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = (
            nearest(window.time_zone, available_timezones()) or "a name such as UTC, Europe/Berlin or America/New_York"
        )
        return f"timeZone: {window.time_zone!r} is not in the IANA database: write {meant}"
    try:
        if re.fullmatch(SCHEDULE_PATTERN, window.schedule):
            next(CronSim(window.schedule, _A_LEAP_YEAR))
            return ""
    except StopIteration:
        return f"schedule: {window.schedule!r} never comes: write a date that there is"
    except (CronSimError, ValueError, AssertionError, TypeError) as error:
        return f"schedule: {window.schedule!r} is not cron ({error}): {SCHEDULE_RULE}"
    return f"schedule: {window.schedule!r}: {SCHEDULE_RULE}"


def ends_at(window: MaintenanceWindow, now: datetime) -> datetime | None:
    """When the window that `now` is inside ends, as far as its last beginning tells; None outside."""
    begun = last_start(window, now)
    end = begun + window.duration if begun is not None else now
    return end if end > now else None


def last_start(window: MaintenanceWindow, now: datetime) -> datetime | None:
    """When the window last began, in UTC; `now` included."""
    zone = ZoneInfo(window.time_zone)
    here = _wall(now, zone)
    fold = max(_wall(now - _LONGEST_FOLD, zone) + _LONGEST_FOLD - here, timedelta())  # the clocks were put back
    last: datetime | None = None
    for wall in CronSim(window.schedule, here + fold + timedelta(minutes=1), reverse=True):
        moments = [moment for moment in _moments(window, wall, zone) if moment <= now]
        last = max([*moments, *([last] if last else [])], default=None)
        if last is not None and wall <= here:
            break
    return last


def next_start(window: MaintenanceWindow, now: datetime) -> datetime | None:
    """When the window begins next, in UTC; `now` not included."""
    zone = ZoneInfo(window.time_zone)
    here = _wall(now, zone)
    fold = max(here + _LONGEST_FOLD - _wall(now + _LONGEST_FOLD, zone), timedelta())  # they will be put back
    first: datetime | None = None
    for wall in CronSim(window.schedule, here - fold - timedelta(minutes=1)):
        moments = [moment for moment in _moments(window, wall, zone) if moment > now]
        first = min([*moments, *([first] if first else [])], default=None)
        if first is not None and wall >= here:
            break
    return first


def _in_the_way(windows: Sequence[MaintenanceWindow], now: datetime) -> MaintenanceWindow | None:
    """The Deny window that ends last of those around `now`; else the Allow window that opens first, outside of all."""
    inside = {window: end for window in windows if (end := ends_at(window, now)) is not None}
    denying = [window for window in inside if window.effect == "Deny"]
    if denying:
        return max(denying, key=lambda window: inside[window])
    allowing = [window for window in windows if window.effect == "Allow"]
    if not allowing or any(window in inside for window in allowing):
        return None
    return min(allowing, key=lambda window: next_start(window, now) or datetime.max.replace(tzinfo=UTC))


def _allowed_from(windows: Sequence[MaintenanceWindow], now: datetime) -> datetime | None:
    """The first moment from `now` on at which no window is in the way."""
    moment: datetime | None = now
    for _ in range(_HOPS):
        if moment is None:
            return None
        window = _in_the_way(windows, moment)
        if window is None:
            return moment
        moment = ends_at(window, moment) if window.effect == "Deny" else next_start(window, moment)
    return None


def _moments(window: MaintenanceWindow, wall: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments at which a window begins for which the clocks show `wall`, in UTC."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    minute, hour = window.schedule.split()[:2]
    is_rhythm = minute.startswith("*") or hour.startswith("*")
    if first > second:  # skipped: PEP 495 reads fold=0 by the offset before the gap, fold=1 by the one after it
        if not is_rhythm:
            yield _end_of_gap(second, first, zone)
        return
    yield first
    if is_rhythm and second > first:
        yield second


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Find the minute at which the clocks jump, between two moments around it."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) // timedelta(minutes=2) * timedelta(minutes=1)
        before, after = (before, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, after)
    return after


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks show."""
    return moment.astimezone(zone).replace(tzinfo=None)
