"""An HTTP server in the test's own loop that stands where the API server would."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from platelet.shell.kube import client, clock

DATE = "Sat, 21 Nov 2026 08:00:00 GMT"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class FakeServer:
    """Its address, and what was asked of it."""

    url: str
    asked: list[Asked] = field(default_factory=list)


def answer(body: Any, status: int = 200) -> Handler:
    """Always answer this JSON."""

    async def handle(_: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers={"Date": DATE})

    return handle


def change_address(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names lead here when they are first looked up, and to where nobody may call after; which ones were looked up."""
    asked: list[str] = []

    async def look_up(_: Any, host: str, port: int, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)
    return asked


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[FakeServer]:
    """Serve every path with one handler on a free loopback port."""
    app, server = web.Application(), FakeServer("")

    async def record(request: web.Request) -> web.StreamResponse:
        headers = {key.lower(): value for key, value in request.headers.items()}
        query = dict(request.query)
        server.asked.append(Asked(request.method, request.path, query, headers, await request.text()))
        return await handler(request)

    app.router.add_route("*", "/{path:.*}", record)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[client.ClusterClient]:
    """Connect a real client to an address."""
    configuration = Configuration(host=url, api_key={"BearerToken": "Bearer t0ken"})
    api = client.ClusterClient(configuration, clock.ServerClock(), **options)
    try:
        yield api
    finally:
        await api.close()
