"""The lane of what is remembered of workloads: it takes its time, and gives way to what is sick and what heals it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from platelet.model.policy import ACTING
from platelet.model.workload import WorkloadRef
from platelet.shell.act.revision_tracker import RevisionTracker
from platelet.shell.intake.pod_watch import PodWatch
from platelet.shell.kube.clock import Clock, seconds_until
from platelet.shell.run.work_queue import WorkQueue

_PAUSE = 0.5  # seconds; a rollout speaks many times
_PATIENCE = 15.0  # seconds for which it gives way at most, so that no storm keeps it from going on


class HistoryLane:
    """Looks at workloads for their revision records, with workers of its own."""

    def __init__(
        self,
        clock: Clock,
        pod_watch: PodWatch,
        tracker: RevisionTracker,
        give_way: Callable[[], Awaitable[None]],
        workers: int,
    ) -> None:
        """`give_way` returns when no healing waits for a worker."""
        self._clock = clock
        self._pod_watch = pod_watch
        self._tracker = tracker
        self._give_way = give_way
        self._queue: WorkQueue[WorkloadRef] = WorkQueue(workers)
        self._leading = False

    @property
    def depth(self) -> int:
        """How many workloads wait for a worker."""
        return self._queue.depth

    async def run(self) -> None:
        """Work until cancelled."""
        await self._queue.run(self._look)

    async def wait_until_idle(self) -> None:
        """Return when no worker is at work."""
        await self._queue.wait_until_idle()

    def lead(self, *, leading: bool) -> None:
        """Only the leader keeps records."""
        self._leading = leading

    def add(self, target: WorkloadRef) -> None:
        """Look at it as soon as a worker is free."""
        self._queue.add(target)

    def add_soon(self, target: WorkloadRef) -> None:
        """Look at it in a moment: there may be more to come."""
        self._queue.add_after(target, _PAUSE)

    async def _look(self, target: WorkloadRef) -> float | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._give_way()
        modes = self._pod_watch.modes(target) if self._leading else set()
        if not modes:
            return None
        due_at = await self._tracker.look(target, acting=not modes.isdisjoint(ACTING))
        return seconds_until(self._clock, due_at)
