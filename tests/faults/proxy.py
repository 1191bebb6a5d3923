"""An HTTP proxy between one operator and the API server, which loses, delays and spoils what it is told to.

Plain HTTP to the operator, TLS to the API server; Authorization and User-Agent are passed through, so that the audit
log stays the judge. Each request is shown to the proxy's rule, which may answer with a fault; watches are passed on
line by line and may be disturbed at any time. The proxy's loop has a thread of its own: call its methods from another.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, TypeVar
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from yarl import URL

from tests.cluster.control_plane import ControlPlane

T = TypeVar("T")
_OWN_TO_A_CONNECTION = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length"})
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 403: "Forbidden", 503: "ServiceUnavailable"}
_BOOKMARK = b'{"type":"BOOKMARK"'
_TLS_GOODBYE = 0.3  # seconds
_MAX_BODY = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asked for. `number` and `write` count from 0 since `arm`; None for what is not counted."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    agent: str
    number: int | None = None  # neither watches nor the Lease nor discovery are counted
    write: int | None = None

    def __str__(self) -> str:
        """For messages of failed tests."""
        what = "/".join(part for part in (self.resource, self.subresource, self.namespace, self.name) if part)
        return f"{self.verb} {what}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with an error of the API server's making; the request is not passed on."""

    code: int
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer. `applied`: the API server has carried the request out, only the answer is lost."""

    applied: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Cut the connection. `applied` as in Hang."""

    applied: bool = False


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Do something, which may take its time, right before a request is passed on, or (`applied`) before its answer is.

    Then go on; with `drop` nobody is there any more to go on for, and the connection is cut.
    """

    act: Callable[[], None]
    applied: bool = False
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What happens to an open watch: an ERROR event with this code, silence with the connection open, or its end."""

    kind: Literal["error", "silence", "cut"]
    code: int = 0


Fault = Answer | Hang | Reset | Interrupt | Disturbance
Rule = Callable[[Request], Fault | None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and how it ended: the API server's status, or None when it was never asked or did not answer."""

    request: Request
    code: int | None


@dataclass(eq=False, slots=True)
class _Watch:
    request: Request
    disturbed: asyncio.Queue[Disturbance] = field(default_factory=asyncio.Queue)


class Proxy:
    """Between one operator and the API server. Without a rule it only passes on."""

    def __init__(self, plane: ControlPlane) -> None:
        """Nothing listens yet, see `running`."""
        self._server = plane.url
        self._tls = ssl.create_default_context(cafile=str(plane.ca_file))
        self._loop = asyncio.new_event_loop()
        self._rule: Rule | None = None
        self._watches: set[_Watch] = set()
        self._serving: set[asyncio.Future[web.StreamResponse]] = set()
        self._counted = self._written = 0
        self.bookmarks = True
        self.url = ""
        self.exchanges: list[Exchange] = []

    def arm(self, rule: Rule | None = None) -> None:
        """Count from 0 again, forget the exchanges up to now, and obey this rule."""

        def change() -> None:
            self._counted = self._written = 0
            self.exchanges = []
            self._rule = rule

        self._in_loop(change)

    def disarm(self) -> None:
        """Obey no rule; go on counting and recording."""
        self._rule = None

    def disturb(self, disturbance: Disturbance, resource: str = "") -> list[str]:
        """Spoil the watches that are open now, of one resource or of all. Returns what they watched."""

        def spoil() -> list[str]:
            chosen = [watch for watch in self._watches if resource in ("", watch.request.resource)]
            for watch in chosen:
                watch.disturbed.put_nowait(disturbance)
            return sorted(watch.request.resource for watch in chosen)

        return self._in_loop(spoil)

    def watched(self) -> list[str]:
        """The resources of the watches that are open now."""
        return self._in_loop(lambda: sorted(watch.request.resource for watch in self._watches))

    def writes(self) -> list[Exchange]:
        """The writes that the API server accepted since `arm`, but for the Lease and Events."""
        return [
            exchange
            for exchange in self.exchanges
            if exchange.request.write is not None and exchange.code is not None and exchange.code < 300
            if exchange.request.resource != "events"
        ]

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Listen for the length of a `with` block."""
        thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(runner), self._loop).result(20)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            self._loop.close()

    def _in_loop(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    async def _start(self) -> web.AppRunner:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        self._api = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,  # bodies are passed on as they come
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            trust_env=False,
        )
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return runner

    async def _stop(self, runner: web.AppRunner) -> None:
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await runner.cleanup()
        await self._api.close()
        await asyncio.sleep(_TLS_GOODBYE)  # aiohttp does not wait for it
        await self._loop.shutdown_default_executor()

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        task = asyncio.ensure_future(self._serve(incoming))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return await task

    async def _serve(self, incoming: web.Request) -> web.StreamResponse:
        request = self._count(_read(incoming))
        body = await incoming.read()
        fault = self._rule(request) if self._rule is not None else None
        if request.verb == "watch":
            return await self._serve_watch(incoming, request, fault)
        if not getattr(fault, "applied", True) or isinstance(fault, Answer):
            await self._meet(incoming, request, fault)
            if isinstance(fault, Answer):
                return _refusal(fault)
        answer = await self._forward(incoming, request, body)
        if getattr(fault, "applied", False):
            await self._meet(incoming, request, fault)
        return answer

    def _count(self, request: Request) -> Request:
        if request.verb == "watch" or request.resource in ("", "leases"):
            return request
        number, self._counted = self._counted, self._counted + 1
        write = None
        if request.verb not in ("get", "list"):
            write, self._written = self._written, self._written + 1
        return replace(request, number=number, write=write)

    async def _meet(self, incoming: web.Request, request: Request, fault: Fault | None) -> None:
        """Carry out what happens around a request; returns when the request, or its answer, is to go on."""
        match fault:
            case Hang():
                self._record(request, None)
                await asyncio.Event().wait()
            case Reset():
                self._record(request, None)
                _cut(incoming)
            case Interrupt(act, _, drop):
                await asyncio.to_thread(act)
                if drop:
                    self._record(request, None)
                    _cut(incoming)
            case Answer():
                self._record(request, None)

    async def _forward(self, incoming: web.Request, request: Request, body: bytes) -> web.Response:
        try:
            async with self._ask(incoming, body) as answer:
                raw = await answer.read()
        except aiohttp.ClientError:  # the API server is down: so is the line to it
            self._record(request, None)
            _cut(incoming)
        self._record(request, answer.status)
        return web.Response(status=answer.status, headers=_passed_on(answer.headers), body=raw)

    def _ask(self, incoming: web.Request, body: bytes) -> "aiohttp.client._RequestContextManager":
        url = URL(self._server + incoming.raw_path, encoded=True)
        headers = _passed_on(incoming.headers)
        return self._api.request(incoming.method, url, headers=headers, data=body or None, allow_redirects=False)

    def _record(self, request: Request, code: int | None) -> None:
        self.exchanges.append(Exchange(request, code))

    async def _serve_watch(self, incoming: web.Request, request: Request, fault: Fault | None) -> web.StreamResponse:
        if isinstance(fault, Answer):
            return _refusal(fault)
        watch = _Watch(request)
        if isinstance(fault, Disturbance):
            watch.disturbed.put_nowait(fault)
        elif fault is not None:
            await self._meet(incoming, request, fault)
        try:
            async with self._ask(incoming, b"") as answer:
                outgoing = web.StreamResponse(status=answer.status, headers=_passed_on(answer.headers))
                await outgoing.prepare(incoming)
                self._watches.add(watch)
                await self._relay(incoming, watch, answer, outgoing)
        except (aiohttp.ClientError, ConnectionError):
            _cut(incoming)
        finally:
            self._watches.discard(watch)
        return outgoing

    async def _relay(
        self, incoming: web.Request, watch: _Watch, answer: aiohttp.ClientResponse, outgoing: web.StreamResponse
    ) -> None:
        """Pass lines on until the stream ends or is disturbed."""
        lines = _lines(answer)
        coming = asyncio.ensure_future(anext(lines, None))
        disturbed = asyncio.ensure_future(watch.disturbed.get())
        try:
            while True:
                await asyncio.wait((coming, disturbed), return_when=asyncio.FIRST_COMPLETED)
                if disturbed.done():
                    return await _spoil(incoming, disturbed.result(), outgoing)
                line = coming.result()
                if line is None:
                    return None
                if self.bookmarks or not line.startswith(_BOOKMARK):
                    await outgoing.write(line)
                coming = asyncio.ensure_future(anext(lines, None))
        finally:
            coming.cancel()
            disturbed.cancel()
            await asyncio.gather(coming, disturbed, return_exceptions=True)


async def _spoil(incoming: web.Request, disturbance: Disturbance, outgoing: web.StreamResponse) -> None:
    match disturbance.kind:
        case "silence":
            await asyncio.Event().wait()
        case "cut":
            _cut(incoming)
        case "error":
            event = {"type": "ERROR", "object": _status(disturbance.code)}
            await outgoing.write(json.dumps(event).encode() + b"\n")


async def _lines(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Split the body into lines, each with its newline; what is left at the end is passed on as it is."""
    rest = b""
    async for chunk in answer.content.iter_any():
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield line + b"\n"
    if rest:
        yield rest


def _cut(incoming: web.Request) -> NoReturn:
    """End the connection without a word, as a dead machine or a firewall does."""
    if incoming.transport is not None:
        incoming.transport.abort()
    raise asyncio.CancelledError


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OWN_TO_A_CONNECTION}


def _status(code: int) -> dict[str, Any]:
    reason = _REASONS.get(code, "InternalError")
    message = f"injected {code}"
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def _refusal(fault: Answer) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web.json_response(_status(fault.code), status=fault.code, headers=headers)


def _read(incoming: web.Request) -> Request:
    """Tell from method and path what is asked for, as the API server does."""
    parts = [unquote(part) for part in incoming.raw_path.partition("?")[0].split("/") if part]
    rest = parts[2:] if parts[:1] == ["api"] else parts[3:] if parts[:1] == ["apis"] else []
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = (*rest, "", "", "")[:3]
    verb = _VERBS.get(incoming.method) or ("get" if name else "list")
    if incoming.query.get("watch") in ("true", "1"):
        verb = "watch"
    agent = incoming.headers.get("User-Agent", "")
    return Request(verb, resource, subresource, namespace, name, agent)
