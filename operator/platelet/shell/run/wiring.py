"""Puts the operator together, and runs it: streams and servers always, the flow while leading."""

import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from platelet.api.operator_config import OperatorConfig
from platelet.model.policy import Settings
from platelet.shell.act.succession import Succession
from platelet.shell.intake.callback_receiver import make_callback_receiver
from platelet.shell.intake.doctors_alerts import DoctorsAlerts
from platelet.shell.intake.polling import make_poller
from platelet.shell.intake.queries import QueryWatch
from platelet.shell.intake.receiver import make_receiver
from platelet.shell.intake.token_files import TokenFiles
from platelet.shell.kube import ApiError
from platelet.shell.kube.client import ClusterClient
from platelet.shell.kube.clock import ClockNotReadyError, boot_time
from platelet.shell.kube.container_log import ContainerLogs
from platelet.shell.leader.label import LeaderLabel
from platelet.shell.leader.lease import Leadership, LeaseLostError
from platelet.shell.outbound.courier import Courier
from platelet.shell.outbound.outbox import Outbox
from platelet.shell.outbound.outgoing import Outgoing
from platelet.shell.read.log_reader import BoundedLogs
from platelet.shell.read.process_state import ProcessState
from platelet.shell.run import health, ports, replica
from platelet.shell.run.kopf_thread import KopfThread
from platelet.shell.telemetry.event_recorder import EventRecorder
from platelet.shell.telemetry.metrics import Metrics
from platelet.shell.telemetry.progress import ProgressReporter
from platelet.shell.watch.streams import Streams

_WORKERS = 16  # that heal: what they mostly do is wait for answers
_RECORDERS = 8  # that keep revision records: well below what the API server's fairness leaves to one client
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
        self._streams = Streams(
            client,
            metrics,
            on_pod=lambda key, pod: self._replica.flow.on_pod(key, pod),  # noqa: PLW0108 - the replica is made below
            on_workload=lambda *change: self._replica.flow.on_workload(*change),  # noqa: PLW0108
            pods_of=lambda owner: self._replica.pod_watch.pods_of(owner),  # noqa: PLW0108
        )
        self._outgoing = Outgoing(config, client.configuration.host, client, metrics.on_reading)
        self._courier = Courier(client, self._outgoing.allowed, self._clock.now, metrics.on_delivery)
        self._outbox = Outbox(self._courier)
        self._publisher = EventRecorder(client, self._clock, config.namespace, identity)
        self._replica = replica.assemble(self._base())
        self._inbox = DoctorsAlerts(self._replica.inbox, self._publisher, config.namespace)
        present = self._replica.present_facts
        self._poller = make_poller(config.alertmanager, self._inbox, present, self._clock.now, metrics)
        self._queries = QueryWatch(
            self._outgoing.prometheus,
            self._replica.readers.book,
            self._replica.inbox,
            present,
            self._clock.now,
            on_reading=metrics.on_reading,
            on_error=metrics.unexpected_errors.labels(where="queries").inc,
        )
        self._watchdog = health.LagWatchdog(metrics.event_loop_lag.set)
        metrics.queue_depth.set_function(lambda: self._replica.flow.depth)

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
                asyncio.create_task(work, name=name)
                for name, work in (
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
        self._replica.flow.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._replica.flow.wait_until_idle()

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
        kopf_thread = KopfThread(self._replica.on_object, self._client.configuration)
        try:
            self._leading, self._led_at = True, boot_time()
            self._metrics.leader.set(1)
            self._replica.flow.begin()
            kopf_thread.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._replica.flow.run())
                if self._poller is not None:
                    group.create_task(self._poller.run())
                group.create_task(self._label.keep())
                group.create_task(self._queries.run())
        finally:
            self._leading = False
            self._metrics.leader.set(0)
            self._replica.flow.end()
            await self._label.remove()
            await kopf_thread.stop()
            self._replica.succession.forget()
            self._replica.runner.forget()
            self._replica.readers.index.forget()

    async def _take_over(self) -> None:
        """Our epoch is on the budget, and the policies are read, before the first decision."""
        why = ""
        while True:
            try:
                await self._replica.readers.book.refresh(thorough=False)
                await self._replica.succession.ensure()
            except (ApiError, ValueError, ClockNotReadyError) as error:
                if why != (why := str(error)):  # once, not at each try
                    log.warning("cannot take over yet", why=why)
                await asyncio.sleep(_RETRY)
            else:
                return

    def _base(self) -> replica.Base:
        config = self._config
        return replica.Base(
            kube=self._client,
            clock=self._clock,
            boot=boot_time,
            memory=self._streams.memory,
            lease=self._lease,
            publisher=self._publisher,
            outbox=self._outbox,
            progress=ProgressReporter(self._metrics),
            home=config.namespace,
            around=self._around,
            resync=config.resync,
            workers=_WORKERS,
            recorders=_RECORDERS,
            outside=config.outside,
            cluster=config.cluster_name,
            on_use=self._metrics.on_budget,
            on_alert=self._metrics.on_alert,
        )

    def _around(self, succession: Succession) -> ProcessState:
        config = self._config
        protected = frozenset(config.protected_namespaces)
        return ProcessState(
            settings=Settings(
                namespace=config.namespace, healthy_for=config.healthy_for, protected_namespaces=protected
            ),
            epoch=lambda: succession.epoch,
            alerts_known_at=self._alerts_known_at,
            queries_known_at=lambda policy: self._queries.known_at(policy),  # noqa: PLW0108 - made after the replica
            leading_for=lambda: timedelta(seconds=boot_time() - self._led_at) if self._leading else None,
            asker=self._outgoing.inquiry,
            present_alerts=lambda: self._poller.present if self._poller is not None else None,
            log_reader=BoundedLogs(ContainerLogs(self._client), self._client, self._clock),
        )

    def _alerts_known_at(self) -> datetime | None:
        return self._poller.known_at if self._poller is not None else None

    async def _serve(self, stack: AsyncExitStack) -> None:
        config = self._config
        tokens = TokenFiles([Path(name) for name in config.alert_token_files])
        receiver = make_receiver(
            self._inbox,
            tokens,
            lambda: self._leading,
            on_malformed=self._metrics.alerts_received.labels(result="malformed").inc,
        )
        ready = [
            *(health.stream_is_current(name, stream) for name, stream in self._streams.needed.items()),
            health.clock_is_fresh(self._clock),
        ]
        probes = health.application(self._metrics.registry, [self._watchdog.check], ready)
        if config.listen.callbacks is not None:
            callbacks = make_callback_receiver(
                self._replica.replies,
                lambda: self._leading,
                self._clock.now,
                on_result=lambda result: self._metrics.callbacks.labels(result=result).inc(),
            )
            await ports.serve(stack, callbacks, "listen.callbacks", config.listen.callbacks, config.listen.tls)
        await ports.serve(stack, receiver, "listen.alerts", config.listen.alerts, config.listen.tls)
        await ports.serve(stack, probes, "listen.metrics", config.listen.metrics)
