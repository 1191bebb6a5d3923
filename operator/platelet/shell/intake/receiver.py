"""The alert receiver: POST /webhooks/alertmanager (DESIGN 3.4).

200 means stored. Alertmanager sends again only after a 5xx and drops an alert at every 4xx (TRAPS 17), so 4xx is for
what another try cannot mend: a wrong token (401), a body that will never fit (413), an encoding that is not spoken
(415), a body that is no webhook message (400). All else is 503: a standby, too much at once, a slow sender, a store
that fails or hangs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import structlog
from aiohttp import web

from platelet.model.alert import Alert
from platelet.shell.intake.request_gate import RequestGate, RequestRefusedError, respond
from platelet.shell.intake.token_files import NoTokenError, TokenFiles
from platelet.shell.kube import ApiError, Refused
from platelet.triggers import alerts

PATH = "/webhooks/alertmanager"
MIB = 1 << 20
_INLINE = 256 * 1024  # bytes; a longer body is parsed in a thread, so that the loop goes on (TRAPS 35)
_MAX_COMPLAINT = 300
_log = structlog.get_logger(__name__)


class NotStoredError(Exception):
    """Some alert of the call is not stored; the sender shall try again."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        """`for_good`: only what the API server refuses, so that nothing can be done about these alerts either."""
        super().__init__(why)
        self.for_good = for_good

    @classmethod
    def of(cls, failures: Sequence[ApiError]) -> Self:
        """What the API server has said against these, in the words of the first."""
        return cls(str(failures[0]), for_good=all(isinstance(failure, Refused) for failure in failures))


async def attempt(storing: Awaitable[None]) -> NotStoredError | None:
    """Store; return the failure, if any, so that it is raised only after everything else was tried."""
    try:
        await storing
    except NotStoredError as error:
        return error
    return None


class AlertStore(Protocol):
    """Where alerts go. Storing the same alert twice changes nothing."""

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Return once each alert is matched by nothing or acknowledged by the API server. Raises NotStoredError.

        `truncated` alerts were left out by the sender. May be cancelled at any point.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLimits:
    """What one receiver holds at once."""

    body: int = 32 * MIB  # bytes of one request
    bytes_in_flight: int = 64 * MIB  # of all requests
    requests_in_flight: int = 32
    seconds: float = 8.0  # from the head of a request to its answer


def make_receiver(
    store: AlertStore,
    tokens: TokenFiles,
    leading: Callable[[], bool],
    limits: ReceiverLimits | None = None,
    *,
    on_malformed: Callable[[int], None] = lambda _count: None,
) -> web.Application:
    """Build the application with the one route. `tokens` are read and `leading` is asked at each request.

    `on_malformed` hears how many alerts of a body cannot be read; a body that is no webhook message counts as one.
    """
    receiver = _Receiver(store, tokens, leading, limits or ReceiverLimits(), on_malformed)
    application = web.Application()
    application.router.add_post(PATH, receiver.receive)
    return application


class _Receiver:
    def __init__(
        self,
        store: AlertStore,
        tokens: TokenFiles,
        leading: Callable[[], bool],
        limits: ReceiverLimits,
        on_malformed: Callable[[int], None],
    ) -> None:
        self._on_malformed = on_malformed
        self._store = store
        self._tokens = tokens
        self._limits = limits
        self._gate = RequestGate(limits, leading, "lower max_alerts in Alertmanager's webhook_config")
        self._bytes = 0

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take one request from its head to its answer."""
        try:
            self._admit(request)
            async with self._gate.taking():
                return await self._take(request)
        except RequestRefusedError as refused:
            _log.warning("alerts refused", status=refused.status, why=refused.message)
            return _respond(refused)

    def _admit(self, request: web.Request) -> None:
        """Judge the head alone; the body is not touched before."""
        try:
            allowed = self._tokens.allows(request.headers.get("Authorization", ""))
        except NoTokenError as error:
            raise RequestRefusedError(503, str(error)) from None
        if not allowed:
            raise RequestRefusedError(401, "a valid bearer token is needed")
        self._gate.admit(request)

    async def _take(self, request: web.Request) -> web.Response:
        message = await self._read_message(request)
        self._on_malformed(message.rejected)
        if message.alerts or message.truncated:
            try:
                await self._store.store(message.alerts, message.truncated)
            except NotStoredError as error:
                raise RequestRefusedError(503, f"not stored: {error}") from None
        if message.rejected or message.truncated:
            _log.warning("alerts missing", rejected=message.rejected, truncated=message.truncated, why=message.bad[:3])
        rejected = [complaint[:_MAX_COMPLAINT] for complaint in message.bad]
        return web.json_response({"stored": len(message.alerts), "rejected": rejected})

    async def _read_message(self, request: web.Request) -> alerts.WebhookRead:
        held = 0
        body = bytearray()
        try:
            async for chunk in request.content.iter_any():
                held += len(chunk)
                self._bytes += len(chunk)
                self._gate.check_length(held)
                if self._bytes > self._limits.bytes_in_flight:
                    raise RequestRefusedError(503, "too many bytes at once")
                body += chunk
            if held <= _INLINE:
                return alerts.read_webhook(bytes(body))
            return await asyncio.to_thread(alerts.read_webhook, bytes(body))
        except alerts.MalformedBodyError as error:
            self._on_malformed(1)
            raise RequestRefusedError(400, str(error)) from None
        finally:
            self._bytes -= held


def _respond(refused: RequestRefusedError) -> web.Response:
    response = respond(refused)
    if refused.status == web.HTTPUnauthorized.status_code:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
