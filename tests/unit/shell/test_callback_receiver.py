"""The receiver of callbacks on a real socket: nothing is stored that is not signed, and 200 is only for what is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from platelet.callbacks import CALLBACKS
from platelet.model.reply import Reply
from platelet.shell.intake.callback_receiver import (
    CallbackLimits,
    NothingStoredError,
    NotKnownNowError,
    Origin,
    make_callback_receiver,
)
from tests.published import pagerduty as published

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECRET = "a-secret-of-the-subscription-1234"
PATH = "/callbacks/pagerduty/shop/oncall"
PATIENT = CallbackLimits(seconds=30)


class Replies:
    """Keeps answers; can be told to fail or to hang."""

    def __init__(self, *, fails: Exception | None = None, hangs: bool = False, keyless: bool = False) -> None:
        """Say what it does."""
        self.kept: list[Reply] = []
        self.fails = fails
        self.keyless = keyless
        self.may_end = asyncio.Event()
        self.entered = asyncio.Event()
        if not hangs:
            self.may_end.set()

    def find(self, place: str, namespace: str, name: str) -> Origin | None:
        """There is one."""
        callback = next((callback for callback in CALLBACKS if callback.name == place), None)
        there = callback is not None and (namespace, name) == ("shop", "oncall")
        return Origin(callback=callback, namespace=namespace, name=name) if callback is not None and there else None

    async def keys(self, origin: Origin) -> tuple[bytes, ...]:
        """One key, unless it cannot be read."""
        del origin
        if self.keyless:
            raise NotKnownNowError("none of its keys can be read")
        return (SECRET.encode(),)

    async def store(self, origin: Origin, reply: Reply) -> None:
        """Keep, hang or fail."""
        del origin
        self.entered.set()
        await self.may_end.wait()
        if self.fails is not None:
            raise self.fails
        self.kept.append(reply)


@asynccontextmanager
async def receiving(
    replies: Replies, limits: CallbackLimits = PATIENT, *, leading: bool = True, results: list[str] | None = None
) -> AsyncIterator[TestServer]:
    """Run a receiver on loopback."""
    heard = results if results is not None else []
    application = make_callback_receiver(replies, lambda: leading, lambda: NOW, limits, on_result=heard.append)
    server = TestServer(application)
    async with server:
        yield server


async def post(server: TestServer, body: Any, headers: dict[str, str], path: str = PATH) -> tuple[int, str]:
    """Post, and read the answer."""
    async with (
        ClientSession(timeout=ClientTimeout(total=20)) as session,
        session.post(server.make_url(path), data=body, headers=headers) as response,
    ):
        return response.status, await response.text()


def signed(secret: str = SECRET, **changes: Any) -> tuple[bytes, dict[str, str]]:
    headers, body = published.webhook("platelet/rem-1", secret, occurred_at=NOW, **changes)
    return body, headers


async def test_what_is_signed_is_stored_before_it_is_answered() -> None:
    results: list[str] = []
    replies = Replies()
    async with receiving(replies, results=results) as server:
        assert await post(server, *signed()) == (200, '{"result": "stored"}')
    assert [reply.uid for reply in replies.kept] == ["rem-1"]
    assert results == ["stored"]


BODY, HEADERS = signed()
REFUSED: dict[str, tuple[bytes, dict[str, str], str, int, str]] = {
    "forged": (*signed("another-secret-of-some-length-12"), PATH, 401, "forged"),
    "not signed": (BODY, {}, PATH, 401, "forged"),
    "signed, but for another body": (BODY + b" ", HEADERS, PATH, 401, "forged"),
    "of a place that is not known": (BODY, HEADERS, "/callbacks/pager/shop/oncall", 404, "unknown"),
    "of an EscalationPolicy that is not there": (BODY, HEADERS, "/callbacks/pagerduty/shop/other", 404, "unknown"),
    "too long": (b"x" * (256 * 1024 + 1), HEADERS, PATH, 413, "oversized"),
    "compressed": (BODY, {**HEADERS, "Content-Encoding": "gzip"}, PATH, 415, "malformed"),
    "signed, and no event": (*signed(agent={"type": "user_reference"}), PATH, 400, "malformed"),
}


@pytest.mark.parametrize(("body", "headers", "path", "status", "result"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_changes_nothing_is_counted_and_leaves_nothing_of_itself_in_the_log(
    body: bytes, headers: dict[str, str], path: str, status: int, result: str
) -> None:
    results: list[str] = []
    replies = Replies()
    with capture_logs() as logs:
        async with receiving(replies, results=results) as server:
            assert (await post(server, body, headers, path))[0] == status
    assert replies.kept == []
    assert results == [result]
    assert [entry["log_level"] for entry in logs] == ["warning"]
    for secret in (SECRET, "PGR0VU2", "Tenex Engineer", "v1="):
        assert secret not in str(logs)


async def test_a_body_whose_length_is_not_given_is_bounded_too() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 64 * 1024

    replies = Replies()
    async with receiving(replies) as server:
        assert (await post(server, chunks(), HEADERS))[0] == 413
    assert replies.kept == []


UNAVAILABLE: dict[str, tuple[Replies, CallbackLimits, bool]] = {
    "a standby": (Replies(), PATIENT, False),
    "its Secret cannot be read": (Replies(keyless=True), PATIENT, True),
    "the API server does not take it": (Replies(fails=NotKnownNowError("not stored: 0 NoAnswer")), PATIENT, True),
    "it takes too long": (Replies(hangs=True), CallbackLimits(seconds=0.1), True),
    "there is room for none": (Replies(), CallbackLimits(requests_in_flight=0), True),
}


@pytest.mark.parametrize(("replies", "limits", "leading"), UNAVAILABLE.values(), ids=UNAVAILABLE)
async def test_it_is_sent_again_where(replies: Replies, limits: CallbackLimits, leading: bool) -> None:  # noqa: FBT001
    results: list[str] = []
    async with receiving(replies, limits, leading=leading, results=results) as server:
        assert (await post(server, *signed()))[0] == 503
    assert replies.kept == []
    assert results == ["unavailable"]


async def test_pagerduty_is_not_told_that_an_answer_was_in_vain() -> None:
    """After three refusals in a row it would send nothing for a day."""
    results: list[str] = []
    async with receiving(Replies(fails=NothingStoredError("it is closed")), results=results) as server:
        assert await post(server, *signed()) == (200, '{"result": "vain"}')
    assert results == ["vain"]


async def test_while_one_hangs_there_is_room_for_others() -> None:
    replies = Replies(hangs=True)
    async with receiving(replies, CallbackLimits(requests_in_flight=1, seconds=30)) as server:
        first = asyncio.create_task(post(server, *signed()))
        await replies.entered.wait()
        assert (await post(server, *signed()))[0] == 503
        replies.may_end.set()
        assert (await first)[0] == 200
        assert (await post(server, *signed()))[0] == 200
