"""Wakes the Remediations of a workload when something happens to it."""

from platelet.model.workload import WorkloadRef
from platelet.shell.run.incidents import Incidents
from platelet.shell.run.tasks import Task
from platelet.shell.run.work_queue import WorkQueue
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.watch.workload_records import WorkloadRecord


class Waker:
    """Adds to the queue what an event of a workload calls for."""

    def __init__(self, queue: WorkQueue[Task], incidents: Incidents, index: RemediationIndex) -> None:
        """`incidents` are those that were looked at; the `index` knows of others, too."""
        self._queue = queue
        self._incidents = incidents
        self._index = index
        self._seen: dict[WorkloadRef, tuple[object, ...]] = {}  # of each workload, what is not its status

    def wake_all(self) -> None:
        """Look at all open Remediations."""
        for target in self._incidents.targets():
            self.wake(target)

    def wake(self, target: WorkloadRef, *, patient: bool = True, but: str = "") -> None:
        """Look at its Remediations but one; unless `patient`, not at those that wait for a limit or a time."""
        known = set(self._incidents.of(target))
        names = known if patient else set(self._incidents.impatient(target))
        names |= set(self._index.open_names(target)) - known  # nobody has looked at these yet
        for name in sorted(names - {but}):
            self._queue.add_after(("remediation", target.namespace, name), self._incidents.pause(target, name))

    def is_news(self, target: WorkloadRef, workload: WorkloadRecord | None) -> bool:
        """Whether more of a workload than its status has changed since its stream showed it last; None: deleted."""
        before = self._seen.pop(target, None)
        if workload is None:
            return True
        self._seen[target] = seen = (workload.uid, workload.generation, workload.labels, workload.deleting)
        return before != seen
