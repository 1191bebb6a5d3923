"""The one clock: the API server's time, carried forward by the machine's boot clock (DESIGN 3.3).

The boot clock (CLOCK_BOOTTIME) keeps running while the machine sleeps and never jumps (TRAPS 46), so it knows better
than any header how long something took: a header that contradicts it is no sample. The local wall clock is never asked.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

_TOLERANCE = 5.0  # seconds: a `Date` header tells the whole second that had begun, and servers differ by a little
_DRIFT = 0.002  # a server's clock and the boot clock part by less than this share of the time
_NEWNESS = 60.0  # seconds after the first sample in which the earliest of several servers is believed
_SILENCE = 60.0  # seconds: claims that lie further apart are not one claim that was upheld
_BELIEVED_BACK = 60.0  # seconds for which servers say that it is earlier before that is taken for the time
_BELIEVED_AHEAD = 1800.0  # seconds for which all say that it is later: a step forward ends pauses and people's patience
_RAISED_AT_MOST = timedelta(minutes=1)
_YEARS = range(2015, 9000)  # before and after, a machine tells what it was made with, not what time it is


class ClockNotReadyError(Exception):
    """Nobody knows what time it is: no answer of the API server was seen yet, or what it says cannot be believed."""


class Clock(Protocol):
    """What the time is, and how long ago the API server last said so."""

    @property
    def ready(self) -> bool:
        """Whether there was a sample."""

    def now(self) -> datetime:
        """Aware UTC; never decreases. Raises ClockNotReadyError before the first sample."""

    def age(self) -> float:
        """Seconds since the last sample; infinite before the first."""

    def raise_to(self, moment: datetime) -> None:
        """From now on answer at least `moment`, the newest time in the budget, if that lies in the next minute."""


def seconds_until(clock: Clock, moment: datetime | None) -> float | None:
    """In how many seconds it is that late: what is past is due in an instant. None, where there is no moment."""
    return None if moment is None else max(0.05, (moment - clock.now()).total_seconds())


def boot_time() -> float:
    """Seconds of the machine's boot clock: only differences mean something."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A time of the API server, and of the boot clock when it was true."""

    server_time: datetime
    boot: float

    def at(self, boot: float, rate: float = 1.0) -> datetime:
        return self.server_time + timedelta(seconds=rate * max(0.0, boot - self.boot))


@dataclass(frozen=True, slots=True)
class _Claim:
    """A time that contradicts ours, and since when it has been upheld."""

    moment: _Moment
    since: float

    def is_upheld_by(self, lead: float, carried: datetime, boot: float) -> bool:
        """Whether a server with this lead tells the same."""
        ours = (self.moment.at(boot) - carried).total_seconds()
        return abs(lead - ours) <= _tolerance(boot - self.moment.boot)

    def is_nearer(self, lead: float, carried: datetime, boot: float) -> bool:
        """Whether this claim is nearer to our time than a server with this lead, and was made lately."""
        ours = (self.moment.at(boot) - carried).total_seconds()
        return abs(ours) < abs(lead) and boot - self.moment.boot <= _SILENCE


class ServerClock:
    """The API servers' `Date` headers carried forward. Not thread-safe: it belongs to the main loop."""

    def __init__(self, boot: Callable[[], float] = boot_time) -> None:
        """Take the boot clock as a function, so that tests bring their own."""
        self._boot = boot
        self._sample: _Moment | None = None
        self._shown: _Moment | None = None  # what `now` last answered
        self._first_at = 0.0
        self._slack = 0.0  # seconds by which the time may still be set forward at once
        self._claims: dict[bool, _Claim] = {}  # of servers that lead, and of servers that lag
        self._header, self._server_time = "", _read("")  # what was heard last, and what it says

    @property
    def ready(self) -> bool:
        """Whether there was a sample."""
        return self._sample is not None

    def observe(self, date_header: str, received_at_boot: float) -> None:
        """Take a `Date` header and the boot time at which it arrived.

        One that cannot be read is no sample, nor is one that contradicts what the boot clock has counted, until it has
        been upheld, and nothing else been heard, for a minute (an earlier time) or for half an hour (a later one).
        """
        if date_header != self._header:
            self._header, self._server_time = date_header, _read(date_header)
        server_time, boot = self._server_time, received_at_boot
        if server_time is None:
            return
        sample = self._sample
        if sample is None:
            self._first_at = boot
            self._begin(server_time, boot)
            return
        carried, elapsed = sample.at(boot), max(0.0, boot - sample.boot)
        lead = (server_time - carried).total_seconds()
        if abs(lead) <= _tolerance(elapsed):
            self._agree(carried, lead, elapsed, boot)
        elif lead < 0 and boot - self._first_at < _NEWNESS:
            self._shown = None  # nothing was decided by a time that did not last its first minute
            self._begin(server_time, boot)
        elif self._is_upheld(server_time, lead, carried, boot):
            self._begin(server_time, boot)

    def raise_to(self, moment: datetime) -> None:
        """From now on answer at least `moment`, if that is near: another server's time was a little ahead of ours.

        A time far ahead in the budget was written by a clock that was wrong, or by people. It is no sample.
        """
        if self._sample is None:
            return
        boot = self._boot()
        if self._show(boot) < moment <= self._sample.at(boot) + _RAISED_AT_MOST:
            self._shown = _Moment(moment.astimezone(UTC), boot)

    def now(self) -> datetime:
        """Aware UTC; never decreases: where the servers' time went back, it runs at half speed until that is reached.

        Only within a minute after its first sample a clock may still be set back.
        """
        return self._show(self._boot())

    def age(self) -> float:
        """Seconds since the last sample; infinite before the first."""
        return self._boot() - self._sample.boot if self._sample is not None else float("inf")

    def _show(self, boot: float) -> datetime:
        if self._sample is None:
            raise ClockNotReadyError("the API server has not told the time yet")
        shown = self._sample.at(boot)
        if self._shown is not None:
            shown = max(shown, self._shown.at(boot, rate=0.5))
        self._shown = _Moment(shown, boot)
        return shown

    def _begin(self, server_time: datetime, boot: float) -> None:
        self._sample = _Moment(server_time, boot)
        self._slack = 1.0  # for the fraction of the second that the header left out
        self._claims.clear()

    def _agree(self, carried: datetime, lead: float, elapsed: float, boot: float) -> None:
        """Follow a server by no more than clocks drift: many small leads must not add up to a jump."""
        drift = _DRIFT * elapsed
        self._slack = max(self._slack, min(self._slack + drift, 1.0), drift)
        pull = min(lead, self._slack) if lead > 0 else max(min(0.0, lead + 1.0), -drift)
        self._slack -= max(0.0, pull)
        self._sample = _Moment(carried + timedelta(seconds=pull), boot)
        self._claims.clear()

    def _is_upheld(self, server_time: datetime, lead: float, carried: datetime, boot: float) -> bool:
        """Note what contradicts our time; of several such servers the one nearest to it counts."""
        claim = self._claims.get(lead > 0)
        since = boot
        if claim is not None and claim.is_upheld_by(lead, carried, boot):
            since = claim.since if boot - claim.moment.boot <= _SILENCE else boot
        elif claim is not None and claim.is_nearer(lead, carried, boot):
            return False
        self._claims[lead > 0] = _Claim(_Moment(server_time, boot), since)
        return boot - since >= (_BELIEVED_AHEAD if lead > 0 else _BELIEVED_BACK)


def _tolerance(elapsed: float) -> float:
    """By how many seconds two clocks may differ that agreed so many seconds ago."""
    return _TOLERANCE + _DRIFT * max(0.0, elapsed)


def _read(date_header: str) -> datetime | None:
    try:
        server_time = parsedate_to_datetime(date_header)
        server_time = server_time.replace(tzinfo=UTC) if server_time.tzinfo is None else server_time.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return server_time if server_time.year in _YEARS else None
