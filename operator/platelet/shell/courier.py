"""Delivers notices: one POST to the policy's webhook, to allowed hosts only, without following anything.

Messages name the host and what went wrong. The path of a webhook often is its password, and an answer's body is
somebody else's text: neither is repeated.
"""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable

import httpx

from platelet.api.policy import SecretRef, Webhook
from platelet.model import effects
from platelet.model.situation import DeliveryResult
from platelet.shell import call, destinations, kube

TIMEOUT = 10.0  # seconds for everything: Secret, name, connection, answer

FindWebhook = Callable[[str, str], Webhook | None]
"""From a policy's namespace and name to where its notices go."""


class _NotSentError(Exception):
    """The notice cannot be sent; the message is fit for people."""


class Courier:
    """Runs `effects.Deliver`, once per call; when to try again is decided elsewhere."""

    def __init__(
        self,
        api: kube.Kube,
        find_webhook: FindWebhook,
        allowed: destinations.Destinations,
        on_result: Callable[[bool], None] = lambda _delivered: None,
    ) -> None:
        """Make the HTTP client; close it with `close`. `on_result` hears of each try whether it was a delivery."""
        self._on_result = on_result
        self._api, self._find_webhook, self._allowed = api, find_webhook, allowed
        self._http = httpx.AsyncClient(
            verify=ssl.create_default_context(), trust_env=False, follow_redirects=False, timeout=TIMEOUT
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def deliver(self, effect: effects.Deliver) -> DeliveryResult:
        """Send the notice. Only a 2xx is a delivery. Never raises."""
        result = await self._try(effect)
        self._on_result(result.delivered)
        return result

    async def _try(self, effect: effects.Deliver) -> DeliveryResult:
        webhook = self._find_webhook(*effect.policy)
        if webhook is None:
            return DeliveryResult(delivered=False, message="the policy has no webhook anymore")
        host = ""
        try:
            url = httpx.URL(webhook.url)
            host = url.host
            async with asyncio.timeout(TIMEOUT):
                status = await self._post(url, await self._headers(effect, webhook), effect)
        except TimeoutError:
            return DeliveryResult(delivered=False, message=f"{host} did not answer within {TIMEOUT:.0f} s")
        except (_NotSentError, destinations.ForbiddenDestinationError) as error:
            return DeliveryResult(delivered=False, message=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return DeliveryResult(delivered=False, message=f"{host} could not be reached: {type(error).__name__}")
        delivered = 200 <= status < 300  # noqa: PLR2004 - HTTP's successes
        return DeliveryResult(delivered=delivered, message="" if delivered else f"{host} answered {status}")

    async def _post(self, url: httpx.URL, headers: dict[str, str], effect: effects.Deliver) -> int:
        """Connect to the address that was checked. The body of the answer is not read."""
        pinned = await self._allowed.pin(url)
        headers["Host"] = pinned.host
        async with self._http.stream(
            "POST", pinned.url, headers=headers, json=dict(effect.event), extensions=dict(pinned.extensions)
        ) as response:
            return response.status_code

    async def _headers(self, effect: effects.Deliver, webhook: Webhook) -> dict[str, str]:
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "Idempotency-Key": effect.id,
            "User-Agent": call.user_agent(""),
        }
        if webhook.secret_ref is not None:
            headers["Authorization"] = f"Bearer {await self._token(effect.policy[0], webhook.secret_ref)}"
        return headers

    async def _token(self, namespace: str, reference: SecretRef) -> str:
        where = f"the Secret {namespace}/{reference.name}"
        try:
            secret = await self._api.get(kube.SECRETS, namespace, reference.name)
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
