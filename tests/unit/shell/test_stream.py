"""The typed stream: it recovers from whatever a server does, and misses nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import looptime
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from platelet.shell import kube
from platelet.shell.kube import responses
from platelet.shell.watch import workload_records
from platelet.shell.watch.stream import SILENCE, Key, TypedStream
from platelet.shell.watch.workload_records import WorkloadRecord
from tests.unit.shell import fake_server

SYNCED = (
    b'{"type":"BOOKMARK","object":{"metadata":'
    b'{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}'
)
EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}'
BROKEN = b'{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError"}}'
GARBAGE = [
    b"",
    b"not json",
    b"\xff\xfe\x00",
    b"[]",
    b"null",
    b'{"type":"ADDED"}',
    b'{"type":7,"object":{}}',
    b'{"type":"BOOKMARK","object":[]}',
    b'{"type":"ADDED","object":{"metadata":{"name":3}}}',
    b'{"type":"ADDED","object":null}',
    b'{"type":"ADDED","object":' + b'{"a":' * 5000,
]


def deployment(name: str, version: int = 1, uid: str = "") -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": name, "uid": uid or name, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"replicas": 2}, "status": {"availableReplicas": 1}}


def event(name: str, version: int = 1, kind: str = "ADDED") -> bytes:
    return json.dumps({"type": kind, "object": deployment(name, version)}).encode()


@dataclass
class Script:
    """A server that plays one connection after the other, then stays silent. A connection may end in an error."""

    connections: list[Sequence[bytes | Exception | float]]
    pages_: list[bytes] = field(default_factory=list)
    asked: list[tuple[str, bool]] = field(default_factory=list)

    @asynccontextmanager
    async def open_watch(
        self,
        resource: kube.Resource,
        *,
        namespace: str = "",
        resource_version: str = "",
        initial_events: bool = False,
        timeout_seconds: int = 300,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Play the next connection."""
        del resource, namespace, timeout_seconds
        self.asked.append((resource_version, initial_events))
        steps = self.connections.pop(0) if self.connections else [1e9]
        if steps and isinstance(steps[0], Exception):
            raise steps[0]
        yield self._play(steps)

    async def _play(self, steps: Sequence[bytes | Exception | float]) -> AsyncIterator[bytes]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    async def pages(
        self, resource: kube.Resource, namespace: str = "", *, labels: str = ""
    ) -> AsyncIterator[responses.Page]:
        """Give the pages."""
        del resource, namespace, labels
        for raw in self.pages_:
            yield responses.decode_page(raw)


class Watched:
    """A stream that runs on a script in virtual time, and what it told."""

    def __init__(self, script: Script) -> None:
        """Do not start yet."""
        loop = asyncio.get_running_loop()
        self.told: list[tuple[str, bool]] = []
        self.stream: TypedStream[WorkloadRecord] = TypedStream(
            script, kube.DEPLOYMENTS, workload_records.reduce, self._hear, boot=loop.time
        )

    async def run(self, seconds: float) -> None:
        """Run for so long, then end it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stream.run()

    @property
    def names(self) -> set[str]:
        """Who is known now."""
        return {name for _, name in self.stream.records}

    def _hear(self, key: Key, record: WorkloadRecord | None) -> None:
        self.told.append((key[1], record is not None))


async def watched(script: Script, seconds: float = 60) -> Watched:
    run = Watched(script)
    await run.run(seconds)
    return run


@pytest.mark.looptime
async def test_the_first_listing_and_changes_are_told() -> None:
    script = Script([[event("a"), event("b"), SYNCED, event("b", 10, "DELETED"), event("c", 11), 1e9]])
    run = await watched(script)
    assert run.told == [("a", True), ("b", True), ("b", False), ("c", True)]
    assert run.stream.synced
    assert script.asked == [("", True)]
    assert not run.stream.restarts


@pytest.mark.looptime
async def test_before_the_listing_is_complete_it_is_not_synced() -> None:
    run = await watched(Script([[event("a"), 1e9]]), seconds=30)
    assert not run.stream.synced


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("ending", "reason", "resumes"),
    [
        ([EXPIRED], "Expired", False),
        ([BROKEN], "Error", True),
        ([], "End", True),
        ([kube.Unanswered(0, "ConnectionLost", "gone")], "ConnectionLost", True),
        ([RuntimeError("a defect")], "Defect", True),
        ([1e9], "Silence", False),
    ],
    ids=["410", "ERROR 500", "end of the stream", "lost connection", "defect", "silence"],
)
async def test_a_broken_stream_goes_on(ending: list[Any], reason: str, *, resumes: bool) -> None:
    """It resumes from the last version that it saw; after a 410 or silence it lists anew, and tells what vanished."""
    first = [event("a"), event("gone"), SYNCED, event("b", 10), *ending]
    second = [event("c", 11)] if resumes else [event("a"), event("b", 10), event("c", 11), SYNCED]
    script = Script([first, [*second, 1e9]])
    run = await watched(script, seconds=120)
    assert script.asked[1] == (("10", False) if resumes else ("", True))
    assert run.names == ({"a", "b", "c", "gone"} if resumes else {"a", "b", "c"})
    assert run.stream.restarts[reason] == 1
    assert (("gone", False) in run.told) is not resumes


@pytest.mark.looptime
async def test_an_expected_end_is_no_restart() -> None:
    run = await watched(Script([[event("a"), SYNCED, 50.0], [event("b", 10), 1e9]]))
    assert run.names == {"a", "b"}
    assert not run.stream.restarts


@pytest.mark.looptime
async def test_a_bookmark_moves_the_place_to_resume_from() -> None:
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"77"}}}'
    script = Script([[event("a"), SYNCED, bookmark, BROKEN]])
    await watched(script)
    assert script.asked[1] == ("77", False)


@pytest.mark.looptime
async def test_bookmarks_are_enough_not_to_be_silent() -> None:
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"77"}}}'
    script = Script([[SYNCED, 60.0, bookmark, 60.0, bookmark, 60.0, bookmark, 1e9]])
    run = await watched(script, seconds=200)
    assert not run.stream.restarts
    assert run.stream.silent(10)
    assert not run.stream.silent(30)


@pytest.mark.looptime
async def test_a_stream_of_a_quiet_kind_is_heard_again_as_soon_as_it_has_connected_again() -> None:
    """Where bookmarks come too late, and nothing happens: a listing ends at once, a resumed watch would say nothing."""
    run = await watched(Script([[SYNCED, 1e9], [SYNCED, 1e9]]), seconds=SILENCE + 5)
    assert run.stream.restarts["Silence"] == 1
    assert not run.stream.silent(6)


@pytest.mark.looptime
async def test_connections_that_open_and_say_nothing_are_silence() -> None:
    """A server that accepts each new watch and never speaks is silent since its last word, not since its last hello."""
    run = await watched(Script([[SYNCED, 1e9]]), seconds=200)
    assert run.stream.restarts["Silence"] >= 2
    assert run.stream.silent(190)


@pytest.mark.looptime
async def test_a_listing_cut_off_midway_deletes_nothing() -> None:
    """Only a complete listing proves that something is gone."""
    lost = kube.Unanswered(0, "ConnectionLost", "gone")
    complete = [event("a"), event("b"), SYNCED, EXPIRED]
    script = Script([complete, [event("a"), lost], [event("a"), lost], [event("b"), event("a"), SYNCED, 1e9]])
    run = await watched(script)
    assert run.names == {"a", "b"}
    assert all(present for _, present in run.told)


@pytest.mark.looptime
async def test_what_a_cut_off_listing_confirmed_may_be_gone_in_the_next() -> None:
    lost = kube.Unanswered(0, "ConnectionLost", "gone")
    script = Script([[event("a"), event("b"), SYNCED, EXPIRED], [event("a"), lost], [event("b"), SYNCED, 1e9]])
    run = await watched(script)
    assert run.names == {"b"}
    assert run.told[-1] == ("a", False)


@pytest.mark.looptime
async def test_what_was_deleted_while_listing_stays_deleted() -> None:
    script = Script([[event("a"), SYNCED, EXPIRED], [event("a"), event("a", 3, "DELETED"), SYNCED, 1e9]])
    run = await watched(script)
    assert run.names == set()
    assert run.told == [("a", True), ("a", False)]


@pytest.mark.looptime
async def test_a_version_that_always_fails_is_given_up_for_a_new_listing() -> None:
    script = Script([[event("a"), SYNCED], *[[BROKEN]] * 5, [event("b"), SYNCED, 1e9]])
    run = await watched(script, seconds=120)
    assert ("", True) in script.asked[1:]
    assert run.stream.synced


@pytest.mark.looptime
async def test_the_delay_between_failures_is_bounded() -> None:
    """An API server that is back after ten minutes is found within ten seconds."""
    down = kube.Unanswered(0, "ConnectionLost", "refused")
    script = Script([[down]] * 500)
    await watched(script, seconds=600)
    assert 600 / 10 <= len(script.asked) <= 600 / 4


@pytest.mark.looptime
@pytest.mark.parametrize("code", [400, 422])
async def test_a_server_without_watch_list_is_listed_page_by_page(code: int) -> None:
    first = {"metadata": {"resourceVersion": "20", "continue": "x"}, "items": [deployment("a")]}
    last = {"metadata": {"resourceVersion": "20"}, "items": [deployment("b")]}
    refusal = kube.Refused(code, "Invalid", "sendInitialEvents is forbidden")
    script = Script([[refusal], [event("c", 21), 1e9]], [json.dumps(page).encode() for page in (first, last)])
    run = await watched(script)
    assert run.names == {"a", "b", "c"}
    assert run.stream.synced
    assert script.asked == [("", True), ("20", False)]


@pytest.mark.looptime
async def test_a_server_that_ignores_the_wish_for_watch_list_is_listed_too() -> None:
    """It never ends the listing: silence before the end is a hint."""
    page = {"metadata": {"resourceVersion": "20"}, "items": [deployment("a")]}
    script = Script([[event("a"), 1e9], [1e9]], [json.dumps(page).encode()])
    run = await watched(script, seconds=100)
    assert run.stream.synced
    assert script.asked == [("", True), ("20", False)]


@pytest.mark.looptime
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_costs_only_itself(garbage: bytes) -> None:
    run = await watched(Script([[event("a"), garbage, event("b"), SYNCED, garbage, event("c", 10), 1e9]]))
    assert run.names == {"a", "b", "c"}
    assert run.stream.synced
    assert run.stream.skipped == 2
    assert not run.stream.restarts


@pytest.mark.looptime
async def test_a_listener_that_fails_does_not_end_the_stream() -> None:
    def fail(_: Key, __: WorkloadRecord | None) -> None:
        raise ValueError("a defect")

    script = Script([[event("a"), SYNCED, event("b", 10), 1e9]])
    loop = asyncio.get_running_loop()
    stream = TypedStream(script, kube.DEPLOYMENTS, workload_records.reduce, fail, boot=loop.time)
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await stream.run()
    assert len(stream.records) == 2
    assert not stream.restarts


@pytest.mark.looptime
async def test_an_unchanged_object_is_not_told_again() -> None:
    run = await watched(Script([[event("a"), SYNCED, event("a"), EXPIRED], [event("a"), SYNCED, 1e9]]))
    assert run.told == [("a", True)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_happens_it_ends_with_what_the_server_has(data: st.DataObject) -> None:
    """A history of changes is played through connections that break anywhere and lose nothing but themselves."""
    history = data.draw(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), min_size=1, max_size=25))
    breaks = data.draw(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["cut", "410", "500"])), max_size=6))
    server = History(history, breaks)

    async def play() -> set[str]:
        known: set[str] = set()

        def hear(key: Key, record: WorkloadRecord | None) -> None:
            (known.add if record is not None else known.discard)(key[1])

        stream = TypedStream(server, kube.DEPLOYMENTS, workload_records.reduce, hear)
        task = asyncio.ensure_future(stream.run())
        await server.drained.wait()
        await asyncio.sleep(0)
        task.cancel()
        return known

    assert _run_virtually(play) == server.present(len(history))


class History:
    """A server with one change per version; each connection ends after a few lines, as told."""

    def __init__(self, changes: list[tuple[str, bool]], breaks: list[tuple[int, str]]) -> None:
        """`changes` are names and whether they come or go."""
        self._changes, self._breaks = changes, list(breaks)
        self._head = len(changes) // 2  # the rest happens while the stream is connected
        self.drained = asyncio.Event()

    def present(self, upto: int) -> set[str]:
        """Who exists at a version."""
        names: set[str] = set()
        for name, comes in self._changes[:upto]:
            (names.add if comes else names.discard)(name)
        return names

    @asynccontextmanager
    async def open_watch(self, resource: kube.Resource, **asked: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        """Play the history from where it is asked."""
        del resource
        lines = self._listing() if asked["initial_events"] else self._changes_after(int(asked["resource_version"]))
        yield self._cut(lines)

    def pages(self, *_: Any, **__: Any) -> AsyncIterator[responses.Page]:
        """Never asked."""
        raise AssertionError("this server has WatchList")

    async def _cut(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        after, how = self._breaks.pop(0) if self._breaks else (10**6, "cut")
        count = 0
        async for line in lines:
            if count == after:
                break
            count += 1
            yield line
        else:
            await asyncio.sleep(1e9)
        if how != "cut":
            yield EXPIRED if how == "410" else BROKEN

    async def _listing(self) -> AsyncIterator[bytes]:
        version = self._head
        for name in sorted(self.present(version)):
            yield event(name, version)
        end = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
        yield json.dumps({"type": "BOOKMARK", "object": {"metadata": end}}).encode()
        async for line in self._changes_after(version):
            yield line

    async def _changes_after(self, version: int) -> AsyncIterator[bytes]:
        for number in range(version, len(self._changes)):
            self._head = max(self._head, number + 1)
            name, comes = self._changes[number]
            yield event(name, number + 1, "MODIFIED" if comes else "DELETED")
        self.drained.set()
        await asyncio.sleep(1e9)


def _run_virtually(main: Callable[[], Any]) -> Any:
    loop = looptime.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def test_over_http_silence_and_an_end_are_recovered_from() -> None:
    """The same through real sockets: one connection ends, one stays silent, the third goes on."""
    connections = 0

    async def play(request: web.Request) -> web.StreamResponse:
        nonlocal connections
        connections += 1
        response = web.StreamResponse()
        await response.prepare(request)
        if connections == 1:
            await response.write(event("a") + b"\n" + SYNCED + b"\n" + event("b", 10)[:20])
            return response
        if connections == 3:
            await response.write(event("a") + b"\n" + event("b", 10) + b"\n" + SYNCED + b"\n")
        await asyncio.sleep(5)
        return response

    names: asyncio.Queue[str] = asyncio.Queue()
    async with fake_server.serve(play) as server, fake_server.connected(server.url) as api:
        stream = TypedStream(
            api,
            kube.DEPLOYMENTS,
            workload_records.reduce,
            lambda key, _: names.put_nowait(key[1]),
            silence=0.2,
        )
        task = asyncio.create_task(stream.run())
        assert [await names.get(), await names.get()] == ["a", "b"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [asked.query.get("resourceVersion") for asked in server.asked] == [None, "9", None]
    assert set(stream.restarts) == {"End", "Silence"}
