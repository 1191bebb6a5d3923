"""Carries requests to where people are told: one call each, to allowed hosts only, without following anything.

Messages name the host and what went wrong. The path of a URL often is its password, and an answer's body is somebody
else's text: neither is repeated.
"""

import asyncio
import base64
import binascii
import json
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from platelet.model import standard_webhooks
from platelet.model.effects import Deliver
from platelet.model.outside import host_of
from platelet.model.request import Answer, Request, SecretKey, Signing
from platelet.model.situation import DeliveryResult
from platelet.shell import kube
from platelet.shell.kube import call
from platelet.shell.kube.clock import ClockNotReadyError
from platelet.shell.outbound import allowed_hosts

TIMEOUT = 10.0  # seconds for everything: Secret, name, connection, answer
_LONGEST_ANSWER = 64 << 10  # bytes
_LONGEST_WAIT = 3600  # seconds that a place may ask us to wait


@dataclass(slots=True, kw_only=True)
class _Went:
    """How far a try came; without an error, to its end."""

    host: str = ""
    error: str = ""  # fit for people
    permanent: bool = False
    receipt: str = ""
    retry_after: timedelta | None = None


class _NotSentError(Exception):
    """The request cannot be sent; the message is fit for people."""


class Courier:
    """Runs `effects.Deliver`, once per call; when to try again is decided elsewhere."""

    def __init__(
        self,
        api: kube.Reads,
        allowed: allowed_hosts.Destinations,
        now: Callable[[], datetime],
        on_result: Callable[[bool], None] = lambda _delivered: None,
    ) -> None:
        """Make the HTTP client; close it with `close`. `on_result` hears of each try whether it was a delivery.

        `now` is the API server's time, by which requests are signed; it may raise ClockNotReadyError.
        """
        self._now = now
        self._on_result = on_result
        self._api, self._allowed = api, allowed
        self._http = httpx.AsyncClient(
            verify=ssl.create_default_context(), trust_env=False, follow_redirects=False, timeout=TIMEOUT
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """Send the request; what its answer means, the request says. Never raises."""
        correlation, went = effect.correlation, _Went()
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._try(effect.request, went)
        except TimeoutError:
            went.error = f"{went.host} did not answer within {TIMEOUT:.0f} s"
        self._on_result(not went.error)
        return replace(
            correlation.result(went.error),
            permanent=went.permanent,
            retry_after=went.retry_after,
            receipt=went.receipt,
        )

    async def call(self, request: Request, timeout: float) -> int:  # noqa: ASYNC109 - the caller's own bound
        """Send a request of a step, once; the status of the answer, whatever it is.

        Raises Refused where it surely was not sent, and Unanswered where that is not known.
        """
        host = host_of(request.url)
        try:
            async with asyncio.timeout(timeout):
                answer, _ = await self._send(httpx.URL(request.url), request)
        except (_NotSentError, allowed_hosts.ForbiddenDestinationError) as error:
            raise kube.Refused(0, "NotSent", f"not sent: {error}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
            raise kube.Refused(0, "NotSent", f"not sent: {host} could not be reached: {type(error).__name__}") from None
        except (TimeoutError, httpx.HTTPError, OSError, UnicodeError) as error:
            raise kube.Unanswered(0, "NoAnswer", f"no answer of {host}: {type(error).__name__}") from None
        return answer.status

    async def _try(self, request: Request, went: _Went) -> None:
        """Send it, and what follows from it; note in `went` how far that came."""
        try:
            url = httpx.URL(request.url)
            went.host = url.host
            answer, went.retry_after = await self._send(url, request)
        except (_NotSentError, allowed_hosts.ForbiddenDestinationError) as error:
            went.error = str(error)
            return
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            if isinstance(error, TimeoutError):
                raise
            went.error = f"{went.host} could not be reached: {type(error).__name__}"
            return
        outcome = request.judge(answer)
        went.error = f"{went.host} {outcome.error}" if outcome.error else ""
        went.permanent, went.receipt = outcome.permanent, went.receipt or outcome.receipt
        if not went.error and request.then is not None:
            await self._try(request.then(outcome.receipt), went)

    async def _send(self, url: httpx.URL, request: Request) -> tuple[Answer, timedelta | None]:
        """Connect to the address that was checked. The body of the answer is read only where it is judged."""
        headers = {**request.headers, "User-Agent": call.user_agent("")}
        for name, reference in request.secret_headers.items():
            headers[name] = await self._token(reference)
        if request.bearer is not None:
            headers["Authorization"] = f"Bearer {await self._token(request.bearer)}"
        secrets = {name: await self._token(reference) for name, reference in request.secrets.items()}
        body = {**request.body, **secrets} if secrets else request.body
        sent = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        if sent and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        if request.signing is not None:
            headers |= await self._sign(request.signing, sent)
        pinned = await self._allowed.pin(url)
        headers["Host"] = pinned.host
        async with self._http.stream(
            request.method, pinned.url, headers=headers, content=sent or None, extensions=dict(pinned.extensions)
        ) as response:
            content = await _read(response) if request.reads_answer else {}
            return Answer(status=response.status_code, body=content), _retry_after(response)

    async def _sign(self, signing: Signing, sent: bytes) -> Mapping[str, str]:
        """Sign what is sent, at the time of this try: what is signed is good for some minutes only."""
        secret = signing.secret
        try:
            key = standard_webhooks.read_secret(await self._token(secret))
            return standard_webhooks.headers(signing.id, self._now(), sent, key)
        except ValueError as error:
            raise _NotSentError(f"the Secret {secret.namespace}/{secret.name}: {secret.key} is {error}") from None
        except ClockNotReadyError:
            raise _NotSentError("nobody knows what time it is, so it cannot be signed") from None

    async def _token(self, reference: SecretKey) -> str:
        where = f"the Secret {reference.namespace}/{reference.name}"
        try:
            secret = await self._api.get(kube.SECRETS, reference.namespace, reference.name)
        except kube.ApiError as error:
            raise _NotSentError(f"{where} could not be read: {error.code} {error.reason}") from None
        encoded = (secret.get("data") or {}).get(reference.key)
        if not isinstance(encoded, str):
            raise _NotSentError(f"{where} has no key {reference.key}")
        try:
            token = base64.b64decode(encoded, validate=True).decode("ascii").strip()
        except (binascii.Error, UnicodeDecodeError):
            token = ""
        if not token or not token.isprintable():
            raise _NotSentError(f"{where}: {reference.key} does not hold a token that a header can carry")
        return token


async def _read(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none, or too long."""
    raw = bytearray()
    async for chunk in response.aiter_bytes():
        raw += chunk
        if len(raw) > _LONGEST_ANSWER:
            return {}
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _retry_after(response: httpx.Response) -> timedelta | None:
    """How long the place asks to be left alone, in whole seconds and within an hour; None: it does not say."""
    seconds = response.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(seconds[:6]), _LONGEST_WAIT)) if re.fullmatch("[0-9]+", seconds) else None
