"""The courier against a real server on loopback."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from platelet.api.policy import SecretRef, Webhook
from platelet.model import effects
from platelet.model.situation import DeliveryResult
from platelet.shell import kube
from platelet.shell.courier import Courier
from platelet.shell.destinations import Destinations
from tests.unit.shell import fake_server
from tests.unit.shell.memory_kube import MemoryKube

NOTICE = effects.Deliver(
    id="uid-1/escalated", policy=("shop", "p"), remediation=("shop", "r"), event={"specversion": "1.0", "id": "é"}
)
SECRET = "s3cr3t-t0ken"


@asynccontextmanager
async def courier(
    webhook: Webhook | None, *, api: MemoryKube | None = None, allowed: tuple[str, ...] = ("127.0.0.1", "localhost")
) -> AsyncIterator[Courier]:
    found = {("shop", "p"): webhook}
    made = Courier(api or MemoryKube(), lambda *policy: found[policy], Destinations(allowed))
    try:
        yield made
    finally:
        await made.close()


async def deliver(webhook: Webhook | None, **options: Any) -> DeliveryResult:
    async with courier(webhook, **options) as made:
        return await made.deliver(NOTICE)


def secret(value: bytes) -> MemoryKube:
    api = MemoryKube()
    encoded = base64.b64encode(value).decode()
    api.objects["secrets", "shop", "hook"] = {"metadata": {"name": "hook"}, "data": {"token": encoded}}
    return api


def with_token(url: str) -> Webhook:
    return Webhook(url=url, secret_ref=SecretRef(name="hook", key="token"))


async def test_a_notice_is_posted_as_a_cloud_event_with_a_stable_id() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        for _ in range(2):
            assert await deliver(Webhook(url=f"{server.url}/hook?x=1")) == DeliveryResult(delivered=True)
    first, second = server.asked
    assert (first.method, first.path, first.query) == ("POST", "/hook", {"x": "1"})
    assert first.headers["content-type"].startswith("application/cloudevents+json")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "uid-1/escalated"
    assert json.loads(first.body) == {"specversion": "1.0", "id": "é"}
    assert "authorization" not in first.headers


async def test_a_name_is_connected_to_by_its_checked_address_and_called_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def look_up(_: Any, host: str, port: int, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"  # the name's owner changes their mind
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)
    async with fake_server.serve(fake_server.answer({})) as server:
        url = server.url.replace("127.0.0.1", "hook.example.com")
        assert (await deliver(Webhook(url=url), allowed=("hook.example.com",))).delivered
    assert server.asked[0].headers["host"] == url.removeprefix("http://")
    assert asked == ["hook.example.com"]


async def test_the_token_of_the_secret_is_sent() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        assert (await deliver(with_token(server.url), api=secret(SECRET.encode() + b"\n"))).delivered
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    "api",
    [MemoryKube(), secret(b""), secret(b"two\nlines " + SECRET.encode()), secret(b"\xff\xfe")],
    ids=["no Secret", "empty", "two lines", "not text"],
)
async def test_without_a_usable_token_nothing_is_sent(api: MemoryKube) -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        result = await deliver(with_token(server.url), api=api)
    assert not result.delivered
    assert "the Secret shop/hook" in result.message
    assert SECRET not in result.message
    assert server.asked == []


async def test_a_forbidden_secret_is_said() -> None:
    api = MemoryKube()
    api.failing = [kube.Refused(403, "Forbidden", "secrets is forbidden")]
    result = await deliver(with_token("http://127.0.0.1:9/"), api=api)
    assert result == DeliveryResult(delivered=False, message="the Secret shop/hook could not be read: 403 Forbidden")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with fake_server.serve(redirect) as server:
        result = await deliver(Webhook(url=f"{server.url}/hook"))
    assert result == DeliveryResult(delivered=False, message=f"127.0.0.1 answered {status}")
    assert [asked.path for asked in server.asked] == ["/hook"]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_only_a_2xx_is_a_delivery(status: int) -> None:
    async with fake_server.serve(fake_server.answer({"token": SECRET}, status)) as server:
        result = await deliver(with_token(f"{server.url}/T0/{SECRET}"), api=secret(SECRET.encode()))
    assert result == DeliveryResult(delivered=False, message=f"127.0.0.1 answered {status}")


async def test_a_host_that_is_not_allowed_is_not_called() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        result = await deliver(Webhook(url=server.url), allowed=("*.svc",))
    assert result == DeliveryResult(delivered=False, message="127.0.0.1 is not in allowedHosts")
    assert server.asked == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://user:pw@127.0.0.1/", "file:///etc/passwd", "nonsense", ""])
async def test_an_url_of_another_kind_is_refused(url: str) -> None:
    result = await deliver(Webhook(url=url))
    assert not result.delivered
    assert "pw" not in result.message.replace("password", "")


async def test_an_endless_body_is_not_read() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except ConnectionError:
            return response

    async with fake_server.serve(endless) as server:
        assert (await deliver(Webhook(url=server.url))).delivered


async def test_a_refused_connection_is_said_without_the_path() -> None:
    result = await deliver(Webhook(url=f"http://127.0.0.1:9/{SECRET}"))
    assert result == DeliveryResult(delivered=False, message="127.0.0.1 could not be reached: ConnectError")


async def test_a_policy_without_a_webhook_is_no_error() -> None:
    assert not (await deliver(None)).delivered


async def test_each_try_is_counted_as_a_delivery_or_none() -> None:
    results: list[bool] = []
    async with fake_server.serve(fake_server.answer({})) as server:
        made = Courier(MemoryKube(), lambda *_: Webhook(url=server.url), Destinations(("127.0.0.1",)), results.append)
        await made.deliver(NOTICE)
        await made.close()
    gone = Courier(MemoryKube(), lambda *_: None, Destinations(()), results.append)
    await gone.deliver(NOTICE)
    await gone.close()
    assert results == [True, False]
