"""HTTP below the client: each request is sent once, nothing is followed, and every loss is an Unanswered."""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import aiohttp

from platelet.shell import kube

_MAX_LINE = 32 * 2**20  # bytes; etcd takes objects of 1.5 MiB, JSON may be longer
_REDIRECTS = range(300, 400)


class ConnectionDroppedError(Exception):
    """An established connection ended before the answer: usual for a kept-alive one that the server had given up."""


class RedirectedError(Exception):
    """Someone between us and the API server wants the request elsewhere, with our token in it."""


async def send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware of aiohttp: without it a PUT or DELETE on a dropped connection is silently sent again."""
    try:
        response = await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionDroppedError(type(error).__name__) from error
    if response.status in _REDIRECTS:
        response.close()
        raise RedirectedError(f"status {response.status}")
    return response


async def write_compactly(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware of aiohttp: write JSON bodies as Go does, so that a later patch finds the same bytes.

    The API server keeps a ControllerRevision's `data` as the bytes that were sent and refuses a patch, even of an
    annotation, when its own encoding of them differs: no white space, and <, > and & escaped.
    """
    if isinstance(request.body, aiohttp.payload.StringPayload):
        body = json.dumps(json.loads(request.body.decode()), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        for sign in "<>&\u2028\u2029":
            body = body.replace(sign, f"\\u{ord(sign):04x}")
        await request.update_body(body.encode())
    return await send(request)


@contextmanager
def unanswered() -> Iterator[None]:
    """Turn timeouts and lost connections into Unanswered, with the original as cause."""
    try:
        yield
    except TimeoutError as error:
        raise kube.Unanswered(0, "Timeout", "no answer in time") from error
    except (aiohttp.ClientError, OSError, ConnectionDroppedError, RedirectedError) as error:
        raise kube.Unanswered(0, "ConnectionLost", f"{type(error).__name__}: {error}"[:300]) from error


async def lines(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Split a streamed body into lines as they arrive; a last line without its newline is dropped, it is cut off."""
    rest = bytearray()
    with unanswered():
        async for chunk in response.content.iter_any():
            *complete, tail = chunk.split(b"\n")
            for part in complete:
                yield bytes(rest) + part if rest else part
                rest.clear()
            rest += tail
            if len(rest) > _MAX_LINE:
                raise kube.Unanswered(0, "LineTooLong", f"a line of more than {_MAX_LINE} bytes")
