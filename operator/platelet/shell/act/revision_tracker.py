"""Keeps the revision records of targeted workloads: what was seen, and what proved itself healthy.

It scouts on memory. What is then to be written is decided anew on a quorum.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from platelet import sinks
from platelet.core import history
from platelet.model.effects import Effect, MarkRevision
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.remediation import Remediation
from platelet.model.snapshot import Snapshot
from platelet.model.workload import Workload, WorkloadRef
from platelet.shell.act.effects import EffectRunner
from platelet.shell.kube import Reads
from platelet.shell.kube.clock import Clock
from platelet.shell.read.snapshots import SettlePods, read_from
from platelet.shell.read.sources import sources_of
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.watch.cluster_memory import ClusterMemory

_RETRY = timedelta(seconds=30)  # after an effect that came to nothing


class RevisionTracker:
    """Looks at one workload, and runs the effects that follow from it by `core.history`."""

    def __init__(  # noqa: PLR0913 - what it looks with
        self,
        kube: Reads,
        clock: Clock,
        runner: EffectRunner,
        healthy_for: timedelta,
        *,
        home: str = OPERATOR_NAMESPACE,
        settle: SettlePods = tuple,
        index: RemediationIndex | None = None,
        memory: ClusterMemory | None = None,
    ) -> None:
        """`healthy_for` is how long a template must run without a restart to count as proven.

        `home` is the operator's own namespace, where that is attested.
        """
        self._index = index or RemediationIndex(kube)
        self._sources = sources_of(kube, memory or ClusterMemory())
        self._home = home
        self._settle = settle
        self._clock = clock
        self._runner = runner
        self._healthy_for = healthy_for
        self._turns: WeakValueDictionary[WorkloadRef, asyncio.Lock] = WeakValueDictionary()  # of those at work

    async def look(self, target: WorkloadRef, *, acting: bool) -> datetime | None:
        """Bring the records up to date; when to look again by time alone. Raises ApiError when a read fails.

        Where a policy may act (not only observe), the mark of an escalation that is over is removed (TRAPS 42).
        """
        async with self._turn_of(target):
            snapshot = await read_from(self._sources.remembered, target, self._home, settle=self._settle)
            remediations = await self._index.about(target)
            siblings = remediations.of(target)
            if (
                acting and snapshot.workload is not None and not remediations.busy(target)
            ):  # an unreadable one may have set the mark
                marked = {sibling.uid for sibling in siblings if sibling.status.state == "Escalated"}
                for effect in sinks.scrub(snapshot.workload, marked):
                    await self._runner.run(effect)
            return await self._record(snapshot, siblings)

    def _observe(
        self, snapshot: Snapshot, siblings: Sequence[Remediation]
    ) -> tuple[tuple[Effect, ...], datetime | None]:
        if snapshot.workload is None:
            return (), None
        now = self._clock.now()
        return history.observe(_sighting(snapshot, snapshot.workload, siblings, now), self._healthy_for, now)

    async def record(self, target: WorkloadRef, snapshot: Snapshot, siblings: Sequence[Remediation]) -> None:
        """Bring the records of a workload up to date as it was seen, knowing its Remediations. Raises ApiError.

        Where another look is just at it, that is waited for, and what it has left is done.
        """
        turn = self._turn_of(target)
        overtaken = turn.locked()
        async with turn:
            if overtaken:
                snapshot = await read_from(self._sources.remembered, target, self._home, settle=self._settle)
            await self._record(snapshot, siblings)

    def _turn_of(self, target: WorkloadRef) -> asyncio.Lock:
        """Let one look at a time write for a workload: two would cause each other conflicts."""
        return self._turns.setdefault(target, asyncio.Lock())

    async def _record(self, snapshot: Snapshot, siblings: Sequence[Remediation]) -> datetime | None:
        """When to look again by time alone.

        How healthy a template is, is what its pods do: for that they are read again, after the Remediations were read,
        which may tell of a release that the first look did not see yet: it would blame the template before that. That
        there is a template, and that it is live, a workload tells for good.
        """
        effects, again_at = self._observe(snapshot, siblings)
        if snapshot.workload is not None and any(isinstance(effect, MarkRevision) for effect in effects):
            snapshot = await read_from(self._sources.target, snapshot.workload.ref, self._home, settle=self._settle)
            effects, again_at = self._observe(snapshot, siblings)
        if snapshot.workload is None:
            return None
        now = self._clock.now()
        results = [await self._runner.run(effect) for effect in effects]
        if not all(results):
            return now + _RETRY
        return now if effects else again_at


def _sighting(
    snapshot: Snapshot, workload: Workload, siblings: Sequence[Remediation], now: datetime
) -> history.Sighting:
    sighting = history.Sighting(
        workload=workload,
        revisions=snapshot.revisions,
        pods=snapshot.pods,
        records=tuple(record.as_of(now) for record in snapshot.records),
        attempts=tuple(attempt for sibling in siblings for attempt in sibling.status.attempts),
    )
    return replace(sighting, incident=history.incident_of(sighting, siblings, now))
