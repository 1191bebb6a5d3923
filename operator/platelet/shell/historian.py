"""Keeps the revision records of targeted workloads: what was seen, and what proved itself healthy."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from platelet.core import history
from platelet.model.remediation import Remediation
from platelet.model.workload import WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.gathering import Sight, read_remediations, see
from platelet.shell.hands import Hands
from platelet.shell.kube import Kube

_RETRY = timedelta(seconds=30)  # after an effect that came to nothing


class Historian:
    """Looks at one workload and runs what `core.history` makes of it."""

    def __init__(self, kube: Kube, clock: Clock, hands: Hands, healthy_for: timedelta) -> None:
        """`healthy_for` is how long a template must run without a restart to count as proven."""
        self._kube = kube
        self._clock = clock
        self._hands = hands
        self._healthy_for = healthy_for

    async def look(self, target: WorkloadRef) -> datetime | None:
        """Bring the records up to date; when to look again by time alone. Raises ApiError when a read fails."""
        sight = await see(self._kube, target)
        siblings = await read_remediations(self._kube, target.namespace)
        return await self.record(sight, target, siblings)

    async def record(self, sight: Sight, target: WorkloadRef, siblings: Sequence[Remediation]) -> datetime | None:
        """The same for a workload that was just read."""
        if sight.workload is None:
            return None
        now = self._clock.now()
        effects, again_at = history.observe(
            history.Sighting(
                workload=sight.workload,
                replica_sets=sight.replica_sets,
                pods=sight.pods,
                records=sight.records,
                incident=_incident(target, siblings),
            ),
            self._healthy_for,
            now,
        )
        results = [await self._hands.run(effect) for effect in effects]
        if not all(results):
            return now + _RETRY
        return now if effects else again_at


def _incident(target: WorkloadRef, siblings: Sequence[Remediation]) -> history.Incident:
    states = {
        each.status.state
        for each in siblings
        if (each.spec.target_ref.kind, each.spec.target_ref.name) == (target.kind, target.name)
    }
    if states & {"Acting", "Verifying"}:
        return "changing"
    return "open" if states & {"Waiting", "Escalated"} else "none"
