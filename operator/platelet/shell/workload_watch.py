"""From workloads to Remediations: which of them show a condition that a policy's trigger matches."""

from collections import defaultdict
from datetime import datetime

from platelet.core import signals
from platelet.model.signal import Evidence
from platelet.model.workload import Workload, WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.kube import Kube
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.sight import SettlePods, Sight, see
from platelet.triggers import workload as workload_trigger


class WorkloadWatch:
    """Judges one workload at a time, on a fresh read: the stream only says when to look."""

    def __init__(
        self, kube: Kube, clock: Clock, book: PolicyBook, opener: Opener, *, settle: SettlePods = tuple
    ) -> None:
        """Take what to read, the time, the policies, and who opens Remediations."""
        self._settle = settle
        self._kube = kube
        self._clock = clock
        self._book = book
        self._opener = opener
        self._short_since: dict[WorkloadRef, datetime] = {}  # until a Remediation remembers it

    def short(self) -> list[WorkloadRef]:
        """The workloads that had fewer pods than wanted at the last look: what a resync looks at again."""
        return list(self._short_since)

    async def look(self, target: WorkloadRef) -> datetime | None:
        """Open or update what the workload calls for; when time alone may change the answer. Raises ApiError."""
        asking = [each for each in self._book.concerning(target.namespace) if each.loaded.workload_triggers]
        sight = (
            await see(self._kube, target, with_records=False, settle=self._settle) if asking else Sight(workload=None)
        )
        if sight.workload is None:
            self._short_since.pop(target, None)
            return None
        labels = sight.workload.labels
        matching = [each for each in asking if each.loaded.targets.matches(labels, target.name, target.kind)]
        return await self._judge(sight.workload, sight, matching)

    async def _judge(self, workload: Workload, sight: Sight, matching: list[Standing]) -> datetime | None:
        now = self._clock.now()
        since = self._remember(workload, now)
        facts: dict[str, Evidence] = {}
        bidders: dict[str, list[Standing]] = defaultdict(list)
        again_at = []
        for standing in matching:
            for trigger in standing.loaded.workload_triggers:
                again_at.append(workload_trigger.next_change(trigger, workload, sight.pods, now, since))
                signal = workload_trigger.observe(trigger, workload, sight.pods, "", now, since)
                if signal is not None:
                    facts.setdefault(signal.fingerprint, signals.as_evidence(signal, now))
                    bidders[signal.fingerprint].append(standing)
        for fingerprint, fact in facts.items():
            await self._opener.bring(workload.ref, [fact], bidders[fingerprint])
        return min((each for each in again_at if each is not None), default=None)

    def _remember(self, workload: Workload, now: datetime) -> datetime | None:
        if workload_trigger.is_short(workload):
            return self._short_since.setdefault(workload.ref, now)
        self._short_since.pop(workload.ref, None)
        return None
