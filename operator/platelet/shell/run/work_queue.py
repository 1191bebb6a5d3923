"""A queue of keys: each is worked by one worker at a time, and what is added meanwhile is worked once more after.

Urgent keys come before the others, both in the order in which they were added; what comes due by its worker's own word
is urgent. None starves: where others wait, each fourth turn is theirs.
"""

import asyncio
import functools
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

K = TypeVar("K", bound=Hashable)
_FIRST_DELAY = 0.5  # seconds
_LONGEST_DELAY = 30.0
_URGENT_IN_A_ROW = 3  # turns, while something else waits
_log = structlog.get_logger("platelet.queue")


class WorkQueue(Generic[K]):
    """Level-triggered work: a key says where to look, never what happened there."""

    def __init__(self, workers: int = 4) -> None:
        """Use at most `workers` at a time, all made when `run` begins."""
        self._workers = workers
        self._waiting = asyncio.Semaphore(0)  # released once for each key that is queued
        self._urgent: OrderedDict[K, None] = OrderedDict()
        self._usual: OrderedDict[K, None] = OrderedDict()
        self._in_a_row = 0  # urgent ones that were just taken
        self._in_work: set[K] = set()
        self._again: dict[K, bool] = {}  # added while in work; whether that is urgent
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._all_taken = asyncio.Event()
        self._all_taken.set()

    @property
    def depth(self) -> int:
        """How many keys wait for a worker now; those due later do not count."""
        return len(self._urgent) + len(self._usual) + len(self._again)

    async def wait_until_idle(self) -> None:
        """Return when no worker is at work."""
        await self._idle.wait()

    async def wait_until_all_are_taken(self) -> None:
        """Return when no key waits for a worker."""
        await self._all_taken.wait()

    def add(self, key: K, *, urgent: bool = False) -> None:
        """Work the key as soon as a worker is free. Adding it many times is adding it once, as urgent as ever."""
        self._forget_timer(key)
        if key in self._in_work:
            self._again[key] = urgent or self._again.get(key, False)
        elif key in self._usual:
            if urgent:
                del self._usual[key]
                self._urgent[key] = None
        elif key not in self._urgent:
            (self._urgent if urgent else self._usual)[key] = None
            self._all_taken.clear()
            self._waiting.release()

    def add_after(self, key: K, seconds: float, *, urgent: bool = False) -> None:
        """Work the key in so many seconds at the latest; an earlier date that it already has stays."""
        if seconds <= 0:
            self.add(key, urgent=urgent)
            return
        if key in self._urgent or key in self._usual or key in self._again:
            return
        loop = asyncio.get_running_loop()
        due, timer = loop.time() + seconds, self._timers.get(key)
        if timer is not None and timer.when() <= due:
            return
        self._forget_timer(key)
        self._timers[key] = loop.call_at(due, functools.partial(self.add, key, urgent=urgent))

    async def run(self, worker: Callable[[K], Awaitable[float | None]]) -> None:
        """Work until cancelled. The worker answers in how many seconds the key is due again; None: when added.

        A worker that raises has its key back after an exponential, jittered delay.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work(worker))
        finally:
            for key in list(self._timers):
                self._forget_timer(key)

    async def _work(self, worker: Callable[[K], Awaitable[float | None]]) -> None:
        while True:
            await self._waiting.acquire()
            key = self._take()
            if not self._urgent and not self._usual:
                self._all_taken.set()
            self._in_work.add(key)
            self._idle.clear()
            due: float | None = None
            try:
                due = await worker(key)
                self._failures.pop(key, None)
            except Exception:  # noqa: BLE001 - one key's failure must not end the worker
                due = self._backoff(key)
                _log.exception("work_failed", key=key, again_in_seconds=round(due, 1))
            finally:
                self._finish(key, due)

    def _take(self) -> K:
        """The next key: an urgent one, but for each fourth turn where others wait."""
        if self._urgent and (self._in_a_row < _URGENT_IN_A_ROW or not self._usual):
            self._in_a_row += 1
            return self._urgent.popitem(last=False)[0]
        self._in_a_row = 0
        return self._usual.popitem(last=False)[0]

    def _finish(self, key: K, due: float | None) -> None:
        self._in_work.discard(key)
        if not self._in_work:
            self._idle.set()
        if key in self._again:
            urgent = self._again.pop(key)
            # After a failure the delay holds, so that a stream of additions cannot make a broken key spin.
            if key not in self._failures:
                self.add(key, urgent=urgent)
                return
        if due is not None:
            self.add_after(key, due, urgent=True)

    def _backoff(self, key: K) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest: float = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures, 20))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret

    def _forget_timer(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
