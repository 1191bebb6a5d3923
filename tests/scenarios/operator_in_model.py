"""One replica of the operator in the model: the parts of `shell.wiring`, without servers, streams and kopf.

What a real replica gets from its watches it gets from the store's journal; everything else is the real code, on an
event loop of its own.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from platelet.model.alert import Alert
from platelet.model.effects import Deliver
from platelet.model.policy import Settings
from platelet.model.situation import DeliveryResult
from platelet.model.workload import KINDS, Kind
from platelet.shell import kube, pod_records, workload_records
from platelet.shell.alert_inbox import AlertInbox
from platelet.shell.clock import Clock, ClockNotReadyError, ServerClock
from platelet.shell.event_recorder import EventRecorder
from platelet.shell.flow import Flow, Parts, Task
from platelet.shell.gathering import Circumstances, Gatherer
from platelet.shell.hands import Hands
from platelet.shell.held_alerts import HeldAlerts
from platelet.shell.historian import Historian
from platelet.shell.kube import ApiError
from platelet.shell.lease import Leadership, LeaseLostError
from platelet.shell.ledger import Ledger
from platelet.shell.metrics import Metrics
from platelet.shell.narrator import Narrator
from platelet.shell.opener import Opener
from platelet.shell.pod_watch import PodWatch
from platelet.shell.policy_book import PolicyBook
from platelet.shell.reconciler import Reconciler
from platelet.shell.succession import Succession
from platelet.shell.sweeper import Sweeper
from platelet.shell.targets import TargetFinder
from platelet.shell.untargeted import Untargeted
from platelet.shell.work_queue import WorkQueue
from platelet.shell.workload_records import WorkloadRecord
from platelet.shell.workload_watch import WorkloadWatch
from tests.scenarios.model_api import ModelApi
from tests.scenarios.virtual_loop import VirtualLoop
from tests.scenarios.world import OPERATOR, World

if TYPE_CHECKING:
    from datetime import datetime

RESYNC = timedelta(minutes=5)
LEASE = timedelta(seconds=60)
_METRICS = Metrics()  # nobody reads them
_OURS = {each.plural: each for each in (kube.REMEDIATIONS, kube.RUNBOOKS, kube.POLICIES, kube.BUDGETS)}
_KIND_OF = {kube.WORKLOADS[kind].plural: kind for kind in KINDS}


def _listen(api: ModelApi, boot: Callable[[], float]) -> Clock:
    clock = ServerClock(boot)
    api.on_date = lambda header: clock.observe(header, boot())
    return clock


class Mailbox:
    """Stands in for `shell.courier`: keeps what was delivered."""

    def __init__(self) -> None:
        """Nothing was delivered yet."""
        self.delivered: list[Deliver] = []
        self.down = False  # nothing is taken

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """Succeeds, unless it is down."""
        if self.down:
            return DeliveryResult(delivered=False, message="pager.svc answered 503")
        self.delivered.append(effect)
        return DeliveryResult(delivered=True, message="")


class Process:
    """One replica from its start to its end."""

    def __init__(
        self, world: World, name: str, mailbox: Mailbox, healthy_for: timedelta, *, told_by_servers: bool = False
    ) -> None:
        """Build all parts; nothing runs before `run`. `told_by_servers`: it knows the time by `Date` headers only."""
        self.name = name
        self.world = world
        self.polls = True  # Alertmanager is asked, too, and always answers; False: webhooks are all that is heard
        self.api = world.connect(name)
        self.loop = VirtualLoop(world.clock)
        self.leading = False
        self._read = 0  # of the store's journal
        self._workloads: dict[Kind, dict[tuple[str, str], WorkloadRecord]] = {kind: {} for kind in KINDS}
        seconds = world.clock.seconds
        clock = self._clock = _listen(self.api, seconds) if told_by_servers else world.clock
        self._lease = Leadership(self.api, clock, OPERATOR, name, duration=LEASE, boot=seconds)
        self._ledger = Ledger(self.api, clock, OPERATOR, boot=seconds)
        self._book = PolicyBook(self.api, clock, OPERATOR, None)
        self.succession = Succession(self.api, self._ledger, self._lease, self._book)
        publisher = EventRecorder(self.api, clock, OPERATOR, name, boot=seconds)
        self._hands = Hands(self.api, self._ledger, publisher, mailbox, self._lease.time_left)
        self._queue: WorkQueue[Task] = WorkQueue()
        opener, finder = Opener(self.api, clock, self._book), TargetFinder(self.api)
        self._inbox = AlertInbox(
            self.api, clock, self._book, opener, finder, Untargeted(self.api, clock, publisher, mailbox)
        )
        self._held = HeldAlerts(self.api)
        self._flow = self._make_flow(opener, finder, healthy_for)
        self._main = self.loop.create_task(self._stand())

    @property
    def dead(self) -> bool:
        """Whether it was killed."""
        return self.api.dead

    @property
    def stopped(self) -> bool:
        """Whether it stands still."""
        return self.api.stopped

    @property
    def leads(self) -> bool:
        """Whether it would answer."""
        return self.leading and not self.dead and not self.stopped

    def run(self) -> None:
        """Take in what has changed, and do everything that is ready."""
        if self.stopped or self.dead:
            return
        self.loop.call_soon(self._take_in)
        self.loop.run_until_idle()
        if self.dead:
            self._bury()
        elif self._main.done() and not self.stopped:
            self._main.result()
            raise AssertionError(f"{self.name} ended by itself")

    def next_due(self) -> "datetime | None":
        """When it has something to do by itself."""
        return None if self.stopped or self.dead else self.loop.next_due()

    def hand_over(self, alerts: list[Alert]) -> "asyncio.Task[None]":
        """What the receiver does with the alerts of one body; a result without an error is the answer 200."""
        return self.loop.create_task(self._inbox.store(alerts, 0))

    def poll(self, *, suppressed: Collection[str] = (), active: Collection[str] = ()) -> "asyncio.Task[None]":
        """What the poller stores of an answer of Alertmanager about alerts that are known already."""
        return self.loop.create_task(self._held.suppress(suppressed, active, self._clock.now()))

    def end(self) -> None:
        """The test is over: leave nothing behind."""
        self.api.dead = True
        if not self.loop.is_closed():
            self._bury()

    def _bury(self) -> None:
        """Let all tasks end. The connection is dead, so nothing of it reaches the API server."""
        for _ in range(5):
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_idle()
        self.loop.close()

    def _take_in(self) -> None:
        journal = self.world.store.journal
        changed = dict.fromkeys(journal[self._read :])
        self._read = len(journal)
        for plural, namespace, name in changed:
            stored = self.world.store.peek((plural, namespace, name))
            if plural == kube.PODS.plural:
                pod = pod_records.reduce(msgspec.json.encode(stored)).record if stored else None
                self._flow.on_pod((namespace, name), pod)
            elif plural in _KIND_OF:
                self._see_workload(_KIND_OF[plural], (namespace, name), stored)
            elif plural in _OURS and self.leading:
                self.loop.call_soon(self._flow.on_key, plural, namespace, name)

    def _see_workload(self, kind: Kind, key: tuple[str, str], stored: kube.Json | None) -> None:
        if stored is None:
            self._workloads[kind].pop(key, None)
            self._flow.on_workload(kind, key, None)
            return
        record = workload_records.reduce(msgspec.json.encode(stored)).record
        self._workloads[kind][key] = record
        self._flow.on_workload(kind, key, record)

    async def _stand(self) -> None:
        while True:
            await self._lease.wait_until_leading()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._lease.hold())
                    group.create_task(self._work())
            except* LeaseLostError:
                pass

    async def _work(self) -> None:
        await self._take_over()
        try:
            self.leading = True
            self._flow.begin()
            self._list_ours()
            await self._queue.run(self._flow.work)
        finally:
            self.leading = False
            self._flow.end()
            self.succession.forget()

    def _list_ours(self) -> None:
        """What kopf does when it starts, which is when we begin to lead."""
        for resource in _OURS.values():
            for stored in self.world.store.view(resource):
                self._flow.on_key(resource.plural, stored["metadata"]["namespace"], stored["metadata"]["name"])

    async def _take_over(self) -> None:
        while True:
            try:
                await self._book.refresh()
                await self.succession.ensure()
            except (ApiError, ValueError, ClockNotReadyError):
                await asyncio.sleep(1.0)
            else:
                return

    def _alerts_known_at(self) -> "datetime | None":
        return self.world.clock.now() if self.polls else None

    def _make_flow(self, opener: Opener, finder: TargetFinder, healthy_for: timedelta) -> Flow:
        clock = self._clock
        pod_watch = PodWatch(clock, self._book, opener, finder, self._workloads)
        historian = Historian(self.api, clock, self._hands, healthy_for, settle=pod_watch.settle)
        around = Circumstances(
            settings=Settings(namespace=OPERATOR, healthy_for=healthy_for),
            epoch=lambda: self.succession.epoch,
            alerts_known_at=self._alerts_known_at,
        )
        narrator = Narrator(_METRICS)
        gatherer = Gatherer(self.api, clock, self._ledger, self._book, self._hands, around)
        parts = Parts(
            kube=self.api,
            clock=clock,
            book=self._book,
            reconciler=Reconciler(
                self.api,
                clock,
                gatherer,
                self._hands,
                historian,
                narrator,
                on_read=lambda each: self._flow.on_read(each),  # noqa: PLW0108 - made below
                settle=pod_watch.settle,
            ),
            historian=historian,
            pod_watch=pod_watch,
            workload_watch=WorkloadWatch(self.api, clock, self._book, opener, settle=pod_watch.settle),
            sweeper=Sweeper(self.api, clock, self._ledger, opener, self.succession),
            held_alerts=self._held,
            narrator=narrator,
        )
        return Flow(parts, self._queue, RESYNC.total_seconds())
