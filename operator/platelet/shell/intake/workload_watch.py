"""From workloads to Remediations: which of them show a condition that a policy's trigger matches."""

from collections import defaultdict
from datetime import datetime

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core import signals
from platelet.model.signal import Evidence
from platelet.model.snapshot import Snapshot
from platelet.model.trigger import Sighting
from platelet.model.workload import Workload, WorkloadRef
from platelet.shell.kube.clock import Clock
from platelet.shell.read.snapshots import SettlePods, read_from
from platelet.shell.read.sources import Source
from platelet.shell.store.opener import Opener
from platelet.shell.store.policies import PolicyBook


class WorkloadWatch:
    """Judges one workload at a time, as it is remembered: who acts on what is opened looks again."""

    def __init__(
        self,
        source: Source,
        clock: Clock,
        book: PolicyBook,
        opener: Opener,
        *,
        settle: SettlePods = tuple,
    ) -> None:
        """Take what to read, the time, the policies, and who opens Remediations."""
        self._settle = settle
        self._source = source
        self._clock = clock
        self._book = book
        self._opener = opener
        self._short_since: dict[WorkloadRef, datetime] = {}  # until a Remediation remembers it

    def short(self) -> list[WorkloadRef]:
        """The workloads that had fewer pods than wanted at the last look: what a resync looks at again."""
        return list(self._short_since)

    async def look(self, target: WorkloadRef) -> datetime | None:
        """Open or update what the workload calls for; when time alone may change the answer. Raises ApiError."""
        asking = [
            resolved for resolved in self._book.concerning(target.namespace) if resolved.loaded.woken_by("workload")
        ]
        snapshot = (
            await read_from(self._source, target, with_records=False, settle=self._settle)
            if asking
            else Snapshot(workload=None)
        )
        if snapshot.workload is None:
            self._short_since.pop(target, None)
            return None
        labels = snapshot.workload.labels
        matching = [
            resolved for resolved in asking if resolved.loaded.targets.matches(labels, target.name, target.kind)
        ]
        return await self._judge(snapshot.workload, snapshot, matching)

    async def _judge(self, workload: Workload, snapshot: Snapshot, matching: list[ResolvedPolicy]) -> datetime | None:
        now = self._clock.now()
        sighting = Sighting(pods=snapshot.pods, workload=workload, short_since=self._remember(workload, now))
        facts: dict[str, Evidence] = {}
        bidders: dict[str, list[ResolvedPolicy]] = defaultdict(list)
        again_at = []
        for resolved in matching:
            for trigger, settings in resolved.loaded.woken_by("workload"):
                again_at.append(trigger.next_change(settings, sighting, now))
                signal = trigger.observe(settings, sighting, now)
                if signal is not None:
                    facts.setdefault(signal.fingerprint, signals.as_evidence(signal, now))
                    bidders[signal.fingerprint].append(resolved)
        for fingerprint, fact in facts.items():
            await self._opener.bring(workload.ref, [fact], bidders[fingerprint])
        return min((moment for moment in again_at if moment is not None), default=None)

    def _remember(self, workload: Workload, now: datetime) -> datetime | None:
        if workload.is_short:
            return self._short_since.setdefault(workload.ref, now)
        self._short_since.pop(workload.ref, None)
        return None
