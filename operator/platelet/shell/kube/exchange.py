"""One request to the API server and its answer: the official client's connection and authentication, our own errors.

Every answer feeds the clock. Nothing that changes the cluster is ever sent twice (TRAPS 32).
"""

import time
from collections.abc import Callable
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration

from platelet.shell import kube
from platelet.shell.kube import clock, responses, transport
from platelet.shell.kube.call import JSON, Call, user_agent

JSON_PATCH = "application/json-patch+json"
_METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
OnResponse = Callable[[str, str, int, float], None]
"""Called with verb, plural, HTTP status (0: no answer), seconds."""


class Exchanger:
    """Sends calls over one session. Create it inside the running loop; close it."""

    def __init__(
        self, configuration: Configuration, server_clock: clock.ServerClock, on_response: OnResponse | None
    ) -> None:
        """Connect nothing yet. `on_response` hears of each answer, for metrics."""
        self._configuration = configuration
        self._clock = server_clock
        self._on_response = on_response
        self._session = transport.open_session(configuration)
        self._route = transport.route(configuration)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def read(self, call: Call) -> bytes:
        """Send a read; once more when a kept-alive connection turned out to be dead. Raises ApiError."""
        try:
            return await self.exchange(call)
        except kube.Unanswered as error:
            if not isinstance(error.__cause__, transport.ConnectionDroppedError):
                raise
        return await self.exchange(call)

    async def exchange(self, call: Call) -> bytes:
        """Send a request once and read the whole answer. Raises ApiError."""
        with transport.unanswered():
            response = await self.open(call)
            try:
                raw = await response.read()
            finally:
                response.release()
        json_patch = call.content_type == JSON_PATCH
        responses.raise_for(response.status, raw, sent_body=call.body is not None, json_patch=json_patch)
        return raw

    async def open(self, call: Call) -> aiohttp.ClientResponse:
        """Send a request and return once its head is answered; whoever asked reads and closes it."""
        asked = call.whole_query
        query = f"?{urlencode(asked, quote_via=quote)}" if asked else ""
        started, status = time.monotonic(), 0
        try:
            response = await self._session.request(
                call.method,
                f"{self._configuration.host}{call.path}{query}",
                headers=await self._headers(call),
                data=None if call.body is None else transport.write_compactly(call.body),
                timeout=call.timeout,
                **self._route,
            )
            status = response.status
        finally:
            if self._on_response is not None:
                self._on_response(call.verb, call.resource.plural, status, time.monotonic() - started)
        self._clock.observe(response.headers.get("Date", ""), clock.boot_time())
        return response

    async def _headers(self, call: Call) -> dict[str, str]:
        metadata = _METADATA_LIST if call.verb == "list" else _METADATA
        accept = metadata if call.resource.metadata_only else call.accept
        headers = {"User-Agent": user_agent(call.agent), "Accept": accept, "Content-Type": call.content_type}
        token = await self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return headers if token is None else {**headers, "Authorization": token}
