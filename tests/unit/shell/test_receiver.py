"""The alert receiver on a real socket: 200 only for what is stored, 4xx only for what another try cannot mend."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout
from aiohttp.test_utils import TestServer

from platelet.model.alert import Alert
from platelet.shell.intake.receiver import PATH, NotStoredError, ReceiverLimits, make_receiver
from platelet.shell.intake.token_files import TokenFiles

TOKEN = {"Authorization": "Bearer first"}
PATIENT = ReceiverLimits(seconds=30)


class Store:
    """Keeps alerts; can be told to fail or to hang."""

    def __init__(self, *, fails: bool = False, hangs: bool = False) -> None:
        """Say what it does."""
        self.kept: list[Alert] = []
        self.truncated = 0
        self.calls = 0
        self.fails = fails
        self.malformed = 0
        self.may_end = asyncio.Event()
        self.entered = asyncio.Event()
        if not hangs:
            self.may_end.set()

    def on_malformed(self, count: int) -> None:
        """Count what cannot be read."""
        self.malformed += count

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Keep, hang or fail."""
        self.calls += 1
        self.entered.set()
        await self.may_end.wait()
        if self.fails:
            raise NotStoredError("the API server is away")
        self.kept += alerts
        self.truncated += truncated


def an_alert(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Build an alert as the webhook carries it."""
    return {
        "status": "firing",
        "labels": {"alertname": "ApiDown"},
        "startsAt": "2026-11-21T11:55:00Z",
        "fingerprint": f"{number:016x}",
    } | changes


def a_body(*alerts: Any, **changes: Any) -> bytes:
    """Build a webhook body."""
    return json.dumps({"version": "4", "alerts": list(alerts)} | changes).encode()


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFiles:
    """Two tokens, as while rotating."""
    (tmp_path / "old").write_text("first\n")
    (tmp_path / "new").write_text("second\n")
    return TokenFiles([tmp_path / "old", tmp_path / "new"])


@asynccontextmanager
async def receiving(
    store: Store, tokens: TokenFiles, limits: ReceiverLimits = PATIENT, *, leading: bool = True
) -> AsyncIterator[TestServer]:
    """Run a receiver on loopback."""
    server = TestServer(make_receiver(store, tokens, lambda: leading, limits, on_malformed=store.on_malformed))
    await server.start_server()
    try:
        yield server
    finally:
        store.may_end.set()
        await server.close()


async def post(server: TestServer, body: Any, **headers: str) -> tuple[int, Any]:
    """POST as Alertmanager does; give the status and the answer."""
    async with (
        ClientSession(timeout=ClientTimeout(30)) as session,
        session.post(server.make_url(PATH), data=body, headers=TOKEN | headers) as response,
    ):
        return response.status, await response.json()


@asynccontextmanager
async def connected(
    server: TestServer, *lines: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send the head of a request by hand, and nothing of its body."""
    assert server.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = [f"POST {PATH} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    try:
        yield reader, writer
    finally:
        writer.close()


async def status_of(reader: asyncio.StreamReader) -> int:
    """Read the status line of the answer."""
    async with asyncio.timeout(20):
        return int((await reader.readline()).split()[1])


async def test_what_is_answered_with_200_is_stored(tokens: TokenFiles) -> None:
    store = Store()
    async with receiving(store, tokens) as server:
        status, answer = await post(server, a_body(an_alert(1), an_alert(2, status="resolved"), truncatedAlerts=3))
    assert (status, answer) == (200, {"stored": 2, "rejected": []})
    assert [(alert.fingerprint[-1], alert.status) for alert in store.kept] == [("1", "firing"), ("2", "resolved")]
    assert store.truncated == 3


async def test_one_bad_alert_among_ten_is_told_and_the_others_are_stored(tokens: TokenFiles) -> None:
    store = Store()
    body = a_body(*[an_alert(i) for i in range(9)], an_alert(9, labels={"a": 1}))
    async with receiving(store, tokens) as server:
        status, answer = await post(server, body)
    assert (status, answer["stored"]) == (200, 9)
    assert answer["rejected"] == ["alert 9: label 'a' is a number, not a string"]


async def test_what_cannot_be_read_is_counted(tokens: TokenFiles) -> None:
    """The sender drops it for good: somebody must be able to see that."""
    store = Store()
    async with receiving(store, tokens) as server:
        for body in (a_body(an_alert(), 7, an_alert(labels={})), b"{", b'{"alerts": "none"}'):
            await post(server, body)
    assert store.malformed == 2 + 1 + 1


async def test_both_tokens_are_valid_while_rotating(tokens: TokenFiles) -> None:
    async with receiving(Store(), tokens) as server:
        for token in ("first", "second"):
            status, _ = await post(server, a_body(an_alert()), Authorization=f"Bearer {token}")
            assert status == 200


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        pytest.param(a_body(an_alert()), {"Authorization": "Bearer third"}, 401, id="a wrong token"),
        pytest.param(a_body(an_alert()), {"Authorization": ""}, 401, id="no token"),
        pytest.param(b"{", {}, 400, id="half a body"),
        pytest.param(b"", {}, 400, id="no body"),
        pytest.param(b"[" * 100_000, {}, 400, id="a body of 100,000 levels"),
        pytest.param(b'{"version": "4"}', {}, 400, id="a message without alerts"),
        pytest.param(a_body(an_alert()), {"Content-Encoding": "gzip"}, 415, id="an encoding"),
        pytest.param(b" " * 5000, {}, 413, id="a body that never fits"),
    ],
)
async def test_what_another_try_cannot_mend_is_4xx_and_nothing_is_stored(
    tokens: TokenFiles, body: bytes, headers: dict[str, str], expected: int
) -> None:
    store = Store()
    limits = ReceiverLimits(body=4096 if expected == 413 else 1 << 20)
    async with receiving(store, tokens, limits) as server:
        status, answer = await post(server, body, **headers)
    assert (status, store.calls) == (expected, 0)
    assert answer["error"]


async def test_a_body_of_unsaid_length_is_cut_off_at_the_limit(tokens: TokenFiles) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    async with receiving(Store(), tokens, ReceiverLimits(body=4096)) as server:
        status, answer = await post(server, endless())
    assert status == 413
    assert "4096 bytes" in answer["error"]


async def test_a_wrong_token_is_refused_before_any_of_the_body_is_sent(tokens: TokenFiles) -> None:
    async with (
        receiving(Store(), tokens) as server,
        connected(server, "Content-Length: 100000", "Authorization: Bearer third") as (reader, _),
    ):
        assert await status_of(reader) == 401


async def test_a_body_of_many_megabytes_is_stored(tokens: TokenFiles) -> None:
    """TRAPS 19: normal in a storm."""
    store = Store()
    body = a_body(*[an_alert(i, annotations={"d": "x" * 1000}) for i in range(5000)])
    assert len(body) > 5_000_000
    async with receiving(store, tokens) as server:
        status, answer = await post(server, io.BytesIO(body))
    assert (status, answer["stored"], len(store.kept)) == (200, 5000, 5000)


async def test_a_standby_answers_503(tokens: TokenFiles) -> None:
    store = Store()
    async with receiving(store, tokens, leading=False) as server:
        assert (await post(server, a_body(an_alert())))[0] == 503
    assert store.calls == 0


async def test_without_any_readable_token_it_is_our_fault_so_503(tmp_path: Path) -> None:
    async with receiving(Store(), TokenFiles([tmp_path / "missing"])) as server:
        assert (await post(server, a_body(an_alert())))[0] == 503


async def test_a_store_that_fails_is_503(tokens: TokenFiles) -> None:
    async with receiving(Store(fails=True), tokens) as server:
        status, answer = await post(server, a_body(an_alert()))
    assert (status, answer["error"]) == (503, "not stored: the API server is away")


async def test_a_store_that_hangs_is_503_and_leaves_nothing_in_flight(tokens: TokenFiles) -> None:
    store = Store(hangs=True)
    async with receiving(store, tokens, ReceiverLimits(seconds=0.2, requests_in_flight=1)) as server:
        assert (await post(server, a_body(an_alert())))[0] == 503
        store.may_end.set()
        assert (await post(server, a_body(an_alert())))[0] == 200


async def test_a_sender_that_never_ends_its_body_is_503(tokens: TokenFiles) -> None:
    store = Store()
    async with (
        receiving(store, tokens, ReceiverLimits(seconds=0.2)) as server,
        connected(server, "Content-Length: 100", "Authorization: Bearer first") as (reader, writer),
    ):
        writer.write(b'{"version"')
        assert await status_of(reader) == 503
    assert store.calls == 0


async def test_too_many_requests_at_once_are_503_and_room_comes_back(tokens: TokenFiles) -> None:
    store = Store(hangs=True)
    async with receiving(store, tokens, ReceiverLimits(seconds=30, requests_in_flight=1)) as server:
        first = asyncio.create_task(post(server, a_body(an_alert(1))))
        await store.entered.wait()
        assert (await post(server, a_body(an_alert(2))))[0] == 503
        store.may_end.set()
        assert (await first)[0] == 200
        assert (await post(server, a_body(an_alert(3))))[0] == 200
    assert {alert.fingerprint[-1] for alert in store.kept} == {"1", "3"}


async def test_too_many_bytes_at_once_are_503_and_room_comes_back(tokens: TokenFiles) -> None:
    store = Store()
    limits = ReceiverLimits(body=1 << 20, bytes_in_flight=150_000, seconds=30)
    async with (
        receiving(store, tokens, limits) as server,
        connected(server, "Content-Length: 100001", "Authorization: Bearer first") as (reader, writer),
    ):
        writer.write(a_body(an_alert()).ljust(100_000))
        await writer.drain()
        while (await post(server, a_body(an_alert()).ljust(100_000)))[0] == 200:
            pass  # the first body has not arrived yet
        writer.write(b" ")
        assert await status_of(reader) == 200
        assert (await post(server, a_body(an_alert()).ljust(100_000)))[0] == 200


async def test_a_broken_transfer_encoding_stores_nothing_and_harms_nobody(tokens: TokenFiles) -> None:
    store = Store()
    async with receiving(store, tokens) as server:
        async with connected(server, "Transfer-Encoding: chunked", "Authorization: Bearer first") as (reader, writer):
            writer.write(b"zzz\r\n")
            assert await status_of(reader) >= 400
        assert store.calls == 0
        assert (await post(server, a_body(an_alert())))[0] == 200


async def test_a_sender_that_hangs_up_stores_nothing_and_harms_nobody(tokens: TokenFiles) -> None:
    store = Store()
    async with receiving(store, tokens, ReceiverLimits(requests_in_flight=1)) as server:
        async with connected(server, "Content-Length: 100", "Authorization: Bearer first") as (_, writer):
            writer.write(b'{"version"')
            await writer.drain()
        while (await post(server, a_body(an_alert())))[0] == 503:
            pass  # the first connection is not known to be gone yet
    assert store.calls == 1
