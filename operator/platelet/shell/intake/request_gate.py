"""What the receivers have in common: how much of what others send is held at once, in which time, and by whom."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web


class RequestRefusedError(Exception):
    """It is not taken: the status of the answer, and why."""

    def __init__(self, status: int, message: str) -> None:
        """Keep both; the message is fit for strangers."""
        super().__init__(message)
        self.status = status
        self.message = message


class Limits(Protocol):
    """What one receiver holds at once."""

    @property
    def body(self) -> int:
        """Bytes of one request."""

    @property
    def requests_in_flight(self) -> int:
        """So many at once."""

    @property
    def seconds(self) -> float:
        """From the head of a request to its answer."""


class RequestGate:
    """Lets in what fits, while this replica leads."""

    def __init__(self, limits: Limits, leading: Callable[[], bool], fix: str = "") -> None:
        """`leading` is asked at each request; `fix` is what the sender of a body that is too large can do."""
        self._limits = limits
        self._leading = leading
        self._fix = f": {fix}" if fix else ""
        self._requests = 0

    def admit(self, request: web.Request) -> None:
        """Judge the head alone; the body is not touched before. Raises RequestRefusedError."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RequestRefusedError(415, "send the body without Content-Encoding")
        self.check_length(request.content_length or 0)
        if not self._leading():
            raise RequestRefusedError(503, "this replica is not the leader")
        if self._requests >= self._limits.requests_in_flight:
            raise RequestRefusedError(503, "too many requests at once")

    def check_length(self, length: int) -> None:
        """Refuse a body of more bytes than one request may have. Raises RequestRefusedError."""
        if length > self._limits.body:
            raise RequestRefusedError(413, f"the body is larger than {self._limits.body} bytes{self._fix}")

    @asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        """Count a request while it is taken, and bound its time. Raises RequestRefusedError."""
        self._requests += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                yield
        except TimeoutError:
            raise RequestRefusedError(503, f"not stored within {self._limits.seconds:g} seconds") from None
        finally:
            self._requests -= 1


def respond(refused: RequestRefusedError) -> web.Response:
    """The answer. aiohttp throws the rest of the body away for a while, so that the sender sees it."""
    response = web.json_response({"error": refused.message}, status=refused.status)
    response.force_close()
    return response
