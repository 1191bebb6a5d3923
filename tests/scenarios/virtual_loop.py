"""An event loop in virtual time: it never waits, it stops when nothing is ready and says when something will be.

One loop per process: a process that is killed or stands still simply has its loop not run any more, as after a SIGKILL
or SIGSTOP.
"""

import asyncio
import math
import selectors
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from platelet.replay.virtual_clock import VirtualClock

_MICROSECONDS = 1_000_000


class _NeverWaiting(selectors.DefaultSelector):
    """Stops its loop where the loop would wait."""

    def __init__(self) -> None:
        super().__init__()
        self.loop: VirtualLoop | None = None
        self.waits_for: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.waits_for = timeout
        if timeout is None or timeout > 0:
            assert self.loop is not None
            self.loop.stop()
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time is the virtual clock's. What would be logged and forgotten is kept in `complaints`."""

    def __init__(self, clock: VirtualClock) -> None:
        """Belongs to one process."""
        selector = _NeverWaiting()
        self._virtual_clock = clock
        self.complaints: list[Mapping[str, Any]] = []
        super().__init__(selector)
        selector.loop, self._never_waiting = self, selector
        self.set_exception_handler(lambda _loop, context: self.complaints.append(context))

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual_clock.seconds()

    def run_until_idle(self) -> None:
        """Run whatever is ready now."""
        self.run_forever()

    def next_due(self) -> datetime | None:
        """When a timer goes off; None when only others can wake this loop."""
        wait = self._never_waiting.waits_for
        if wait is None:
            return None
        return self._virtual_clock.moment + timedelta(microseconds=max(1, math.ceil(wait * _MICROSECONDS)))
