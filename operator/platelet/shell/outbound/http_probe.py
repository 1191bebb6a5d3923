"""Asks a URL for its status code: allowed hosts only, at the address that was checked; nothing is followed or read."""

import asyncio
import ssl

import httpx

from platelet.model.reading import Answered, Probe, Unanswered
from platelet.shell.kube import call
from platelet.shell.outbound.allowed_hosts import Destinations, ForbiddenDestinationError


class HttpProbe:
    """One GET each. Messages name the host, never the rest of the URL, which may hold a secret."""

    def __init__(self, allowed: Destinations) -> None:
        """Make the client; nothing is asked yet."""
        self._allowed = allowed
        self._http = httpx.AsyncClient(verify=ssl.create_default_context(), trust_env=False, follow_redirects=False)

    async def ask(self, probe: Probe) -> Answered | Unanswered:
        """Ask once. Never raises: what went wrong is an answer, too."""
        host = ""
        try:
            url = httpx.URL(probe.url)
            host = url.host
            async with asyncio.timeout(probe.timeout.total_seconds()):
                return Answered(status=await self._get(url))
        except TimeoutError:
            return Unanswered(why=f"{host} did not answer within {probe.timeout.total_seconds():g} s")
        except ForbiddenDestinationError as error:
            return Unanswered(why=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Unanswered(why=f"{host} could not be reached: {type(error).__name__}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _get(self, url: httpx.URL) -> int:
        pinned = await self._allowed.pin(url)
        headers = {"Host": pinned.host, "User-Agent": call.user_agent(""), "Connection": "close"}
        async with self._http.stream(
            "GET", pinned.url, headers=headers, timeout=None, extensions=dict(pinned.extensions)
        ) as response:
            return response.status_code
