"""Asking Prometheus and URLs, against a real server on loopback: what goes wrong is an answer, and tells no secret."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from platelet.model.reading import (
    Answered,
    Judged,
    ObjectCondition,
    Probe,
    Query,
    Question,
    Reading,
    Result,
    Unanswered,
)
from platelet.model.workload import WorkloadRef
from platelet.shell.outbound import prometheus as asking
from platelet.shell.outbound.allowed_hosts import Destinations
from platelet.shell.outbound.http_probe import HttpProbe
from platelet.shell.outbound.inquiry import Inquiry
from platelet.shell.outbound.prometheus import NoPrometheus, Prometheus
from tests.unit.shell import fake_server

SECRET = "s3cr3t-t0ken"
GOOD = {"status": "success", "data": {"resultType": "vector", "result": []}}
ERROR = {"status": "error", "errorType": "bad_data", "error": "unexpected end of input"}


async def ask(url: str, token_file: Path | None = None) -> Result | Unanswered:
    made = Prometheus(url, token_file)
    try:
        return await made.ask('up{a="b"}')
    finally:
        await made.close()


@asynccontextmanager
async def probing(*allowed: str, api_server: tuple[str, int] | None = None) -> AsyncIterator[HttpProbe]:
    made = HttpProbe(Destinations(allowed, api_server))
    try:
        yield made
    finally:
        await made.close()


def probe(url: str, seconds: float = 5) -> Probe:
    return Probe(url=url, timeout=timedelta(seconds=seconds))


async def get(url: str, *allowed: str, seconds: float = 5) -> Reading:
    async with probing(*(allowed or ("127.0.0.1",))) as made:
        return await made.ask(probe(url, seconds))


async def test_a_query_is_posted_below_the_url_of_the_settings(tmp_path: Path) -> None:
    """The token is read from its file each time: it may be rotated."""
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n")
    async with fake_server.serve(fake_server.answer(GOOD)) as server:
        assert await ask(f"{server.url}/prefix/", token) == Result(samples=())
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/prefix/api/v1/query", "query=up%7Ba%3D%22b%22%7D")
    assert asked.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("status", [400, 422, 503])
async def test_what_prometheus_says_of_a_query_is_told(status: int) -> None:
    async with fake_server.serve(fake_server.answer(ERROR, status)) as server:
        reading = await ask(server.url)
    assert reading == Unanswered(why="Prometheus says: bad_data: unexpected end of input")


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 500, 502])
async def test_another_status_is_no_answer(status: int) -> None:
    """Its text is somebody else's: it is not repeated."""
    async with fake_server.serve(fake_server.answer({"message": SECRET}, status)) as server:
        assert await ask(server.url) == Unanswered(why=f"Prometheus answered {status}")


async def test_an_unreachable_prometheus_is_no_answer() -> None:
    reading = await ask(f"http://127.0.0.1:9/{SECRET}")
    assert reading == Unanswered(why="Prometheus could not be reached: ConnectError")


async def test_a_token_file_that_is_missing_is_no_answer(tmp_path: Path) -> None:
    async with fake_server.serve(fake_server.answer(GOOD)) as server:
        reading = await ask(server.url, tmp_path / "missing")
    assert reading == Unanswered(why="Prometheus could not be reached: FileNotFoundError")
    assert server.asked == []


async def slow(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(b"x" * 65536)
    except ConnectionError:
        return response


async def test_a_slow_prometheus_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SECONDS", 0.1)
    async with fake_server.serve(slow) as server:
        assert await ask(server.url) == Unanswered(why="Prometheus did not answer within 0.1 s")


async def test_an_endless_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_LONGEST_ANSWER", 100_000)
    async with fake_server.serve(endless) as server:
        reading = await ask(server.url)
    assert reading == Unanswered(why="Prometheus answered more than 100000 bytes: aggregate the query")


@pytest.mark.parametrize("status", [200, 204, 301, 404, 503])
async def test_a_url_is_known_by_its_status(status: int) -> None:
    """A redirect is not followed, it is the answer."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with fake_server.serve(respond) as server:
        assert await get(f"{server.url}/health?x=1") == Answered(status=status)
    assert [(request.method, request.path, request.query) for request in server.asked] == [
        ("GET", "/health", {"x": "1"})
    ]


async def test_the_body_is_not_read() -> None:
    async with fake_server.serve(endless) as server:
        assert await get(server.url) == Answered(status=200)


async def test_a_slow_url_is_no_answer() -> None:
    async with fake_server.serve(slow) as server:
        assert await get(server.url, seconds=0.1) == Unanswered(why="127.0.0.1 did not answer within 0.1 s")


REFUSED: dict[str, tuple[str, str]] = {
    "a host that is not allowed": ("http://10.0.0.1/x", "10.0.0.1 is not in allowedHosts"),
    "a link-local address that is allowed by name": (
        "http://169.254.169.254/latest",
        "169.254.169.254 leads to a link-local or metadata address",
    ),
    "a password in the url": (f"http://a:{SECRET}@127.0.0.1/", "a url must be http(s) and hold no user or password"),
    "another scheme": ("file:///etc/passwd", "a url must be http(s) and hold no user or password"),
    "nobody there": (f"http://127.0.0.1:9/{SECRET}", "127.0.0.1 could not be reached: ConnectError"),
    "no url": ("http://[", "%5B is not in allowedHosts"),
}


@pytest.mark.parametrize(("url", "why"), REFUSED.values(), ids=REFUSED)
async def test_what_may_not_be_asked_or_does_not_answer(url: str, why: str) -> None:
    """The reason names the host and the rule, never the rest of the URL."""
    assert await get(url, "127.0.0.1", "169.254.169.254") == Unanswered(why=why)


async def test_the_api_server_is_never_asked() -> None:
    async with fake_server.serve(fake_server.answer({})) as server:
        port = int(server.url.rpartition(":")[2])
        async with probing("127.0.0.1", api_server=("localhost", port)) as made:
            reading = await made.ask(probe(server.url))
    assert reading == Unanswered(why="127.0.0.1 is the API server")
    assert server.asked == []


async def test_a_name_is_connected_to_by_its_checked_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake_server.change_address(monkeypatch)
    async with fake_server.serve(fake_server.answer({})) as server:
        url = server.url.replace("127.0.0.1", "api.example.com")
        assert await get(url, "api.example.com") == Answered(status=200)
    assert server.asked[0].headers["host"] == url.removeprefix("http://")
    assert asked == ["api.example.com"]


class Counting:
    """Answers and counts."""

    def __init__(self) -> None:
        """Nothing was asked."""
        self.asked: list[Any] = []

    async def ask(self, question: Any) -> Any:
        """Answer with what fits the question."""
        self.asked.append(question)
        if isinstance(question, ObjectCondition):
            return Judged(holds=False)
        return Result(samples=()) if isinstance(question, str) else Answered(status=200)


async def test_each_question_is_asked_once_and_again_after_a_second() -> None:
    """A rollout wakes us many times; and nothing older than a second is passed for the present."""
    others, clock = Counting(), [100.0]
    heard: list[Reading] = []
    inquiry = Inquiry(others, others, others, on_reading=heard.append, boot=lambda: clock[0])
    holds = ObjectCondition(text="true", target=WorkloadRef(kind="Deployment", namespace="shop", name="api"))
    questions: list[Question] = [Query(text="up"), probe("http://a.example/"), holds]
    for moment in (100.0, 101.0, 101.5):
        clock[0] = moment
        assert await inquiry.ask(questions) == {
            questions[0]: Result(samples=()),
            questions[1]: Answered(status=200),
            holds: Judged(holds=False),
        }
    assert others.asked == ["up", questions[1], holds] * 2
    assert len(heard) == 6


async def test_without_a_prometheus_nothing_is_known() -> None:
    others = Counting()
    readings = await Inquiry(NoPrometheus(), others, others).ask([Query(text="up")])
    assert readings == {Query(text="up"): Unanswered(why="the operator's settings name no Prometheus")}
    assert await Inquiry(NoPrometheus(), others, others).ask([]) == {}
    assert others.asked == []
