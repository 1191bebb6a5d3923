"""Health by HTTP: /healthz (alive), /readyz (what it knows is up to date), /metrics."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler

from platelet.shell.kube import clock
from platelet.shell.watch.stream import BELIEVED, TypedStream

Check = Callable[[], str]
"""Says what is wrong; empty when nothing is."""

CLOCK_AGE = 60.0  # seconds; older time allows no new attempt (DESIGN 3.3)
_BEAT = 1.0
_STALLED = 15.0


def application(registry: CollectorRegistry, alive: Sequence[Check], ready: Sequence[Check]) -> web.Application:
    """Build the application; the caller runs it."""
    app = web.Application()
    app.router.add_get("/healthz", _answering(alive))
    app.router.add_get("/readyz", _answering(ready))
    app.router.add_get("/metrics", make_aiohttp_handler(registry))
    return app


def stream_is_current(name: str, stream: TypedStream[Any], silence: float = BELIEVED) -> Check:
    """Check that a stream has all objects and still speaks."""

    def check() -> str:
        if not stream.synced:
            return f"the {name} stream has not listed everything yet"
        return f"the {name} stream has been silent for more than {silence:.0f} s" if stream.silent(silence) else ""

    return check


def clock_is_fresh(server_clock: clock.Clock, age: float = CLOCK_AGE) -> Check:
    """Check that the API server told the time lately."""

    def check() -> str:
        if not server_clock.ready:
            return "the API server has not told the time yet"
        if server_clock.age() <= age:
            return ""
        return f"the API server has not told the time for {age:.0f} s, or one that contradicts what it told before"

    return check


class LagWatchdog:
    """Measures how late the event loop is: what blocks it also blocks the renewal of the lease (TRAPS 35)."""

    def __init__(self, on_lag: Callable[[float], None]) -> None:
        """`on_lag` hears the seconds of each beat, for the metric."""
        self._on_lag = on_lag
        self._beat_at = time.monotonic()
        self._lag = 0.0

    async def run(self) -> NoReturn:
        """Beat until cancelled."""
        while True:
            self._beat_at = time.monotonic()
            await asyncio.sleep(_BEAT)
            self._lag = max(0.0, time.monotonic() - self._beat_at - _BEAT)
            self._on_lag(self._lag)

    def check(self) -> str:
        """Say whether the loop has stalled, or the watchdog itself has."""
        late = max(self._lag, time.monotonic() - self._beat_at - _BEAT)
        return f"the event loop was {late:.0f} s late" if late > _STALLED else ""


def _answering(checks: Sequence[Check]) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.Response:
        wrong = [fault for check in checks if (fault := check())]
        return web.Response(status=503 if wrong else 200, text="\n".join(wrong or ["ok"]) + "\n")

    return answer
