"""kopf in a thread and event loop of its own, started again whenever it ends (DESIGN 3).

A 500 inside a watch ends a kopf operator, and its end cancels younger tasks of its loop: neither may reach ours. Nor
does every end come to an end: a watch that reconnects while the others have failed can wait for credentials that nobody
brings any more. Such a loop is closed.
"""

import asyncio
import random
import threading
import time
from typing import Any, cast

import aiohttp
import kopf
import structlog
from kubernetes.aio.client.configuration import Configuration

from platelet.shell.run import handlers

_FIRST_DELAY = 1.0  # seconds
_LONGEST_DELAY = 60.0
_SETTLED = 60.0  # a run that lasted this long was a good one
_LONGEST_END = 12.0  # kopf waits up to 7 s for its own tasks
_LAST_PATIENCE = 2.0  # where it was cancelled
_GOODBYE = 0.1  # a connection is closed in later turns of its loop
_STOP_TIMEOUT = 20.0
# For its peering, which is off. Left to itself kopf asks for the user's name, and in a container the user has none.
_IDENTITY: Any = "platelet"
_log = structlog.get_logger("platelet.kopf")


class KopfThread:
    """Watches our own kinds and hands what it sees to the main loop. Start it only while leading."""

    def __init__(self, on_object: handlers.OnObject, configuration: Configuration) -> None:
        """`on_object` is called in the loop that calls `start`."""
        self._on_object, self._configuration = on_object, configuration
        self._main: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None
        self._sessions: dict[kopf.ConnectionInfo, kopf.AiohttpSession] = {}
        self.restarts = 0

    @property
    def alive(self) -> bool:
        """Whether the thread runs; it does also while it waits to start kopf again."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin in the running loop's name; all objects that exist are told first."""
        if self.alive:
            return
        self._main = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, args=(self._stopping,), name="kopf", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End kopf and wait for it. From the call on nothing is handed over.

        It is cancelled, not asked: when asked it waits 5 s for what it has begun, and meanwhile this replica cannot
        stand for election again. It has written nothing, so nothing is lost.
        """
        self._stopping.set()
        with self._guard:
            if self._running is not None:
                loop, task = self._running
                loop.call_soon_threadsafe(task.cancel)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _STOP_TIMEOUT)

    def _supervise(self, stopping: threading.Event) -> None:
        failures = 0
        while not stopping.is_set():
            started = time.monotonic()
            try:
                self._run(stopping)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever ends kopf, it is started again
                if not stopping.is_set():
                    _log.warning("kopf_ended", error=repr(error)[:300])
            if stopping.is_set():
                return
            self.restarts += 1
            failures = 0 if time.monotonic() - started > _SETTLED else failures
            longest = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures, 10))
            failures += 1
            stopping.wait(longest * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret

    def _run(self, stopping: threading.Event) -> None:
        """Run kopf once. Unlike asyncio.run, this returns also when a task of kopf's never ends."""
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(_note)  # one line for each task that kopf leaves behind, not a page
        task = loop.create_task(self._operate())
        with self._guard:
            self._running = (loop, task)
            if stopping.is_set():
                task.cancel()
        try:
            loop.run_until_complete(task)
        finally:
            with self._guard:
                self._running = None
            try:
                _cancel_again(loop)
                loop.run_until_complete(self._close_sessions())
            finally:
                loop.close()

    async def _operate(self) -> None:
        """Run kopf until it ends or we are cancelled, and wait for its end, but not for ever. Raises what ended it."""
        mine = asyncio.all_tasks()
        registry = handlers.registry(self._hand_over, self._log_in)
        tasks = await kopf.spawn_tasks(registry=registry, settings=_settings(), identity=_IDENTITY, clusterwide=True)
        running = asyncio.create_task(kopf.run_tasks(tasks, ignored=mine), name="kopf")
        patience = _LONGEST_END
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # the beginning of the end of all
        except asyncio.CancelledError:
            running.cancel()
            patience = _LAST_PATIENCE
        await asyncio.wait({running}, timeout=patience)
        if running.done():
            await running

    def _log_in(self) -> kopf.AiohttpSession:
        """Give kopf a session of ours: one of its own would stay open where its end does not end.

        The same credentials are the same session: kopf gives up with those that it has seen refused.
        """
        info = _connection(self._configuration)
        if info not in self._sessions:
            connector = aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context())
            session = aiohttp.ClientSession(connector=connector, headers=info.as_http_headers())
            self._sessions[info] = kopf.AiohttpSession(server=info.server, aiohttp_session=session)
        return self._sessions[info]

    async def _close_sessions(self) -> None:
        for session in self._sessions.values():
            await session.aiohttp_session.close()
        self._sessions.clear()
        await asyncio.sleep(_GOODBYE)

    def _hand_over(self, shown: handlers.Shown) -> None:
        if self._main is None or self._stopping.is_set():
            return
        try:
            self._main.call_soon_threadsafe(self._take_over, shown)
        except RuntimeError:  # the main loop is closed: the process ends
            self._stopping.set()

    def _take_over(self, shown: handlers.Shown) -> None:
        if not self._stopping.is_set():
            self._on_object(shown)


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.info("kopf_task_ended", error=repr(context.get("exception") or context.get("message"))[:300])


def _cancel_again(loop: asyncio.AbstractEventLoop) -> None:
    """End what kopf has not ended; what does not end now either is left."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        _log.warning("kopf_did_not_end", tasks=sorted(task.get_name() for task in left))
        loop.run_until_complete(asyncio.wait(left, timeout=_LAST_PATIENCE))


def _settings() -> kopf.OperatorSettings:
    """Let kopf do nothing but watch: no Events, no peering, no scans, no annotations."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.queueing.idle_timeout = 1.0
    settings.networking.connect_timeout = 5.0
    settings.networking.request_timeout = 30.0
    settings.process.ultimate_exiting_timeout = None  # it would kill our process, not only this thread
    settings.persistence.diffbase_storage = _NothingToCompare()
    return settings


class _NothingToCompare(kopf.DiffBaseStorage):
    """Spares kopf the deep copies of what it shows: they are for handlers of changes, of which we have none."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:  # noqa: ARG002 - kopf's names
        """Nothing of it counts as changed, ever."""
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing was stored."""

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing: kopf writes nothing onto any object."""


def _connection(configuration: Configuration) -> kopf.ConnectionInfo:
    """Our own connection, with the token as it is now."""
    if configuration.refresh_api_key_hook is not None:
        configuration.refresh_api_key_hook(configuration)
    scheme, _, token = str(configuration.api_key.get("BearerToken", "")).rpartition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        ca_data=None if configuration.ssl_ca_cert else configuration.ca_cert_data,
        insecure=not configuration.verify_ssl,
        scheme=scheme or "Bearer",
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )
