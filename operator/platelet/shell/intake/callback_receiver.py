"""The receiver of callbacks: POST /callbacks/PLACE/NAMESPACE/ESCALATIONPOLICY, signed by the place (DESIGN 6).

What it stores is durable before it answers 200. What is not signed with a key that the EscalationPolicy names is 401,
whatever it says; one that is not known 404, a body that is too long 413, one that is not as documented 400. A standby,
too much at once, a Secret or an API server that does not answer is 503: the place tries again, or the person does.
A signature covers the body, so that is read first: it is bounded, and so is how many are read at once. Nothing of a
body, a header or a key is logged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from aiohttp import web

from platelet.model.reply import Reply
from platelet.model.rules import Callback, Incoming
from platelet.shell.intake.request_gate import RequestGate, RequestRefusedError, respond
from platelet.shell.kube.clock import ClockNotReadyError

PATH = "/callbacks/{place}/{namespace}/{name}"
KIB = 1 << 10
_log = structlog.get_logger(__name__)


class NotKnownNowError(Exception):
    """It cannot be known now what an answer is worth; the message says why, and another try may help."""


class NothingStoredError(Exception):
    """The answer changes nothing, and would not at another try; the message says why."""

    def __init__(self, why: str, *, forbidden: bool = False) -> None:
        """`forbidden`: it is the person who may not answer so."""
        super().__init__(why)
        self.forbidden = forbidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """From where an answer comes: a place, by the EscalationPolicy that names its keys."""

    callback: Callback
    namespace: str
    name: str


class Replies(Protocol):
    """Who knows the keys, and where answers go. Storing the same answer twice changes nothing."""

    def find(self, place: str, namespace: str, name: str) -> Origin | None:
        """The origin that a path names; None where there is none."""

    async def keys(self, origin: Origin) -> tuple[bytes, ...]:
        """The keys that sign what comes from there. Raises NotKnownNowError where there is none now."""

    async def store(self, origin: Origin, reply: Reply) -> None:
        """Return once the API server has it. Raises NothingStoredError, NotKnownNowError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackLimits:
    """What one receiver holds at once. PagerDuty sends at most 256 KiB and waits 5 s, Slack waits 3 s."""

    body: int = 256 * KIB  # bytes
    requests_in_flight: int = 8
    seconds: float = 2.5  # from the head of a request to its answer


def make_callback_receiver(
    replies: Replies,
    leading: Callable[[], bool],
    now: Callable[[], datetime],
    limits: CallbackLimits | None = None,
    *,
    on_result: Callable[[str], None] = lambda _result: None,
) -> web.Application:
    """Build the application with the one route. `leading` is asked at each request; `on_result` hears how it ended."""
    receiver = _Receiver(replies, leading, now, limits or CallbackLimits(), on_result)
    application = web.Application()
    application.router.add_post(PATH, receiver.receive)
    return application


_RESULTS = {
    400: "malformed",
    401: "forged",
    403: "forbidden",
    404: "unknown",
    409: "vain",
    413: "oversized",
    415: "malformed",
}


class _Receiver:
    def __init__(
        self,
        replies: Replies,
        leading: Callable[[], bool],
        now: Callable[[], datetime],
        limits: CallbackLimits,
        on_result: Callable[[str], None],
    ) -> None:
        self._replies = replies
        self._leading = leading
        self._now = now
        self._gate = RequestGate(limits, leading)
        self._on_result = on_result

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take one request from its head to its answer."""
        origin = self._replies.find(**request.match_info) if self._leading() else None
        try:
            known = self._admit(request, origin)
            async with self._gate.taking():
                result = await self._take(request, known)
        except RequestRefusedError as refused:
            self._on_result(_RESULTS.get(refused.status, "unavailable"))
            where = f"{origin.callback.name} of {origin.namespace}/{origin.name}" if origin is not None else "unknown"
            _log.warning("callback refused", origin=where, status=refused.status, why=refused.message)
            return respond(refused)
        self._on_result(result)
        return web.json_response({"result": result})

    def _admit(self, request: web.Request, origin: Origin | None) -> Origin:
        """Judge the head alone; a standby knows of no origin."""
        self._gate.admit(request)
        if origin is None:
            raise RequestRefusedError(404, "no EscalationPolicy has this callback")
        return origin

    async def _take(self, request: web.Request, origin: Origin) -> str:
        headers = {name.lower(): value for name, value in request.headers.items()}
        incoming = Incoming(headers=headers, body=await self._read(request))
        return await take(self._replies, origin, incoming, self._now)

    async def _read(self, request: web.Request) -> bytes:
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            self._gate.check_length(len(body))
        return bytes(body)


async def take(replies: Replies, origin: Origin, incoming: Incoming, now: Callable[[], datetime]) -> str:
    """Take in one request as it was read; how it ended. Raises RequestRefusedError where it is not taken."""
    callback = origin.callback
    try:
        fault = callback.find_fault(incoming, await replies.keys(origin), now())
        if fault:
            raise RequestRefusedError(401, fault)
        reply = _read(callback, incoming.body)
        if reply is None:
            return "ignored"
        await replies.store(origin, reply)
    except (NotKnownNowError, ClockNotReadyError) as error:
        raise RequestRefusedError(503, str(error)) from None
    except NothingStoredError as error:
        if callback.shows_refusals:
            raise RequestRefusedError(403 if error.forbidden else 409, str(error)) from None
        _log.info("callback changes nothing", place=callback.name, why=str(error))
        return "vain"
    return "stored"


def _read(callback: Callback, body: bytes) -> Reply | None:
    try:
        return callback.read(body)
    except ValueError:  # what it says of the body is not repeated
        raise RequestRefusedError(400, f"it is signed, and not as {callback.name} documents it") from None
