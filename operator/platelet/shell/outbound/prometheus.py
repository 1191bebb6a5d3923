"""Asks Prometheus, at the one URL of the settings."""

import asyncio
from pathlib import Path

import httpx

from platelet.api.readers import query_results
from platelet.model.reading import Result, Unanswered
from platelet.shell.outbound.http_client import make_client

_SECONDS = 5.0  # for one answer, the whole of it
_LONGEST_ANSWER = 4 << 20  # bytes
_ANSWERS = frozenset({200, 400, 422, 503})  # what Prometheus says with a body of its own


class NoPrometheus:
    """Where the settings name none."""

    async def ask(self, query: str) -> Unanswered:
        """Say so."""
        del query
        return Unanswered(why="the operator's settings name no Prometheus")

    async def close(self) -> None:
        """Nothing is open."""


class Prometheus:
    """One question, one answer. Messages name no URL and no token; the URL may end in a path prefix."""

    def __init__(self, url: str, token_file: Path | None = None) -> None:
        """Make the client; nothing is asked yet."""
        self._url = f"{url.rstrip('/')}/api/v1/query"
        self._client = make_client(token_file)

    async def ask(self, query: str) -> Result | Unanswered:
        """Ask for the present value. Never raises: what went wrong is an answer, too."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._ask(query)
        except TimeoutError:
            return Unanswered(why=f"Prometheus did not answer within {_SECONDS:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:  # the last: of the token file
            return Unanswered(why=f"Prometheus could not be reached: {type(error).__name__}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, query: str) -> Result | Unanswered:
        async with self._client.stream("POST", self._url, data={"query": query}) as response:
            if response.status_code not in _ANSWERS:
                return Unanswered(why=f"Prometheus answered {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LONGEST_ANSWER:
                    return Unanswered(why=f"Prometheus answered more than {_LONGEST_ANSWER} bytes: aggregate the query")
        return await asyncio.to_thread(query_results.read_result, bytes(body))
