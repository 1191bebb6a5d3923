"""Reads what may block an act: the Jobs and pods that run, and which alerts fire."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from platelet.api.readers import running
from platelet.core import blocks
from platelet.model.blocking import KnownAlerts, Running
from platelet.model.resource import JOBS
from platelet.model.situation import Situation
from platelet.shell.kube import PODS, Reads, Refused
from platelet.shell.read.recent_answers import Recent


class BlockReader:
    """Adds to a situation what the `blockWhile` of its policy and of the ActionBudget ask for."""

    def __init__(
        self, kube: Reads, now: Callable[[], datetime], present_alerts: Callable[[], KnownAlerts | None]
    ) -> None:
        """`present_alerts` is what Alertmanager said last."""
        self._kube = kube
        self._now = now
        self._present_alerts = present_alerts
        self._running: Recent[tuple[str, str], tuple[Running, ...] | None] = Recent()

    async def add(self, situation: Situation, patience: float) -> Situation:
        """What runs may have been read up to `patience` seconds ago. Raises ApiError."""
        selectors, namespace = sorted(blocks.selectors(situation)), situation.target.namespace
        answers = await asyncio.gather(*(self._ask(namespace, selector, patience) for selector in selectors))
        known = {selector: runs for selector, runs in zip(selectors, answers, strict=True) if runs is not None}
        firing = blocks.firing(situation, self._present_alerts(), self._now())
        return replace(
            situation,
            surroundings=replace(situation.surroundings, running=known),
            knowledge=replace(situation.knowledge, firing=firing),
        )

    async def _ask(self, namespace: str, selector: str, patience: float) -> tuple[Running, ...] | None:
        return await self._running.ask((namespace, selector), patience, lambda: self._read(namespace, selector))

    async def _read(self, namespace: str, selector: str) -> tuple[Running, ...] | None:
        """None where they may not be read."""
        try:
            jobs, pods = await asyncio.gather(
                self._kube.list(JOBS, namespace, labels=selector), self._kube.list(PODS, namespace, labels=selector)
            )
        except Refused:
            return None
        return (*running.read_jobs(jobs), *running.read_pods(pods))
