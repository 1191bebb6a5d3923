"""Deliveries beside the work that heals: what hangs keeps others neither from being told nor from being healed.

Each place has a few deliveries under way at most, and all places together have a bound of their own. What is on its
way, and how the last tries went, dies with the process: whoever leads next tells again, under the same id.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import structlog

from platelet.model.effects import Correlation, Deliver
from platelet.model.notification import Holder
from platelet.model.request import Request
from platelet.model.situation import DeliveryResult
from platelet.shell.kube.latest import Latest

_OF_A_PLACE = 2  # deliveries to one host at a time
_AT_ONCE = 64  # to all of them; each is over within the courier's timeout
_REMEMBERED = 1000  # results
_log = structlog.get_logger("platelet.outbox")


class Courier(Protocol):
    """Sends requests."""

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """Try once. Never raises."""

    async def call(self, request: Request, timeout: float) -> int:  # noqa: ASYNC109 - the call's own bound
        """Send it once; the status of the answer. Raises Refused where it surely was not sent, else Unanswered."""


class Outbox:
    """Takes deliveries, and remembers of each holder what is on its way and what came of it."""

    def __init__(self, courier: Courier) -> None:
        """Nothing is sent before `run`."""
        self._courier = courier
        self._waiting: asyncio.Queue[Deliver] = asyncio.Queue()
        self._in_flight: dict[Holder, set[tuple[str, str]]] = {}
        self._results: Latest[tuple[Holder, str, str], DeliveryResult] = Latest(_REMEMBERED)
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def send(self, delivery: Deliver) -> None:
        """Let it go out when its turn comes. What is on its way already is not sent twice."""
        correlation = delivery.correlation
        in_flight = self._in_flight.setdefault(correlation.holder, set())
        if (correlation.id, correlation.sink) not in in_flight:
            in_flight.add((correlation.id, correlation.sink))
            self._waiting.put_nowait(delivery)

    async def call(self, request: Request, timeout: float) -> int:  # noqa: ASYNC109 - the call's own bound
        """Send a request now, once, as the courier does."""
        return await self._courier.call(request, timeout)

    def note(self, correlation: Correlation, result: DeliveryResult) -> None:
        """Remember how a try went, also one that was no delivery of ours."""
        key = (correlation.holder, correlation.id, correlation.sink)
        self._results.put(key, result)

    def results(self, holder: Holder) -> tuple[DeliveryResult, ...]:
        """How the last try of each of its notifications went, as far as it is remembered. Asking changes nothing."""
        return tuple(result for (whose, _, _), result in self._results.items() if whose == holder)

    def in_flight(self, holder: Holder) -> frozenset[tuple[str, str]]:
        """The id and the sink of each of its notifications that is being told."""
        return frozenset(self._in_flight.get(holder, ()))

    async def run(self, on_result: Callable[[Holder], None]) -> None:
        """Send until cancelled. `on_result` hears whose notification there is a result for."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    delivery = await self._waiting.get()
                    group.create_task(self._send(delivery, on_result))
        finally:
            self._waiting = asyncio.Queue()
            self._in_flight.clear()

    async def _send(self, delivery: Deliver, on_result: Callable[[Holder], None]) -> None:
        correlation = delivery.correlation
        place = self._places.setdefault(_place_of(delivery.request.url), asyncio.Semaphore(_OF_A_PLACE))
        try:
            async with place, self._at_once:
                result = await self._courier.deliver(delivery)
        except Exception:  # noqa: BLE001 - a fault of ours: it is on record as a failure, and tried again
            _log.exception("a delivery has failed", sink=correlation.sink, id=correlation.id)
            result = correlation.result("a fault of the operator")
        self.note(correlation, result)
        self._arrive(correlation)
        on_result(correlation.holder)

    def _arrive(self, correlation: Correlation) -> None:
        in_flight = self._in_flight.get(correlation.holder, set())
        in_flight.discard((correlation.id, correlation.sink))
        if not in_flight:
            self._in_flight.pop(correlation.holder, None)


def _place_of(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:  # the courier says what is wrong with it
        return ""
