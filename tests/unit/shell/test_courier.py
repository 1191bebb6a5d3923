"""The courier against a real server on loopback."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from platelet.model.effects import Correlation, Deliver
from platelet.model.request import Answer, Outcome, Request, SecretKey, Signing
from platelet.model.situation import DeliveryResult
from platelet.shell import kube
from platelet.shell.kube.clock import ClockNotReadyError
from platelet.shell.outbound.allowed_hosts import Destinations
from platelet.shell.outbound.courier import Courier
from tests.published import standard_webhooks as published
from tests.unit.shell import fake_server
from tests.unit.shell.memory_kube import MemoryKube
from tests.unit.situations import NOW

CORRELATION = Correlation(holder=("remediation", "shop", "r"), id="uid-1/escalated", sink="webhook", number=3)
SECRET = "s3cr3t-t0ken"


@asynccontextmanager
async def courier(
    *,
    api: MemoryKube | None = None,
    allowed: tuple[str, ...] = ("127.0.0.1", "localhost"),
    now: Callable[[], datetime] | None = None,
) -> AsyncIterator[Courier]:
    made = Courier(api or MemoryKube(), Destinations(allowed), now or (lambda: NOW))
    try:
        yield made
    finally:
        await made.close()


def request(url: str, **changes: Any) -> Request:
    return Request(url=url, headers={"X-Kind": "notice"}, body={"specversion": "1.0", "id": "é"}, **changes)


async def deliver(wanted: Request, **options: Any) -> DeliveryResult:
    async with courier(**options) as made:
        return await made.deliver(Deliver(request=wanted, correlation=CORRELATION))


def went(why_not: str = "") -> DeliveryResult:
    return DeliveryResult(id="uid-1/escalated", sink="webhook", number=3, delivered=not why_not, message=why_not)


def secret(value: bytes) -> MemoryKube:
    api = MemoryKube()
    encoded = base64.b64encode(value).decode()
    api.objects["secrets", "shop", "hook"] = {"metadata": {"name": "hook"}, "data": {"token": encoded}}
    return api


def with_token(url: str) -> Request:
    return request(url, bearer=SecretKey(namespace="shop", name="hook", key="token"))


async def test_a_request_goes_out_as_it_is_and_its_result_comes_back_under_its_id_and_try() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        for method in ("POST", "PUT"):
            assert await deliver(request(f"{server.url}/hook?x=1", method=method)) == went()
    first, second = server.asked
    assert (first.method, first.path, first.query, second.method) == ("POST", "/hook", {"x": "1"}, "PUT")
    assert first.headers["x-kind"] == "notice"
    assert json.loads(first.body) == {"specversion": "1.0", "id": "é"}
    assert "authorization" not in first.headers


async def test_a_name_is_connected_to_by_its_checked_address_and_called_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = fake_server.change_address(monkeypatch)
    async with fake_server.serve(fake_server.answer({})) as server:
        url = server.url.replace("127.0.0.1", "hook.example.com")
        assert (await deliver(request(url), allowed=("hook.example.com",))).delivered
    assert server.asked[0].headers["host"] == url.removeprefix("http://")
    assert asked == ["hook.example.com"]


async def test_the_token_of_the_secret_is_sent() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        assert (await deliver(with_token(server.url), api=secret(SECRET.encode() + b"\n"))).delivered
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"


async def test_headers_of_secrets_are_sent_with_their_values() -> None:
    keyed = {"X-Api-Key": SecretKey(namespace="shop", name="hook", key="token")}
    async with fake_server.serve(fake_server.answer({})) as server:
        assert (await deliver(request(server.url, secret_headers=keyed), api=secret(SECRET.encode()))).delivered
        assert not (await deliver(request(server.url, secret_headers=keyed), api=MemoryKube())).delivered
    (sent,) = server.asked
    assert sent.headers["x-api-key"] == SECRET


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
    assert result == went("the Secret shop/hook could not be read: 403 Forbidden")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with fake_server.serve(redirect) as server:
        result = await deliver(request(f"{server.url}/hook"))
    assert result == went(f"127.0.0.1 answered {status}")
    assert [asked.path for asked in server.asked] == ["/hook"]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_only_a_2xx_is_a_delivery(status: int) -> None:
    async with fake_server.serve(fake_server.answer({"token": SECRET}, status)) as server:
        result = await deliver(with_token(f"{server.url}/T0/{SECRET}"), api=secret(SECRET.encode()))
    assert result == went(f"127.0.0.1 answered {status}")


async def test_a_host_that_is_not_allowed_is_not_called() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        result = await deliver(request(server.url), allowed=("*.svc",))
    assert result == went("127.0.0.1 is not in allowedHosts")
    assert server.asked == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://user:pw@127.0.0.1/", "file:///etc/passwd", "nonsense", ""])
async def test_an_url_of_another_kind_is_refused(url: str) -> None:
    result = await deliver(request(url))
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
        assert (await deliver(request(server.url))).delivered


async def test_a_refused_connection_is_said_without_the_path() -> None:
    result = await deliver(request(f"http://127.0.0.1:9/{SECRET}"))
    assert result == went("127.0.0.1 could not be reached: ConnectError")


async def test_each_try_is_counted_as_a_delivery_or_none() -> None:
    results: list[bool] = []
    async with fake_server.serve(fake_server.answer({})) as server:
        made = Courier(MemoryKube(), Destinations(("127.0.0.1",)), lambda: NOW, results.append)
        for url in (server.url, "http://elsewhere.example.com/"):
            await made.deliver(Deliver(request=request(url), correlation=CORRELATION))
        await made.close()
    assert results == [True, False]


async def test_a_secret_that_belongs_into_the_body_goes_there_and_is_told_nowhere() -> None:
    key = SecretKey(namespace="shop", name="hook", key="token")
    async with fake_server.serve(fake_server.answer({}, 403)) as server:
        result = await deliver(request(server.url, secrets={"routing_key": key}), api=secret(SECRET.encode()))
    assert json.loads(server.asked[0].body) == {"specversion": "1.0", "id": "é", "routing_key": SECRET}
    assert result == went("127.0.0.1 answered 403")


def _judge(answer: Answer) -> Outcome:
    return Outcome(error="" if answer.body.get("ok") else "says no", permanent=answer.status == 400, receipt="r1")


async def test_an_answer_means_what_the_request_says() -> None:
    async with fake_server.serve(fake_server.answer({"ok": True})) as server:
        result = await deliver(request(server.url, judge=_judge, reads_answer=True))
    assert result == replace(went(), receipt="r1")
    async with fake_server.serve(fake_server.answer(["no object"], 400)) as server:
        result = await deliver(request(server.url, judge=_judge, reads_answer=True))
    assert result == replace(went("127.0.0.1 says no"), receipt="r1", permanent=True)


@pytest.mark.parametrize(("asked", "seconds"), [("7", 7), ("99999999", 3600), ("-1", None), ("soon", None), ("", None)])
async def test_who_asks_to_be_left_alone_is_heard(asked: str, seconds: int | None) -> None:
    async def limited(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": asked})

    async with fake_server.serve(limited) as server:
        result = await deliver(request(server.url))
    assert result.retry_after == (timedelta(seconds=seconds) if seconds is not None else None)


async def test_what_follows_is_sent_once_the_first_is_taken_and_a_receipt_is_kept_although_it_fails() -> None:
    async with (
        fake_server.serve(fake_server.answer({"ok": True})) as server,
        fake_server.serve(fake_server.answer({}, 503)) as down,
    ):
        first = request(server.url, judge=_judge, reads_answer=True)
        both = replace(first, then=lambda receipt: request(f"{server.url}/{receipt}"))
        assert await deliver(both) == replace(went(), receipt="r1")
        assert [asked.path for asked in server.asked] == ["/", "/r1"]
        half = replace(first, then=lambda _: request(down.url))
        assert await deliver(half) == replace(went("127.0.0.1 answered 503"), receipt="r1")
        never = replace(request(down.url), then=lambda _: request(server.url))
        assert not (await deliver(never)).delivered
        assert len(server.asked) == 3


async def call(wanted: Request, **options: Any) -> int:
    """Of a step: within a second."""
    async with courier(**options) as made:
        return await made.call(wanted, 1.0)


@pytest.mark.parametrize("status", [204, 302, 404, 503])
async def test_the_answer_to_a_step_is_its_status_whatever_it_is(status: int) -> None:
    async def said(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"})

    async with fake_server.serve(said) as server:
        assert await call(request(server.url)) == status
    assert len(server.asked) == 1


async def test_a_step_without_a_body_sends_none() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        await call(replace(request(server.url), method="GET", body=None))
    assert (server.asked[0].method, server.asked[0].body) == ("GET", "")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://example.org/", {}),
        ("http://127.0.0.1:1/", {}),
        ("http://127.0.0.1:1/with-token", {"api": MemoryKube()}),
    ],
    ids=["a host that is not allowed", "nobody listens", "no Secret"],
)
async def test_what_was_surely_not_sent_is_told(url: str, options: dict[str, Any]) -> None:
    wanted = with_token(url) if "with-token" in url else request(url)
    with pytest.raises(kube.Refused, match="not sent"):
        await call(wanted, **options)


async def test_what_may_have_been_taken_is_not_known() -> None:
    """It came there, and nothing came back."""

    async def hang_up(asked: web.Request) -> web.StreamResponse:
        assert asked.transport is not None
        asked.transport.close()
        return web.Response()

    async with fake_server.serve(hang_up) as server:
        with pytest.raises(kube.Unanswered, match=r"no answer of 127\.0\.0\.1"):
            await call(request(f"{server.url}/path-that-is-a-password"))


def signed(url: str) -> Request:
    key = SecretKey(namespace="shop", name="hook", key="token")
    return request(url, signing=Signing(id="uid-1/escalated", secret=key))


async def test_what_is_signed_is_genuine_to_who_verifies_it_at_the_time_of_each_try_under_the_same_id() -> None:
    later = NOW + timedelta(minutes=30)
    async with fake_server.serve(fake_server.answer({})) as server:
        for now in (NOW, later):
            options: Any = {"api": secret(published.SECRET.encode() + b"\n"), "now": lambda: now}  # noqa: B023 - at once
            assert (await deliver(signed(server.url), **options)).delivered
    first, second = server.asked
    assert published.fault(first.headers, first.body.encode(), published.SECRET, NOW.timestamp()) == ""
    assert published.fault(second.headers, second.body.encode(), published.SECRET, later.timestamp()) == ""
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "uid-1/escalated"
    assert "authorization" not in first.headers
    assert published.fault(first.headers, first.body.encode() + b" ", published.SECRET, NOW.timestamp())
    assert published.fault(first.headers, first.body.encode(), published.SECRET, later.timestamp()), "an old one"


async def test_without_a_signing_secret_nothing_is_signed_and_without_a_good_one_nothing_is_sent() -> None:
    def nobody_knows() -> datetime:
        raise ClockNotReadyError

    async with fake_server.serve(fake_server.answer({})) as server:
        await deliver(request(server.url))
        bad = await deliver(signed(server.url), api=secret(b"hunter2hunter2hunter2"))
        early = await deliver(signed(server.url), api=secret(published.SECRET.encode()), now=nobody_knows)
    assert [name for name in server.asked[0].headers if name.lower().startswith("webhook-")] == []
    assert len(server.asked) == 1
    assert bad.message.startswith("the Secret shop/hook: token is no signing secret")
    assert "hunter2" not in bad.message
    assert early.message == "nobody knows what time it is, so it cannot be signed"
