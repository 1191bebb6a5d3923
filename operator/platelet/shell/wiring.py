"""Puts the operator together, and runs it: streams and servers always, the flow while leading."""

import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta

import structlog

from platelet.api.operator_config import OperatorConfig
from platelet.api.policy import Webhook
from platelet.model.policy import Settings
from platelet.shell import health, ports
from platelet.shell.alert_inbox import AlertInbox
from platelet.shell.client import ClusterClient
from platelet.shell.clock import ClockNotReadyError, boot_time
from platelet.shell.courier import Courier
from platelet.shell.doctors_alerts import DoctorsAlerts
from platelet.shell.event_recorder import EventRecorder
from platelet.shell.flow import Flow, Parts, Task
from platelet.shell.gathering import Circumstances, Gatherer
from platelet.shell.hands import Hands
from platelet.shell.held_alerts import HeldAlerts
from platelet.shell.historian import Historian
from platelet.shell.kopf_thread import KopfThread
from platelet.shell.kube import ApiError
from platelet.shell.leader_label import LeaderLabel
from platelet.shell.lease import Leadership, LeaseLostError
from platelet.shell.ledger import Ledger
from platelet.shell.metrics import Metrics
from platelet.shell.narrator import Narrator
from platelet.shell.opener import Opener
from platelet.shell.outgoing import Outgoing
from platelet.shell.pod_watch import PodWatch
from platelet.shell.policy_book import PolicyBook
from platelet.shell.polling import make_poller
from platelet.shell.query_watch import QueryWatch
from platelet.shell.receiver import make_receiver
from platelet.shell.reconciler import Reconciler
from platelet.shell.streams import Streams
from platelet.shell.succession import Succession
from platelet.shell.sweeper import Sweeper
from platelet.shell.targets import TargetFinder
from platelet.shell.token_files import TokenFiles
from platelet.shell.untargeted import Untargeted
from platelet.shell.work_queue import WorkQueue
from platelet.shell.workload_watch import WorkloadWatch

_WORKERS = 8
_RETRY = 1.0  # seconds between tries to take over
_PAUSE = 5.0  # seconds after a fault of our own, before we stand for election again
_GRACE = 10.0  # seconds for work that was begun when we are asked to stop
log = structlog.get_logger("platelet")


class Operator:
    """One replica. `run` returns after SIGTERM, with the Lease released."""

    def __init__(self, config: OperatorConfig, client: ClusterClient, metrics: Metrics) -> None:
        """Build all parts; nothing is connected yet."""
        self._config, self._client, self._metrics = config, client, metrics
        self._clock = client.clock
        self._leading = False
        self._led_at = 0.0  # seconds of the boot-time clock: since when
        identity = os.environ.get("POD_UID") or socket.gethostname()
        self._lease = Leadership(client, self._clock, config.namespace, identity, duration=config.lease.duration)
        self._label = LeaderLabel(client, config.namespace, lambda: self._lease.time_left() > 0, os.environ)
        self._ledger = Ledger(client, self._clock, config.namespace, on_use=metrics.on_budget, boot=boot_time)
        self._book = PolicyBook(client, self._clock, config.namespace, config.outside)
        self._succession = Succession(client, self._ledger, self._lease, self._book)
        self._outgoing = Outgoing(config, client.configuration.host, metrics.on_reading)
        self._courier = Courier(client, self._find_webhook, self._outgoing.allowed, metrics.on_delivery)
        self._publisher = EventRecorder(client, self._clock, config.namespace, identity)
        self._hands = Hands(
            client, self._ledger, self._publisher, self._courier, self._lease.time_left, home=config.namespace
        )
        self._queue: WorkQueue[Task] = WorkQueue(_WORKERS)
        self._held = HeldAlerts(client)
        opener, finder = Opener(client, self._clock, self._book), TargetFinder(client)
        untargeted = Untargeted(client, self._clock, self._publisher, self._courier)
        inbox = AlertInbox(
            client,
            self._clock,
            self._book,
            opener,
            finder,
            untargeted,
            cluster=config.cluster_name,
            on_result=metrics.on_alert,
        )
        self._inbox = DoctorsAlerts(inbox, self._publisher, config.namespace)
        self._poller = make_poller(config.alertmanager, self._inbox, self._held, self._clock.now, metrics)
        self._queries = QueryWatch(
            self._outgoing.prometheus,
            self._book,
            inbox,
            self._held,
            self._clock.now,
            on_reading=metrics.on_reading,
            on_error=metrics.unexpected_errors.labels(where="queries").inc,
        )
        self._streams = Streams(
            client,
            metrics,
            on_pod=lambda key, pod: self._flow.on_pod(key, pod),  # noqa: PLW0108 - the flow is made below
            on_workload=lambda *change: self._flow.on_workload(*change),  # noqa: PLW0108
        )
        self._flow = self._make_flow(opener, finder)
        self._watchdog = health.LagWatchdog(metrics.event_loop_lag.set)
        metrics.queue_depth.set_function(lambda: self._queue.depth)

    async def run(self) -> None:
        """Serve and watch; lead whenever the Lease is ours; end on SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._client.close)
            stack.push_async_callback(self._courier.close)
            stack.push_async_callback(self._outgoing.close)
            if self._poller is not None:
                stack.push_async_callback(self._poller.close)
            await self._serve(stack)
            await self._label.remove()  # a restarted container is in the same pod
            tasks = [
                asyncio.create_task(each, name=name)
                for name, each in (
                    *((name, stream.run()) for name, stream in self._streams.by_name.items()),
                    ("watchdog", self._watchdog.run()),
                    ("leadership", self._stand()),
                )
            ]
            waiter = asyncio.create_task(stop.wait(), name="stop")
            try:
                done, _ = await asyncio.wait([*tasks, waiter], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                await self._wind_down()
            finally:
                for task in (*tasks, waiter):
                    task.cancel()
                await asyncio.gather(*tasks, waiter, return_exceptions=True)
                await self._lease.release()
                log.info("stopped")

    async def _wind_down(self) -> None:
        """Begin nothing new, and let what was begun reach its next resting point."""
        self._leading = False
        self._flow.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._queue.wait_until_idle()

    async def _stand(self) -> None:
        """Stand for election for ever: lead, lose, stand again. A fault of ours gives the Lease to the next replica."""
        while True:
            failed = False
            try:
                await self._lease.wait_until_leading()
                await self._lead()
            except* LeaseLostError as lost:
                log.warning("no longer leading", why=str(lost.exceptions[0]))
            except* Exception:
                failed = True
                log.exception("leading has failed: another replica may try, then this one again")
                self._metrics.unexpected_errors.labels(where="leading").inc()
            if failed:
                await self._give_up()

    async def _give_up(self) -> None:
        try:
            await self._lease.release()
        except Exception:
            log.exception("the Lease was not released")
        await asyncio.sleep(_PAUSE)

    async def _lead(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lease.hold())
            group.create_task(self._work())

    async def _work(self) -> None:
        """Everything that only the leader does."""
        await self._take_over()
        kopf_thread = KopfThread(self._flow.on_key, self._client.configuration)
        try:
            self._leading, self._led_at = True, boot_time()
            self._metrics.leader.set(1)
            self._flow.begin()
            kopf_thread.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._queue.run(self._flow.work))
                if self._poller is not None:
                    group.create_task(self._poller.run())
                group.create_task(self._label.keep())
                group.create_task(self._queries.run())
        finally:
            self._leading = False
            self._metrics.leader.set(0)
            self._flow.end()
            await self._label.remove()
            await kopf_thread.stop()
            self._succession.forget()
            self._hands.forget()

    async def _take_over(self) -> None:
        """Our epoch is on the budget, and the policies are read, before the first decision."""
        why = ""
        while True:
            try:
                await self._book.refresh(thorough=False)
                await self._succession.ensure()
            except (ApiError, ValueError, ClockNotReadyError) as error:
                if why != (why := str(error)):  # once, not at each try
                    log.warning("cannot take over yet", why=why)
                await asyncio.sleep(_RETRY)
            else:
                return

    def _make_flow(self, opener: Opener, finder: TargetFinder) -> Flow:
        client, clock = self._client, self._clock
        home, healthy_for = self._config.namespace, self._config.healthy_for
        workloads = {kind: stream.records for kind, stream in self._streams.workloads.items()}
        pod_watch = PodWatch(clock, self._book, opener, finder, workloads)
        historian = Historian(client, clock, self._hands, healthy_for, home=home, settle=pod_watch.settle)
        protected = frozenset(self._config.protected_namespaces)
        around = Circumstances(
            settings=Settings(namespace=home, healthy_for=healthy_for, protected_namespaces=protected),
            epoch=lambda: self._succession.epoch,
            alerts_known_at=self._alerts_known_at,
            queries_known_at=self._queries.known_at,
            leading_for=lambda: timedelta(seconds=boot_time() - self._led_at) if self._leading else None,
            asker=self._outgoing.inquiry,
        )
        narrator = Narrator(self._metrics)
        gatherer = Gatherer(client, clock, self._ledger, self._book, self._hands, around)
        parts = Parts(
            kube=client,
            clock=clock,
            book=self._book,
            reconciler=Reconciler(
                client,
                clock,
                gatherer,
                self._hands,
                historian,
                narrator,
                on_read=lambda each: self._flow.on_read(each),  # noqa: PLW0108 - made below
                home=home,
                settle=pod_watch.settle,
            ),
            historian=historian,
            pod_watch=pod_watch,
            workload_watch=WorkloadWatch(client, clock, self._book, opener, settle=pod_watch.settle),
            sweeper=Sweeper(client, clock, self._ledger, opener, self._succession, home=self._config.namespace),
            held_alerts=self._held,
            narrator=narrator,
        )
        return Flow(parts, self._queue, self._config.resync.total_seconds())

    def _alerts_known_at(self) -> datetime | None:
        return self._poller.known_at if self._poller is not None else None

    async def _serve(self, stack: AsyncExitStack) -> None:
        config = self._config
        tokens = TokenFiles(config.alert_token_files)
        receiver = make_receiver(
            self._inbox,
            tokens,
            lambda: self._leading,
            on_malformed=self._metrics.alerts_received.labels(result="malformed").inc,
        )
        ready = [
            *(health.stream_is_current(name, stream) for name, stream in self._streams.by_name.items()),
            health.clock_is_fresh(self._clock),
        ]
        probes = health.application(self._metrics.registry, [self._watchdog.check], ready)
        await ports.serve(stack, receiver, "listen.alerts", config.listen.alerts, config.listen.tls)
        await ports.serve(stack, probes, "listen.metrics", config.listen.metrics)

    def _find_webhook(self, namespace: str, name: str) -> Webhook | None:
        for each in self._book.standings:
            if (each.policy.namespace, each.policy.name) == (namespace, name):
                return each.loaded.webhook
        return None
