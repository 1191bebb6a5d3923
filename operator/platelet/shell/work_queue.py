"""A queue of keys: each is worked by one worker at a time, and what is added meanwhile is worked once more after."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

K = TypeVar("K", bound=Hashable)
_FIRST_DELAY = 0.5  # seconds
_LONGEST_DELAY = 30.0
_log = structlog.get_logger("platelet.queue")


class WorkQueue(Generic[K]):
    """Level-triggered work: a key says where to look, never what happened there."""

    def __init__(self, workers: int = 4) -> None:
        """Use at most `workers` at a time, all made when `run` begins."""
        self._workers = workers
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._queued: set[K] = set()
        self._in_work: set[K] = set()
        self._again: set[K] = set()  # added while in work
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def depth(self) -> int:
        """How many keys wait for a worker now; those due later do not count."""
        return len(self._queued) + len(self._again)

    async def wait_until_idle(self) -> None:
        """Return when no worker is at work."""
        await self._idle.wait()

    def add(self, key: K) -> None:
        """Work the key as soon as a worker is free. Adding it many times is adding it once."""
        self._forget_timer(key)
        if key in self._in_work:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Work the key in so many seconds at the latest; an earlier date that it already has stays."""
        if seconds <= 0:
            self.add(key)
            return
        if key in self._queued or key in self._again:
            return
        loop = asyncio.get_running_loop()
        due, timer = loop.time() + seconds, self._timers.get(key)
        if timer is not None and timer.when() <= due:
            return
        self._forget_timer(key)
        self._timers[key] = loop.call_at(due, self.add, key)

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
            key = await self._ready.get()
            self._queued.discard(key)
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

    def _finish(self, key: K, due: float | None) -> None:
        self._in_work.discard(key)
        if not self._in_work:
            self._idle.set()
        if key in self._again:
            self._again.discard(key)
            # After a failure the delay holds, so that a stream of additions cannot make a broken key spin.
            if key not in self._failures:
                self.add(key)
                return
        if due is not None:
            self.add_after(key, due)

    def _backoff(self, key: K) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest: float = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures, 20))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret

    def _forget_timer(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
