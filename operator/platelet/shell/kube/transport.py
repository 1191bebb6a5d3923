"""HTTP below the client: each request is sent once, nothing is followed, and every loss is an Unanswered."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import msgspec
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from platelet.shell import kube

_MAX_LINE = 32 * 2**20  # bytes; etcd takes objects of 1.5 MiB, JSON may be longer
_READ_BUFFER = 2 * 2**20  # bytes
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


def open_session(configuration: Configuration) -> aiohttp.ClientSession:
    """Make a session by the official client's TLS; proxies of the environment are not meant for the API server."""
    connector = aiohttp.TCPConnector(
        limit=configuration.connection_pool_maxsize, ssl=RESTClientObject(configuration).ssl_context
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=_READ_BUFFER,
        middlewares=(send_once,),
    )


def route(configuration: Configuration) -> dict[str, Any]:
    """What each request must be told of the way to the API server: a kubeconfig's proxy, the name in its TLS."""
    options = {
        "server_hostname": configuration.tls_server_name,
        "proxy": configuration.proxy,
        "proxy_headers": configuration.proxy_headers,
    }
    return {key: value for key, value in options.items() if value}


def write_compactly(body: object) -> bytes:
    """Write JSON as Go does, so that a later patch finds the same bytes.

    The API server keeps a ControllerRevision's `data` as the bytes that were sent and refuses a patch, even of an
    annotation, when its own encoding of them differs: no white space, and <, > and & escaped.
    """
    raw = msgspec.json.encode(body, order="sorted")
    for sign in "<>&\u2028\u2029":
        raw = raw.replace(sign.encode(), f"\\u{ord(sign):04x}".encode())
    return raw


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
