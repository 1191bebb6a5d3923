"""The one clock: the API server's time, carried forward by the machine's boot clock (DESIGN 3.3).

The boot clock (CLOCK_BOOTTIME) keeps running while the machine sleeps and never jumps (TRAPS 46).
The local wall clock is never asked.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

# A `Date` header names the second that had begun, so the carried time may be up to one second ahead of it;
# beyond this the boot clock has drifted, or the server's clock was set back, and the header is believed.
_TOLERANCE = timedelta(seconds=3)


class ClockNotReadyError(Exception):
    """No answer of the API server was seen yet, so nobody knows what time it is."""


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
        """From now on answer at least `moment`: the newest time in the budget."""


def boot_time() -> float:
    """Seconds of the machine's boot clock: only differences mean something."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ServerClock:
    """The API server's `Date` header carried forward. Not thread-safe: it belongs to the main loop."""

    def __init__(self, boot: Callable[[], float] = boot_time) -> None:
        """Take the boot clock as a function, so that tests bring their own."""
        self._boot = boot
        self._sample: datetime | None = None
        self._sampled_at = 0.0
        self._floor = datetime.min.replace(tzinfo=UTC)

    @property
    def ready(self) -> bool:
        """Whether there was a sample."""
        return self._sample is not None

    def observe(self, date_header: str, received_at_boot: float) -> None:
        """Take a `Date` header and the boot time at which it arrived. An unreadable header is no sample."""
        try:
            said = parsedate_to_datetime(date_header)
        except ValueError:
            return
        said = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
        carried = self._carried(received_at_boot)
        if carried is not None and said <= carried <= said + _TOLERANCE:
            said = carried
        self._sample, self._sampled_at = said, received_at_boot

    def raise_to(self, moment: datetime) -> None:
        """From now on answer at least `moment`: the newest time in the budget. It is no sample."""
        self._floor = max(self._floor, moment.astimezone(UTC))

    def now(self) -> datetime:
        """Aware UTC; never decreases: where the server's time went back, it stands still until it is reached again."""
        carried = self._carried(self._boot())
        if carried is None:
            raise ClockNotReadyError("the API server has not told the time yet")
        self._floor = max(self._floor, carried)
        return self._floor

    def age(self) -> float:
        """Seconds since the last sample; infinite before the first."""
        return self._boot() - self._sampled_at if self.ready else float("inf")

    def _carried(self, boot: float) -> datetime | None:
        if self._sample is None:
            return None
        return self._sample + timedelta(seconds=max(0.0, boot - self._sampled_at))
