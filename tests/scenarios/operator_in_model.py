"""One replica of the operator in the model: what `shell.run.replica` puts together, without servers, streams and kopf.

What a real replica gets from its watches it gets from the store's journal; everything else is the real code, on an
event loop of its own.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from platelet.model import object_condition
from platelet.model.alert import Alert, fingerprint_of
from platelet.model.effects import Deliver
from platelet.model.policy import Settings
from platelet.model.request import Answer, Request
from platelet.model.rules import Incoming
from platelet.model.situation import DeliveryResult
from platelet.model.workload import KINDS, Kind, Pod
from platelet.replay.store import Key
from platelet.replay.strategies import deep_copy
from platelet.shell import kube
from platelet.shell.intake import callback_receiver
from platelet.shell.intake.request_gate import RequestRefusedError
from platelet.shell.kube import ApiError
from platelet.shell.kube.clock import Clock, ClockNotReadyError, ServerClock
from platelet.shell.kube.journal import Journal
from platelet.shell.kube.stored import version_of
from platelet.shell.leader.lease import Leadership, LeaseLostError
from platelet.shell.outbound.conditions import ObjectConditions, OnlyConditions
from platelet.shell.outbound.courier import TIMEOUT
from platelet.shell.outbound.outbox import Outbox
from platelet.shell.read.log_reader import BoundedLogs
from platelet.shell.read.process_state import ProcessState
from platelet.shell.run import replica
from platelet.shell.run.handlers import Shown
from platelet.shell.telemetry.event_recorder import EventRecorder
from platelet.shell.telemetry.metrics import Metrics
from platelet.shell.telemetry.progress import ProgressReporter
from platelet.shell.watch import object_memory, pod_records, workload_records
from platelet.shell.watch.cluster_memory import STREAMED, ClusterMemory
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.object_memory import ObjectMemory
from platelet.shell.watch.stored_versions import StoredVersions
from platelet.shell.watch.workload_records import WorkloadRecord
from tests.scenarios.model_api import ModelApi
from tests.scenarios.virtual_loop import VirtualLoop
from tests.scenarios.world import OPERATOR, World

if TYPE_CHECKING:
    from datetime import datetime

RESYNC = timedelta(minutes=5)
LEASE = timedelta(seconds=60)
_METRICS = Metrics()  # nobody reads them
_OURS = {
    resource.plural: resource
    for resource in (kube.REMEDIATIONS, kube.RUNBOOKS, kube.POLICIES, kube.ESCALATION_POLICIES, kube.BUDGETS)
}
_REMEMBERED = {resource.plural: resource for resource in STREAMED}
_KIND_OF = {kube.WORKLOADS[kind].plural: kind for kind in KINDS}


async def _evaluate(text: str, stored: kube.Json) -> object_condition.Answer:
    """In this process: the model knows no other."""
    return object_condition.evaluate(text, stored)


def _listen(api: ModelApi, boot: Callable[[], float]) -> Clock:
    clock = ServerClock(boot)
    api.on_date = lambda header: clock.observe(header, boot())
    return clock


class Mailbox:
    """Stands in for `shell.outbound.courier`: keeps what was delivered."""

    def __init__(self) -> None:
        """Nothing was delivered yet."""
        self.delivered: list[Deliver] = []
        self.down = False  # nothing is taken
        self.down_hosts: set[str] = set()  # of which nothing is taken
        self.hanging_hosts: set[str] = set()  # that answer nothing
        self.called: list[Request] = []  # by steps, whatever became of it
        self.answers: int | Exception = 204  # to steps

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """Succeeds, unless it is down."""
        correlation, host = effect.correlation, urlsplit(effect.request.url).netloc
        if host in self.hanging_hosts:
            await asyncio.sleep(TIMEOUT)
        why = f"{host} answered 503" if self.down or host in self.down_hosts | self.hanging_hosts else ""
        if why:
            return correlation.result(why)
        self.delivered.append(effect)
        body = effect.request.body if isinstance(effect.request.body, dict) else {}
        named = {"channel": "C1", "ts": body.get("ts") or f"{len(self.delivered)}.000100"}
        receipt = effect.request.judge(Answer(status=200, body={"ok": True, **named})).receipt
        if effect.request.then is not None:
            self.delivered.append(replace(effect, request=effect.request.then(receipt)))
        return replace(correlation.result(), receipt=receipt)

    async def call(self, request: Request, timeout: float) -> int:  # noqa: ASYNC109 - as the protocol
        """A step's request comes to where it leads, and is answered or not."""
        del timeout
        self.called.append(request)
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


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
        self.remembers = True  # False: its streams tell when to look, but all that is looked at must be read
        self.unseen: set[str] = set()  # kinds whose streams stand still: what changes is heard when they go on
        self._held_back: list[Key] = []
        self._ours: dict[Key, kube.Json] = {}  # as kopf last showed them
        self._workloads: dict[Kind, dict[tuple[str, str], WorkloadRecord]] = {kind: {} for kind in KINDS}
        self._changes: dict[Kind, Journal[tuple[str, str]]] = {kind: Journal() for kind in KINDS}
        self._pods: dict[tuple[str, str], Pod] = {}
        self._versions: dict[tuple[str, str], int] = {}  # of Remediations
        self._versions_changes: Journal[tuple[str, str]] = Journal()
        self._memory = ClusterMemory(
            workloads={kind: ObjectMemory(self._has_listed) for kind in KINDS},
            objects={resource: ObjectMemory(self._has_listed) for resource in STREAMED},
            streams=StreamMemory(workloads=self._workloads, changes=self._changes, pods=self._pods),
            knows_workloads=lambda _kind: self._has_listed(),
            pods_of=lambda owner: self._replica.pod_watch.pods_of(owner),  # noqa: PLW0108 - made below
            knows_pods=self._has_listed,
            remediations=StoredVersions(of=self._versions, changes=self._versions_changes, are_known=self._has_listed),
        )
        seconds = world.clock.seconds
        clock = self._clock = _listen(self.api, seconds) if told_by_servers else world.clock
        self._lease = Leadership(self.api, clock, OPERATOR, name, duration=LEASE, boot=seconds)
        self._outbox = Outbox(mailbox)
        self._replica = replica.assemble(self._base(clock, healthy_for))
        self._inbox, self._held = self._replica.inbox, self._replica.present_facts
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
        self.loop.call_soon(self.hear)
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

    def call_back(self, path: tuple[str, str, str], incoming: Incoming) -> "asyncio.Task[str]":
        """What the receiver of callbacks does with a request; a result without an error is the answer 200."""
        return self.loop.create_task(self._call_back(path, incoming))

    async def _call_back(self, path: tuple[str, str, str], incoming: Incoming) -> str:
        replies = self._replica.replies
        origin = replies.find(*path)
        if origin is None:
            raise RequestRefusedError(404, "no such origin")
        return await callback_receiver.take(replies, origin, incoming, self._clock.now)

    def poll(self, *, suppressed: Collection[str] = (), active: Collection[str] = ()) -> "asyncio.Task[None]":
        """What the poller stores of an answer of Alertmanager about alerts that are known already."""
        return self.loop.create_task(self._held.suppress(suppressed, active, self._clock.now()))

    def find_absent(self, fingerprint: str) -> "asyncio.Task[None]":
        """Alertmanager has not known an alert for a while, which the poller takes for its end."""
        episodes = [episode for episode in self._held.held() if fingerprint_of(episode) == fingerprint]
        return self.loop.create_task(self._held.resolve(episodes, self._clock.now()))

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

    def hear(self) -> None:
        """Take in what the streams say now."""
        journal = self.world.store.journal
        changed = dict.fromkeys([*self._held_back, *journal[self._read :]])
        self._read = len(journal)
        self._held_back = [key for key in changed if key[0] in self.unseen]
        for plural, namespace, name in changed:
            if plural in self.unseen:
                continue
            stored = self.world.store.peek((plural, namespace, name))
            if plural == kube.PODS.plural:
                self._see_pod((namespace, name), stored)
            elif plural in _KIND_OF:
                self._see_workload(_KIND_OF[plural], (namespace, name), stored)
            elif plural in _REMEMBERED:
                seen = object_memory.reduce(msgspec.json.encode(stored)).record if stored else None
                self._memory.objects[_REMEMBERED[plural]].see((namespace, name), seen)
            elif plural in _OURS:
                self._see_ours((plural, namespace, name), stored)

    def _has_listed(self) -> bool:
        return self.remembers and self._read > 0

    def _see_ours(self, key: Key, stored: kube.Json | None) -> None:
        if key[0] == kube.REMEDIATIONS.plural:
            self._versions_changes.note(key[1:])
            self._versions.pop(key[1:], None)
            if stored is not None:
                self._versions[key[1:]] = version_of(stored)
        if self.leading:
            self._tell_ours(key, stored)

    def _tell_ours(self, key: Key, stored: kube.Json | None) -> None:
        """What kopf does: of what was deleted it shows the last state."""
        before = self._ours.pop(key, None)
        if stored is not None:
            self._ours[key] = deep_copy(stored)
            self.loop.call_soon(self._replica.on_object, Shown(plural=key[0], stored=self._ours[key]))
        elif before is not None:
            self.loop.call_soon(self._replica.on_object, Shown(plural=key[0], stored=before, deleted=True))

    def _see_pod(self, key: tuple[str, str], stored: kube.Json | None) -> None:
        self._pods.pop(key, None)
        pod = pod_records.reduce(msgspec.json.encode(stored)).record if stored is not None else None
        if pod is not None:
            self._pods[key] = pod
        self._replica.flow.on_pod(key, pod)

    def _see_workload(self, kind: Kind, key: tuple[str, str], stored: kube.Json | None) -> None:
        self._changes[kind].note(key)
        if stored is None:
            self._workloads[kind].pop(key, None)
            self._memory.workloads[kind].see(key, None)
            self._replica.flow.on_workload(kind, key, None)
            return
        record = workload_records.reduce(msgspec.json.encode(stored)).record
        self._workloads[kind][key] = record
        self._memory.workloads[kind].see(key, record.whole)
        self._replica.flow.on_workload(kind, key, record)

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
            self._replica.flow.begin()
            self._list_ours()
            await self._replica.flow.run()
        finally:
            self.leading = False
            self._replica.flow.end()
            self._replica.succession.forget()
            self._replica.readers.index.forget()

    def _list_ours(self) -> None:
        """What kopf does when it starts, which is when we begin to lead."""
        for resource in _OURS.values():
            for stored in self.world.store.view(resource):
                metadata = stored["metadata"]
                self._tell_ours((resource.plural, metadata["namespace"], metadata["name"]), stored)

    async def _take_over(self) -> None:
        while True:
            try:
                await self._replica.readers.book.refresh()
                await self._replica.succession.ensure()
            except (ApiError, ValueError, ClockNotReadyError):
                await asyncio.sleep(1.0)
            else:
                return

    def _alerts_known_at(self) -> "datetime | None":
        return self.world.clock.now() if self.polls else None

    def _base(self, clock: Clock, healthy_for: timedelta) -> replica.Base:
        seconds = self.world.clock.seconds
        settings = Settings(namespace=OPERATOR, healthy_for=healthy_for)
        return replica.Base(
            kube=self.api,
            clock=clock,
            boot=seconds,
            memory=self._memory,
            lease=self._lease,
            publisher=EventRecorder(self.api, clock, OPERATOR, self.name, boot=seconds),
            outbox=self._outbox,
            progress=ProgressReporter(_METRICS),
            home=OPERATOR,
            around=lambda succession: ProcessState(
                settings=settings,
                epoch=lambda: succession.epoch,
                alerts_known_at=self._alerts_known_at,
                log_reader=BoundedLogs(self.api, self.api, clock),
                asker=OnlyConditions(ObjectConditions(self.api, _evaluate)),
            ),
            resync=RESYNC,
        )
