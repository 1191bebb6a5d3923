"""Keeps the revision records of targeted workloads: what was seen, and what proved itself healthy."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from platelet import sinks
from platelet.api import workloads
from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.core import history
from platelet.model.effects import Effect, MarkRevision
from platelet.model.remediation import Remediation
from platelet.model.workload import Workload, WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.hands import Hands
from platelet.shell.kube import WORKLOADS, Kube, NotFound
from platelet.shell.sight import SettlePods, Sight, see
from platelet.shell.survey import survey

_RETRY = timedelta(seconds=30)  # after an effect that came to nothing


class Historian:
    """Looks at one workload and runs what `core.history` makes of it."""

    def __init__(  # noqa: PLR0913 - what it looks with
        self,
        kube: Kube,
        clock: Clock,
        hands: Hands,
        healthy_for: timedelta,
        *,
        home: str = OPERATOR_NAMESPACE,
        settle: SettlePods = tuple,
    ) -> None:
        """`healthy_for` is how long a template must run without a restart to count as proven.

        `home` is the operator's own namespace, where that is attested.
        """
        self._home = home
        self._settle = settle
        self._kube = kube
        self._clock = clock
        self._hands = hands
        self._healthy_for = healthy_for

    async def look(self, target: WorkloadRef, *, acting: bool) -> datetime | None:
        """Bring the records up to date; when to look again by time alone. Raises ApiError when a read fails.

        Where a policy may act (not only observe), the mark of an escalation that is over is removed (TRAPS 42).
        """
        sight = await see(self._kube, target, self._home, settle=self._settle)
        found = await survey(self._kube, target.namespace)
        siblings = found.of(target)
        if acting and sight.workload is not None and not found.busy(target):  # an unreadable one may have set the mark
            marked = {each.uid for each in siblings if each.status.state == "Escalated"}
            for effect in sinks.scrub(sight.workload, marked):
                await self._hands.run(effect)
        return await self.record(sight, siblings)

    async def record(self, sight: Sight, siblings: Sequence[Remediation]) -> datetime | None:
        """Bring the records of a workload that was just read up to date, knowing its Remediations."""
        if sight.workload is None:
            return None
        now = self._clock.now()
        effects, again_at = history.observe(_sighting(sight, sight.workload, siblings, now), self._healthy_for, now)
        if any(_is_blame(each) for each in effects) and await self._has_another_template(sight.workload):
            return now  # the incident that was read after the workload may be that of a release in between
        results = [await self._hands.run(effect) for effect in effects]
        if not all(results):
            return now + _RETRY
        return now if effects else again_at

    async def _has_another_template(self, seen: Workload) -> bool:
        """Whether it has been released, or deleted, since it was read."""
        ref = seen.ref
        try:
            stored = await self._kube.get(WORKLOADS[ref.kind], ref.namespace, ref.name)
        except NotFound:
            return True
        return workloads.read_workload(ref.kind, stored).template_hash != seen.template_hash


def _is_blame(effect: Effect) -> bool:
    return isinstance(effect, MarkRevision) and effect.health == "Suspect"


def _sighting(sight: Sight, workload: Workload, siblings: Sequence[Remediation], now: datetime) -> history.Sighting:
    sighting = history.Sighting(
        workload=workload,
        revisions=sight.revisions,
        pods=sight.pods,
        records=tuple(each.as_of(now) for each in sight.records),
        attempts=tuple(attempt for each in siblings for attempt in each.status.attempts),
    )
    return replace(sighting, incident=history.incident_of(sighting, siblings, now))
