"""The cluster client against an HTTP server in the same loop."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from platelet.shell import kube
from platelet.shell.kube import client
from tests.unit.shell import fake_server

JOBS = kube.Resource("batch", "v1", "jobs", "Job")
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
Call = Callable[[client.ClusterClient], Awaitable[Any]]


def api_answer(request: web.Request) -> web.Response:
    return web.json_response({"ok": request.path}, headers={"Date": fake_server.DATE})


async def ok(request: web.Request) -> web.StreamResponse:
    return api_answer(request)


@pytest.mark.parametrize(
    ("call", "method", "path", "content_type"),
    [
        (lambda api: api.get(kube.PODS, "shop", "a"), "GET", "/api/v1/namespaces/shop/pods/a", None),
        (lambda api: api.get(kube.NODES, "", "n"), "GET", "/api/v1/nodes/n", None),
        (lambda api: api.create(kube.PODS, "shop", POD), "POST", "/api/v1/namespaces/shop/pods", "application/json"),
        (
            lambda api: api.replace(kube.LEASES, "shop", "a", POD, subresource="status"),
            "PUT",
            "/apis/coordination.k8s.io/v1/namespaces/shop/leases/a/status",
            "application/json",
        ),
        (
            lambda api: api.patch(kube.DEPLOYMENTS, "shop", "a", {"spec": {"replicas": 0}}, subresource="scale"),
            "PATCH",
            "/apis/apps/v1/namespaces/shop/deployments/a/scale",
            "application/merge-patch+json",
        ),
        (
            lambda api: api.patch(kube.DEPLOYMENTS, "shop", "a", [{"op": "test", "path": "/a", "value": 1}]),
            "PATCH",
            "/apis/apps/v1/namespaces/shop/deployments/a",
            "application/json-patch+json",
        ),
    ],
    ids=["get", "get of a cluster-wide kind", "create", "replace of a subresource", "merge patch", "JSON patch"],
)
async def test_a_call_becomes_one_request(call: Call, method: str, path: str, content_type: str | None) -> None:
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        assert await call(api) == {"ok": path}
    (asked,) = server.asked
    assert (asked.method, asked.path) == (method, path)
    assert content_type in (None, asked.headers["content-type"])
    assert asked.headers["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("call", "query"),
    [
        (lambda api: api.create(kube.REMEDIATIONS, "shop", POD), {"fieldValidation": "Strict"}),
        (lambda api: api.replace(kube.POLICIES, "shop", "a", POD, subresource="status"), {"fieldValidation": "Strict"}),
        (lambda api: api.replace(kube.BUDGETS, "shop", "a", POD), {"fieldValidation": "Strict"}),
        (lambda api: api.replace(kube.LEASES, "shop", "a", POD), {}),
        (lambda api: api.create(kube.CONTROLLER_REVISIONS, "shop", POD), {}),
        (lambda api: api.get(kube.REMEDIATIONS, "shop", "a"), {}),
    ],
    ids=["a Remediation", "a policy's status", "the budget", "no kind of ours", "another", "a read"],
)
async def test_of_our_own_kinds_all_is_stored_or_nothing(call: Call, query: dict[str, str]) -> None:
    """Else an older CRD drops what it does not know, and answers 200."""
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        await call(api)
    (asked,) = server.asked
    assert dict(asked.query) == query


async def test_a_deletion_carries_the_uid_as_precondition_and_the_version_that_was_seen() -> None:
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        await api.delete(JOBS, "shop", "a", uid="u1")
        await api.delete(JOBS, "shop", "a", uid="u1", resource_version="7")
    sent = [json.loads(request.body)["preconditions"] for request in server.asked]
    assert sent == [{"uid": "u1"}, {"uid": "u1", "resourceVersion": "7"}]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("", "platelet/0.1.0"),
        ("4f1c-9/0/1", "platelet/0.1.0 (4f1c-9/0/1)"),
        ("4f1c-9/0/1/back", "platelet/0.1.0 (4f1c-9/0/1/back)"),
        ("evil\r\nX-Other: 1", "platelet/0.1.0 (evil__X-Other:_1)"),
        ("(nested) é", "platelet/0.1.0 (_nested___)"),
    ],
)
async def test_the_attempt_is_in_the_user_agent(agent: str, expected: str) -> None:
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        await api.patch(kube.DEPLOYMENTS, "shop", "a", {}, agent=agent)
    assert server.asked[0].headers["user-agent"] == expected


async def test_each_answer_feeds_the_clock_refusals_too() -> None:
    async with fake_server.serve(fake_server.answer({}, 403)) as server, fake_server.connected(server.url) as api:
        assert not api.clock.ready
        with pytest.raises(kube.Refused):
            await api.get(kube.PODS, "shop", "a")
        assert api.clock.ready
        assert api.clock.now().isoformat().startswith("2026-11-21T08:00:0")


async def test_metrics_hear_of_answers_and_of_none() -> None:
    heard: list[tuple[str, str, int]] = []

    def hear(verb: str, plural: str, code: int, _: float) -> None:
        heard.append((verb, plural, code))

    async with fake_server.serve(ok) as server, fake_server.connected(server.url, on_response=hear) as api:
        await api.get(kube.PODS, "shop", "a")
    async with fake_server.connected("http://127.0.0.1:9", on_response=hear) as api:
        with pytest.raises(kube.Unanswered):
            await api.get(kube.PODS, "shop", "a")
    assert heard == [("get", "pods", 200), ("get", "pods", 0)]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a%2fb", "../../secrets/x"])
async def test_a_name_that_would_leave_its_place_is_not_sent(name: str) -> None:
    """Names may come from alert labels; an empty one would mean the collection (TRAPS 29)."""
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        for call in (api.get(kube.PODS, "shop", name), api.patch(kube.PODS, "shop", name, {})):
            with pytest.raises(kube.Refused):
                await call
        with pytest.raises(kube.Refused):
            await api.get(kube.PODS, name, "a")
        with pytest.raises(kube.Refused):
            await api.delete(kube.PODS, "shop", "a", uid="")
    assert server.asked == []


async def test_a_question_mark_in_a_name_stays_in_the_name() -> None:
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        await api.get(kube.PODS, "shop", "a?x=1#y")
    assert (server.asked[0].path, server.asked[0].query) == ("/api/v1/namespaces/shop/pods/a?x=1#y", {})


async def test_no_answer_in_time_is_unanswered() -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise web.HTTPGone

    async with fake_server.serve(slow) as server, fake_server.connected(server.url) as api:
        with pytest.raises(kube.Unanswered) as caught:
            await api.patch(kube.PODS, "shop", "a", {}, timeout=0.05)
    assert caught.value.code == 0
    assert len(server.asked) == 1


async def test_without_time_left_nothing_is_sent() -> None:
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        with pytest.raises(kube.Unanswered):
            await api.patch(kube.PODS, "shop", "a", {}, timeout=0.0)
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """It would carry our token elsewhere, and may send a write twice."""

    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with fake_server.serve(redirect) as server, fake_server.connected(server.url) as api:
        for call in (api.get(kube.PODS, "shop", "a"), api.patch(kube.PODS, "shop", "a", {})):
            with pytest.raises(kube.Unanswered):
                await call
    assert [asked.path for asked in server.asked] == ["/api/v1/namespaces/shop/pods/a"] * 2


@asynccontextmanager
async def dropping_server(seen: list[str]) -> AsyncIterator[str]:
    """Answer the first request of each connection; read the second one and hang up, as a dying server does."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for turn in range(2):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            seen.append(head.split()[0].decode())
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"ength" in line), 0)
            await reader.readexactly(length)
            if turn == 0:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_read_is_repeated_on_a_dropped_connection() -> None:
    seen: list[str] = []
    async with dropping_server(seen) as url, fake_server.connected(url) as api:
        await api.get(kube.PODS, "shop", "a")
        assert await api.get(kube.PODS, "shop", "a") == {}
    assert seen == ["GET", "GET", "GET"]


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("POST", lambda api: api.create(kube.PODS, "shop", POD)),
        ("PUT", lambda api: api.replace(kube.PODS, "shop", "a", POD)),
        ("PATCH", lambda api: api.patch(kube.PODS, "shop", "a", {})),
        ("DELETE", lambda api: api.delete(kube.PODS, "shop", "a", uid="u")),
    ],
)
async def test_a_write_is_never_sent_twice(method: str, call: Call) -> None:
    """By itself aiohttp repeats PUT and DELETE on a dropped connection."""
    seen: list[str] = []
    async with dropping_server(seen) as url, fake_server.connected(url) as api:
        await api.get(kube.PODS, "shop", "a")
        with pytest.raises(kube.Unanswered):
            await call(api)
    assert seen == ["GET", method]


def page(names: str, following: str = "") -> dict[str, Any]:
    items = [{"metadata": {"name": name}} for name in names]
    return {"metadata": {"resourceVersion": "7", "continue": following}, "items": items}


async def test_a_list_is_read_page_by_page() -> None:
    async def pages(request: web.Request) -> web.StreamResponse:
        return web.json_response(page("cd") if "continue" in request.query else page("ab", "next"))

    async with fake_server.serve(pages) as server, fake_server.connected(server.url) as api:
        listed = await api.list(kube.PODS, "shop", labels="a=b")
    assert [item["metadata"]["name"] for item in listed] == ["a", "b", "c", "d"]
    assert listed[0]["kind"] == "Pod"
    assert [asked.query.get("continue") for asked in server.asked] == [None, "next"]
    assert all(asked.query["labelSelector"] == "a=b" and asked.query["limit"] == "500" for asked in server.asked)
    assert "resourceVersion" not in server.asked[0].query


async def test_a_list_that_expires_midway_begins_anew_without_doubles() -> None:
    async def expiring(request: web.Request) -> web.StreamResponse:
        if "continue" not in request.query:
            return web.json_response(page("ab", "next"))
        expired = sum("continue" in asked.query for asked in server.asked) == 1
        return web.json_response({"reason": "Expired"}, status=410) if expired else web.json_response(page("c"))

    async with fake_server.serve(expiring) as server, fake_server.connected(server.url) as api:
        listed = await api.list(kube.PODS)
    assert [item["metadata"]["name"] for item in listed] == ["a", "b", "c"]


async def test_a_list_that_always_expires_is_unanswered() -> None:
    async with fake_server.serve(fake_server.answer({}, 410)) as server, fake_server.connected(server.url) as api:
        with pytest.raises(kube.Unanswered):
            await api.list(kube.PODS)


async def test_a_watch_yields_whole_lines_however_they_arrive() -> None:
    async def chunks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in (b"on", b"e\ntwo\nth", b"ree\n", b"\n", b"cut off"):
            await response.write(chunk)
        return response

    async with (
        fake_server.serve(chunks) as server,
        fake_server.connected(server.url) as api,
        api.open_watch(kube.PODS, initial_events=True, timeout_seconds=9) as lines,
    ):
        assert [line async for line in lines] == [b"one", b"two", b"three", b""]
    assert server.asked[0].query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "9",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
    }


async def test_a_refused_watch_raises_like_any_read() -> None:
    async with fake_server.serve(fake_server.answer({}, 410)) as server, fake_server.connected(server.url) as api:
        with pytest.raises(kube.Refused):
            async with api.open_watch(kube.PODS, resource_version="5"):
                pass


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with fake_server.serve(ok) as server, fake_server.connected(server.url) as api:
        await api.get(kube.PODS, "shop", "a")
    assert len(server.asked) == 1
