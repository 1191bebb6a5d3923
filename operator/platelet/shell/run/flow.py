"""Which key leads where: the leader's work, level-triggered, in two lanes.

What is sick and what heals it is in the one lane, new failures first; what is remembered of workloads is in the other,
with workers of its own, so that it holds up no healing however much there is of it.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from platelet.model.notification import Holder
from platelet.model.remediation import Remediation
from platelet.model.workload import Kind, Pod, WorkloadRef
from platelet.shell.act.reconciler import IN_TURN, Reconciler
from platelet.shell.act.revision_tracker import RevisionTracker
from platelet.shell.act.sweeper import Sweeper
from platelet.shell.intake.held_alerts import HeldAlerts
from platelet.shell.intake.pod_watch import Key, PodWatch
from platelet.shell.intake.workload_watch import WorkloadWatch
from platelet.shell.kube import ESCALATION_POLICIES, POLICIES, REMEDIATIONS, RUNBOOKS
from platelet.shell.kube.clock import Clock, seconds_until
from platelet.shell.outbound.outbox import Outbox
from platelet.shell.run.handlers import Shown
from platelet.shell.run.history_lane import HistoryLane
from platelet.shell.run.incidents import Incidents
from platelet.shell.run.turns import Turns
from platelet.shell.run.work_queue import WorkQueue
from platelet.shell.store.budget_reader import BudgetReader
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.policy_statuses import PolicyStatuses
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.telemetry.progress import ProgressReporter
from platelet.shell.watch.workload_records import WorkloadRecord

What = Literal["remediation", "policy", "pods", "workload", "policies", "budget", "places", "sweep"]
Task = tuple[What, *tuple[Any, ...]]
"""What to look at: kind of look, then the target, the owner of pods, or a namespace and a name."""

_WORKLOAD_PAUSE = 0.5  # seconds; a rollout speaks many times
_PLACES_PAUSE = 0.1  # seconds; many come and go at once
_BUDGET_PAUSE = 1.0  # seconds; the budget changes with every attempt, mostly by our own hand
POLICIES_TASK: Task = ("policies",)
BUDGET_TASK: Task = ("budget",)
PLACES_TASK: Task = ("places",)
SWEEP_TASK: Task = ("sweep",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Who does the looking."""

    clock: Clock
    book: PolicyBook
    policy_statuses: PolicyStatuses
    budget: BudgetReader
    reconciler: Reconciler
    policy_looks: Sequence[Callable[[str, str], Awaitable[datetime | None]]]  # at a policy itself, no incident
    stir_policy: Callable[[str, str], None]  # there is something to tell of it
    outbox: Outbox
    revision_tracker: RevisionTracker
    index: RemediationIndex
    pod_watch: PodWatch
    workload_watch: WorkloadWatch
    sweeper: Sweeper
    held_alerts: HeldAlerts
    progress: ProgressReporter
    give_way: Callable[[], Awaitable[None]]  # to alerts that are being stored


class Flow:
    """Feeds the queue while leading. Streams call `on_pod` and `on_workload` always: their memory stays warm."""

    def __init__(self, parts: Parts, resync: float, *, workers: int = 4, recorders: int = 4) -> None:
        """`resync` is how often, in seconds, everything open is looked at again whatever happened.

        At most so many `workers` heal at a time, and so many `recorders` keep revision records.
        """
        self._parts = parts
        self._queue: WorkQueue[Task] = WorkQueue(workers)
        self._history = HistoryLane(
            parts.clock, parts.pod_watch, parts.revision_tracker, self._queue.wait_until_all_are_taken, recorders
        )
        self._resync = resync
        self._leading = False
        self._incidents = Incidents(lambda: asyncio.get_running_loop().time())
        self._turns = Turns()
        self._seen: dict[WorkloadRef, tuple[object, ...]] = {}  # of each workload, what is not its status
        self._works: dict[What, Callable[[Task], Awaitable[float | None]]] = {
            "remediation": self._remediation,
            "policy": self._policy,
            "pods": self._pods,
            "workload": self._workload,
            "policies": self._policies,
            "budget": self._budget,
            "places": self._places,
            "sweep": self._sweep,
        }

    @property
    def depth(self) -> int:
        """How many keys wait for a worker now."""
        return self._queue.depth + self._history.depth

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._queue.run(self._work))
            lanes.create_task(self._history.run())
            lanes.create_task(self._parts.outbox.run(self.on_result))

    async def wait_until_idle(self) -> None:
        """Return when no worker is at work."""
        await asyncio.gather(self._queue.wait_until_idle(), self._history.wait_until_idle())

    def begin(self) -> None:
        """We lead: look at everything once."""
        self._leading = True
        self._history.lead(leading=True)
        self._queue.add(SWEEP_TASK)
        self._look_at_all()

    def end(self) -> None:
        """We lead no more."""
        self._leading = False
        self._history.lead(leading=False)
        self._parts.reconciler.forget()

    async def _work(self, task: Task) -> float | None:
        """Do one look; in how many seconds it is due again. What is not stored yet comes before old incidents."""
        if task[0] in ("remediation", "workload"):  # a new crash must not wait to be recorded
            await self._parts.give_way()
        return await self._works[task[0]](task) if self._leading else None

    def on_object(self, shown: Shown) -> None:
        """Kopf saw one of our own kinds change."""
        if shown.plural == REMEDIATIONS.plural:
            self._on_remediation(shown)
        elif shown.plural in (POLICIES.plural, RUNBOOKS.plural, ESCALATION_POLICIES.plural):
            self._queue.add(POLICIES_TASK)
        else:
            self._parts.budget.take(shown.stored, deleted=shown.deleted)
            self._queue.add_after(BUDGET_TASK, _BUDGET_PAUSE)
            self._queue.add_after(PLACES_TASK, _PLACES_PAUSE, urgent=True)

    def on_result(self, holder: Holder) -> None:
        """There is something to tell, or a sink was told, or not: whose notification it is."""
        if holder[0] == "policy":
            self._parts.stir_policy(holder[1], holder[2])
        if self._leading:
            self._queue.add(holder)

    def _on_remediation(self, shown: Shown) -> None:
        if shown.deleted:
            self._parts.index.see_deleted(*shown.key, shown.stored["metadata"].get("uid", ""))
        if shown.deleted or self._parts.index.see(shown.stored):  # what its reconciler has stored itself is no news
            self._queue.add(("remediation", *shown.key), urgent=not self._incidents.is_open(shown.key))

    def on_read(self, remediation: Remediation) -> None:
        """The reconciler has read it: from now on, what happens to its target wakes it, unless it is closed."""
        self._parts.held_alerts.seen_one(remediation)
        is_news = self._incidents.see(remediation)
        if self._turns.see(remediation) or (is_news and self._turns.stir()):
            self._queue.add_after(PLACES_TASK, _PLACES_PAUSE, urgent=True)
        if is_news and self._leading:
            # What it is about may be proven now, and says nothing itself; and another one may have waited for it.
            self._history.add_soon(remediation.target)
            self._wake(remediation.target, but=remediation.name)

    def on_pod(self, key: Key, pod: Pod | None) -> None:
        """The pod stream said something."""
        owner = self._parts.pod_watch.changed(key, pod)
        if self._leading and owner is not None:
            self._queue.add(("pods", *owner), urgent=self._parts.pod_watch.is_new_failure(owner, pod))

    def on_workload(self, kind: Kind, key: Key, workload: WorkloadRecord | None) -> None:
        """The stream of a kind of workloads said something."""
        target = WorkloadRef(kind=kind, namespace=key[0], name=key[1])
        is_news = self._is_news(target, workload)
        if not self._leading:
            return
        self._wake(target, patient=is_news)
        if workload is not None:
            self._history.add_soon(target)
            self._queue.add_after(("workload", target), _WORKLOAD_PAUSE)

    async def _remediation(self, task: Task) -> float | None:
        key = (task[1], task[2])
        try:
            due = await self._parts.reconciler.reconcile(*key)
        finally:
            if self._turns.end(key):  # the place is still there, or another one is
                self._queue.add_after(PLACES_TASK, _PLACES_PAUSE, urgent=True)
        if due is None:
            self._turns.leave(key)
            return None
        if due == IN_TURN:
            self._queue.add(task)
            return None
        if self._incidents.is_open(key):  # the next sweep looks at it, whatever happens
            return None if due == math.inf else due
        return min(due, self._resync)

    async def _policy(self, task: Task) -> float | None:
        """What is still to be told of alerts without a target and of Jobs, and which Jobs have failed."""
        again_at = [await look(task[1], task[2]) for look in self._parts.policy_looks]
        return seconds_until(self._parts.clock, min(filter(None, again_at), default=None))

    async def _pods(self, task: Task) -> float | None:
        target, again_at = await self._parts.pod_watch.look(task[1:])
        if target is None:
            return None
        is_news = self._parts.pod_watch.has_news(task[1:])
        self._wake(target, patient=is_news)
        if is_news or not self._parts.pod_watch.shows_signs(task[1:]):  # while a pod fails nothing is proven
            self._history.add_soon(target)
        return seconds_until(self._parts.clock, again_at)

    async def _workload(self, task: Task) -> float | None:
        return seconds_until(self._parts.clock, await self._parts.workload_watch.look(task[1]))

    async def _policies(self, _task: Task) -> float | None:
        """Policies have changed: what they call for may be present already."""
        if await self._parts.book.refresh():
            self._look_at_all()
        await self._parts.policy_statuses.tell(self._parts.book.judgements)
        for resolved in self._parts.book.resolved_policies:
            if resolved.has_work:
                self._queue.add(("policy", resolved.policy.namespace, resolved.policy.name))
        return None

    def _look_at_all(self) -> None:
        """What the streams remember, in the light of the policies as they are now."""
        for owner in self._parts.pod_watch.suspicious():
            self._queue.add(("pods", *owner))
        for target in self._parts.pod_watch.workloads():
            self._history.add(target)
            self._queue.add(("workload", target))
        self._add_open()

    async def _budget(self, _task: Task) -> float | None:
        """The budget has changed: replaced or edited by people, which matters to all, or by our own hand."""
        if await self._parts.sweeper.budget_was_edited():
            self._add_open()
            self._queue.add(SWEEP_TASK)
        return None

    async def _places(self, _task: Task) -> float | None:
        """Those who wait for a place on the budget have their turn, if one may be free."""
        if (budget := await self._parts.budget.read(fresh=False)) is None:
            return None
        limits = {resolved.policy.key: resolved.policy.limits for resolved in self._parts.book.resolved_policies}
        call = self._turns.call(budget, limits, self._parts.clock.now())
        for key in call.turns:
            self._queue.add(("remediation", *key), urgent=True)
        return seconds_until(self._parts.clock, call.again_at)

    async def _sweep(self, _task: Task) -> float | None:
        self._queue.add(POLICIES_TASK)
        remediations = await self._parts.sweeper.sweep()
        self._parts.held_alerts.seen(remediations)
        self._parts.progress.count_open(remediations, self._parts.sweeper.unreadable)
        self._parts.progress.count_untold(remediations, self._parts.book.resolved_policies)
        self._remember(remediations)
        for target in self._incidents.targets():
            for name in self._incidents.overdue(target):
                self._queue.add(("remediation", target.namespace, name))
        for owner in self._parts.pod_watch.suspicious():
            self._queue.add(("pods", *owner))
        for target in self._parts.workload_watch.short():
            self._queue.add(("workload", target))
        return self._resync

    def _remember(self, remediations: Sequence[Remediation]) -> None:
        self._turns.see_all(remediations)
        self._queue.add_after(PLACES_TASK, _PLACES_PAUSE, urgent=True)
        for target in self._incidents.see_all(remediations):  # the mark of one that was deleted must not stay
            self._history.add(target)

    def _add_open(self) -> None:
        for target in self._incidents.targets():
            self._wake(target)

    def _wake(self, target: WorkloadRef, *, patient: bool = True, but: str = "") -> None:
        """Look at its Remediations; unless `patient`, not at those that wait for a limit or a time."""
        known = set(self._incidents.of(target))
        names = known if patient else set(self._incidents.impatient(target))
        names |= set(self._parts.index.open_names(target)) - known  # nobody has looked at these yet
        for name in sorted(names - {but}):
            self._queue.add_after(("remediation", target.namespace, name), self._incidents.pause(target, name))

    def _is_news(self, target: WorkloadRef, workload: WorkloadRecord | None) -> bool:
        """Whether more than a workload's status has changed, as far as its stream tells."""
        before = self._seen.pop(target, None)
        if workload is None:
            return True
        self._seen[target] = seen = (workload.uid, workload.generation, workload.labels, workload.deleting)
        return before != seen
