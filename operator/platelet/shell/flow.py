"""Which key leads where: the leader's work, level-triggered, from one queue."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from platelet.model.policy import ACTING
from platelet.model.remediation import Remediation
from platelet.model.workload import Kind, Pod, WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.held_alerts import HeldAlerts
from platelet.shell.historian import Historian
from platelet.shell.kube import POLICIES, REMEDIATIONS, RUNBOOKS, Kube
from platelet.shell.narrator import Narrator
from platelet.shell.pod_watch import Key, PodWatch
from platelet.shell.policy_book import PolicyBook
from platelet.shell.reconciler import Reconciler
from platelet.shell.sweeper import Sweeper
from platelet.shell.work_queue import WorkQueue
from platelet.shell.workload_records import WorkloadRecord
from platelet.shell.workload_watch import WorkloadWatch

What = Literal["remediation", "pods", "workload", "history", "policies", "budget", "sweep"]
Task = tuple[What, *tuple[Any, ...]]
"""What to look at: kind of look, then the target, the owner of pods, or a namespace and a name."""

_HISTORY_PAUSE = 0.5  # seconds; a rollout speaks many times
_BUDGET_PAUSE = 1.0  # seconds; the budget changes with every attempt, mostly by our own hand
POLICIES_TASK: Task = ("policies",)
BUDGET_TASK: Task = ("budget",)
SWEEP_TASK: Task = ("sweep",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Who does the looking."""

    kube: Kube
    clock: Clock
    book: PolicyBook
    reconciler: Reconciler
    historian: Historian
    pod_watch: PodWatch
    workload_watch: WorkloadWatch
    sweeper: Sweeper
    held_alerts: HeldAlerts
    narrator: Narrator


class Flow:
    """Feeds the queue while leading. Streams call `on_pod` and `on_workload` always: their memory stays warm."""

    def __init__(self, parts: Parts, queue: WorkQueue[Task], resync: float) -> None:
        """`resync` is how often, in seconds, everything open is looked at again whatever happened."""
        self._parts = parts
        self._queue = queue
        self._resync = resync
        self._leading = False
        self._open: dict[
            WorkloadRef, set[str]
        ] = {}  # names of the Remediations of a target that are open, or whose end is still to be told
        self._told: dict[str, tuple[str, str]] = {}  # state and reason of the open ones at the last look, by uid
        self._works: dict[What, Callable[[Task], Awaitable[float | None]]] = {
            "remediation": self._remediation,
            "pods": self._pods,
            "workload": self._workload,
            "history": self._history,
            "policies": self._policies,
            "budget": self._budget,
            "sweep": self._sweep,
        }

    def begin(self) -> None:
        """We lead: look at everything once."""
        self._leading = True
        self._queue.add(SWEEP_TASK)
        self._look_at_all()

    def end(self) -> None:
        """We lead no more."""
        self._leading = False

    async def work(self, task: Task) -> float | None:
        """Do one look; in how many seconds it is due again."""
        return await self._works[task[0]](task) if self._leading else None

    def on_key(self, plural: str, namespace: str, name: str) -> None:
        """Kopf saw one of our own kinds change."""
        if plural == REMEDIATIONS.plural:
            self._queue.add(("remediation", namespace, name))
        elif plural in (POLICIES.plural, RUNBOOKS.plural):
            self._queue.add(POLICIES_TASK)
        else:
            self._queue.add_after(BUDGET_TASK, _BUDGET_PAUSE)

    def on_read(self, remediation: Remediation) -> None:
        """The reconciler has read it: from now on, what happens to its target wakes it, unless it is closed."""
        names, status = self._open.setdefault(remediation.target, set()), remediation.status
        (names.discard if _is_over(remediation) else names.add)(remediation.name)
        known, told = self._told.get(remediation.uid), (status.state, status.reason)
        if status.state == "Closed":
            self._told.pop(remediation.uid, None)
        else:
            self._told[remediation.uid] = told
        if self._leading and known not in (None, told):  # what it is about may be proven now, and says nothing itself
            self._queue.add_after(("history", remediation.target), _HISTORY_PAUSE)

    def on_pod(self, key: Key, pod: Pod | None) -> None:
        """The pod stream said something."""
        owner = self._parts.pod_watch.changed(key, pod)
        if self._leading and owner is not None:
            self._queue.add(("pods", *owner))

    def on_workload(self, kind: Kind, key: Key, workload: WorkloadRecord | None) -> None:
        """The stream of a kind of workloads said something."""
        if not self._leading:
            return
        target = WorkloadRef(kind=kind, namespace=key[0], name=key[1])
        self._wake(target)
        if workload is not None:
            self._queue.add_after(("history", target), _HISTORY_PAUSE)
            self._queue.add_after(("workload", target), _HISTORY_PAUSE)

    async def _remediation(self, task: Task) -> float | None:
        due = await self._parts.reconciler.reconcile(task[1], task[2])
        return None if due is None else min(due, self._resync)

    async def _pods(self, task: Task) -> float | None:
        target, again_at = await self._parts.pod_watch.look(task[1:])
        if target is None:
            return None
        self._wake(target)
        self._queue.add_after(("history", target), _HISTORY_PAUSE)
        return self._seconds_until(again_at)

    async def _workload(self, task: Task) -> float | None:
        return self._seconds_until(await self._parts.workload_watch.look(task[1]))

    async def _history(self, task: Task) -> float | None:
        target: WorkloadRef = task[1]
        modes = self._parts.pod_watch.modes(target)
        if not modes:
            return None
        return self._seconds_until(await self._parts.historian.look(target, acting=not modes.isdisjoint(ACTING)))

    async def _policies(self, _task: Task) -> float | None:
        """Policies have changed: what they call for may be present already."""
        if await self._parts.book.refresh():
            self._look_at_all()
        return None

    def _look_at_all(self) -> None:
        """What the streams remember, in the light of the policies as they are now."""
        for owner in self._parts.pod_watch.suspicious():
            self._queue.add(("pods", *owner))
        for target in self._parts.pod_watch.workloads():
            self._queue.add(("history", target))
            self._queue.add(("workload", target))
        self._add_open()

    async def _budget(self, _task: Task) -> float | None:
        """The budget has changed: replaced or edited by people, which matters to all, or by our own hand."""
        if await self._parts.sweeper.budget_was_edited():
            self._queue.add(SWEEP_TASK)
        return None

    async def _sweep(self, _task: Task) -> float | None:
        self._queue.add(POLICIES_TASK)
        remediations = await self._parts.sweeper.sweep()
        self._parts.held_alerts.seen(remediations)
        self._parts.narrator.count_open(remediations, self._parts.sweeper.unreadable)
        self._remember(remediations)
        self._add_open()
        for owner in self._parts.pod_watch.suspicious():
            self._queue.add(("pods", *owner))
        for target in self._parts.workload_watch.short():
            self._queue.add(("workload", target))
        return self._resync

    def _remember(self, remediations: Sequence[Remediation]) -> None:
        existing = {(each.namespace, each.name) for each in remediations}
        for target, names in self._open.items():
            if any((target.namespace, name) not in existing for name in names):  # deleted: its mark must not stay
                self._queue.add(("history", target))
        uids = {each.uid for each in remediations}
        self._told = {uid: told for uid, told in self._told.items() if uid in uids}
        self._open = {}
        for each in remediations:
            if not _is_over(each):
                self._open.setdefault(each.target, set()).add(each.name)

    def _add_open(self) -> None:
        for target in self._open:
            self._wake(target)

    def _wake(self, target: WorkloadRef) -> None:
        for name in self._open.get(target, ()):
            self._queue.add(("remediation", target.namespace, name))

    def _seconds_until(self, moment: datetime | None) -> float | None:
        return None if moment is None else max(0.05, (moment - self._parts.clock.now()).total_seconds())


def _is_over(remediation: Remediation) -> bool:
    """Whether nothing is left to be done or told."""
    return remediation.status.state == "Closed" and not remediation.status.notices
