"""Which key leads to which look: the leader's work, level-triggered, in two lanes.

One lane heals, new failures first. The other keeps revision records of workloads, with workers of its own: however many
records are to be brought up to date, no healing waits for them.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
from platelet.shell.run.tasks import BUDGET_TASK, PLACES_TASK, POLICIES_TASK, SWEEP_TASK, Task, What
from platelet.shell.run.turns import Turns
from platelet.shell.run.waking import Waker
from platelet.shell.run.work_queue import WorkQueue
from platelet.shell.store.budget_reader import BudgetReader
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.policy_statuses import PolicyStatuses
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.telemetry.progress import ProgressReporter
from platelet.shell.watch.workload_records import WorkloadRecord

_WORKLOAD_PAUSE = 0.5  # seconds; in a rollout a workload changes many times
_PLACES_PAUSE = 0.1  # seconds
_BUDGET_PAUSE = 1.0  # seconds; the budget changes with every attempt, mostly because of us


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the flow calls for each kind of look."""

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
        self._waker = Waker(self._queue, self._incidents, parts.index)
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
        """Do one look. Returns in how many seconds it is due again; None: not by time alone."""
        # Alerts that nobody has stored yet come before open incidents; a new crash (a look at pods) waits for nothing.
        if task[0] in ("remediation", "workload"):
            await self._parts.give_way()
        return await self._works[task[0]](task) if self._leading else None

    def on_object(self, shown: Shown) -> None:
        """An object of one of our own kinds has changed, as kopf shows it."""
        if shown.plural == REMEDIATIONS.plural:
            self._on_remediation(shown)
        elif shown.plural in (POLICIES.plural, RUNBOOKS.plural, ESCALATION_POLICIES.plural):
            self._queue.add(POLICIES_TASK)
        else:
            self._parts.budget.take(shown.stored, deleted=shown.deleted)
            self._queue.add_after(BUDGET_TASK, _BUDGET_PAUSE)
            self._recount_places()

    def on_result(self, holder: Holder) -> None:
        """A notification of this holder is new, was delivered, or could not be."""
        if holder[0] == "policy":
            self._parts.stir_policy(holder[1], holder[2])
        if self._leading:
            self._queue.add(holder)

    def _on_remediation(self, shown: Shown) -> None:
        if shown.deleted:
            self._parts.index.see_deleted(*shown.key, shown.stored["metadata"].get("uid", ""))
        if shown.deleted or self._parts.index.see(shown.stored):  # our own writes are no news
            self._queue.add(("remediation", *shown.key), urgent=not self._incidents.is_open(shown.key))

    def on_read(self, remediation: Remediation) -> None:
        """The reconciler has read it. From now on, what happens to its target wakes it, unless it is closed."""
        self._parts.held_alerts.seen_one(remediation)
        is_news = self._incidents.see(remediation)
        if self._turns.see(remediation) or (is_news and self._turns.stir()):
            self._recount_places()
        if is_news and self._leading:
            # The template of its target may count as proven now, which no event tells; and another Remediation of the
            # same target may have waited for this one.
            self._history.add_soon(remediation.target)
            self._waker.wake(remediation.target, but=remediation.name)

    def on_pod(self, key: Key, pod: Pod | None) -> None:
        """The stream of pods shows a pod in a new state; None: deleted."""
        owner = self._parts.pod_watch.changed(key, pod)
        if self._leading and owner is not None:
            self._queue.add(("pods", *owner), urgent=self._parts.pod_watch.is_new_failure(owner, pod))

    def on_workload(self, kind: Kind, key: Key, workload: WorkloadRecord | None) -> None:
        """The stream of a kind of workloads shows one in a new state; None: deleted."""
        target = WorkloadRef(kind=kind, namespace=key[0], name=key[1])
        is_news = self._waker.is_news(target, workload)
        if not self._leading:
            return
        self._waker.wake(target, patient=is_news)
        if workload is not None:
            self._history.add_soon(target)
            self._queue.add_after(("workload", target), _WORKLOAD_PAUSE)

    async def _remediation(self, task: Task) -> float | None:
        key = (task[1], task[2])
        try:
            due = await self._parts.reconciler.reconcile(*key)
        finally:
            if self._turns.end(key):  # the place is still there, or another one is
                self._recount_places()
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
        """Look at a policy itself: failed Jobs, alerts without a target, and what is still to be told of both."""
        again_at = [await look(task[1], task[2]) for look in self._parts.policy_looks]
        return seconds_until(self._parts.clock, min(filter(None, again_at), default=None))

    async def _pods(self, task: Task) -> float | None:
        target, again_at = await self._parts.pod_watch.look(task[1:])
        if target is None:
            return None
        is_news = self._parts.pod_watch.has_news(task[1:])
        self._waker.wake(target, patient=is_news)
        if is_news or not self._parts.pod_watch.shows_signs(task[1:]):  # while a pod fails nothing is proven
            self._history.add_soon(target)
        return seconds_until(self._parts.clock, again_at)

    async def _workload(self, task: Task) -> float | None:
        return seconds_until(self._parts.clock, await self._parts.workload_watch.look(task[1]))

    async def _policies(self, _task: Task) -> float | None:
        """Policies have changed; what they call for may be there already."""
        if await self._parts.book.refresh():
            self._look_at_all()
        await self._parts.policy_statuses.tell(self._parts.book.judgements)
        for resolved in self._parts.book.resolved_policies:
            if resolved.has_work:
                self._queue.add(("policy", resolved.policy.namespace, resolved.policy.name))
        return None

    def _look_at_all(self) -> None:
        """Look again at all that the streams remember, since policies may call for other things now."""
        for owner in self._parts.pod_watch.suspicious():
            self._queue.add(("pods", *owner))
        for target in self._parts.pod_watch.workloads():
            self._history.add(target)
            self._queue.add(("workload", target))
        self._waker.wake_all()

    async def _budget(self, _task: Task) -> float | None:
        """The budget has changed. Where people have edited or replaced it, that matters to all who wait."""
        if await self._parts.sweeper.budget_was_edited():
            self._waker.wake_all()
            self._queue.add(SWEEP_TASK)
        return None

    def _recount_places(self) -> None:
        """See soon who has a turn: many places come and go at once."""
        self._queue.add_after(PLACES_TASK, _PLACES_PAUSE, urgent=True)

    async def _places(self, _task: Task) -> float | None:
        """Give turns to those who wait for a place on the budget, if one may be free."""
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
        self._recount_places()
        for target in self._incidents.see_all(remediations):  # the mark of one that was deleted must not stay
            self._history.add(target)
