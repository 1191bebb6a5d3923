"""A typed stream of one resource that never dies: WatchList, each line reduced at once to a small record (DESIGN 5).

Whatever breaks it (410, an ERROR event, an end, silence, garbage), it connects again by itself; after a new
listing, what vanished meanwhile is told as deleted.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, NoReturn, Protocol, TypeVar

import msgspec
import structlog

from platelet.shell import kube
from platelet.shell.kube import clock, responses
from platelet.shell.kube.journal import Journal
from platelet.shell.watch import watch_events

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Key = tuple[str, str]
"""Namespace and name."""

SILENCE = 80.0  # seconds until it connects again; the API server sends a bookmark a minute, a busy one some s later
BELIEVED = 90.0  # seconds for which what was last heard is taken for what is so
_FIRST_DELAY = 0.25  # seconds
_LONGEST_DELAY = 10.0
_SETTLED = 30.0  # a connection that lived this long was a good one
_BRIEF = 1.0  # one that ended sooner was refused, even if politely
_RESUMES = 3  # failures in a row after which resuming is given up for a new listing
_GONE = 410
_log = structlog.get_logger("platelet.stream")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T_co]):
    """What one object was reduced to. `resource_version` is where the stream goes on after it."""

    key: Key
    resource_version: str
    record: T_co


class Watches(Protocol):
    """The part of the cluster client that streams need."""

    def open_watch(  # noqa: D102 - see client.ClusterClient
        self,
        resource: kube.Resource,
        *,
        namespace: str = "",
        resource_version: str = "",
        initial_events: bool = False,
        timeout_seconds: int = 300,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...

    def pages(  # noqa: D102 - see client.ClusterClient
        self, resource: kube.Resource, namespace: str = "", *, labels: str = ""
    ) -> AsyncIterator[responses.Page]: ...


class _Broken(Exception):
    """The connection is of no more use; `reason` is counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class TypedStream(Generic[T]):
    """All objects of one resource as small records, kept up to date while `run` runs."""

    def __init__(  # noqa: PLR0913 - what a stream is made of
        self,
        watches: Watches,
        resource: kube.Resource,
        reduce: Callable[[bytes], Seen[T]],
        on_change: Callable[[Key, T | None], None],
        *,
        namespace: str = "",
        silence: float = SILENCE,
        boot: Callable[[], float] = clock.boot_time,
        on_restart: Callable[[str], None] | None = None,
    ) -> None:
        """`on_change` is called in the loop, also for each object of the first listing; None means deleted."""
        self._watches, self._resource, self._namespace = watches, resource, namespace
        self._reduce, self._on_change, self._on_restart = reduce, on_change, on_restart
        self._silence, self._boot = silence, boot
        self._records: dict[Key, T] = {}
        self.changes: Journal[Key] = Journal()
        self._resource_version = ""  # empty: everything must be listed anew
        self._unconfirmed: set[Key] | None = None  # while listing: known before and not seen yet
        self._can_stream_list = True
        self._failures = 0
        self._fell_silent = False  # and nothing was said since
        self.synced = False
        self.last_activity = boot()
        self.restarts: Counter[str] = Counter()
        self.skipped = 0

    @property
    def records(self) -> Mapping[Key, T]:
        """A live view of what is known now."""
        return MappingProxyType(self._records)

    def silent(self, seconds: float) -> bool:
        """Whether nothing, not even a bookmark, has come for so long."""
        return self._boot() - self.last_activity > seconds

    async def run(self) -> NoReturn:
        """Follow the resource until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            opened = loop.time()
            reason = await self._connection()
            lived = loop.time() - opened
            if reason == "End" and lived > _BRIEF:
                self._failures = 0
                continue
            self._failures = 1 if lived > _SETTLED else self._failures + 1
            self._count_restart(reason)
            if self._failures > _RESUMES:
                self._resource_version = ""
            await asyncio.sleep(self._delay())

    async def _connection(self) -> str:
        """Follow one connection to its end and say why it ended."""
        try:
            await self._follow()
        except _Broken as broken:
            reason, detail = broken.reason, str(broken)
        except kube.Refused as refused:
            reason, detail = self._learn_from(refused), str(refused)
        except kube.ApiError as error:
            reason, detail = error.reason, str(error)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end the stream either
            reason, detail = "Defect", repr(error)
        else:
            return "End"
        _log.info("stream_interrupted", resource=self._resource.plural, reason=reason, detail=detail)
        return reason

    def _learn_from(self, refused: kube.Refused) -> str:
        if refused.code == _GONE:
            self._resource_version = ""
            return "Expired"
        if not self._resource_version and refused.code in (400, 422):
            self._can_stream_list = False  # a server without WatchList
        return refused.reason

    def _delay(self) -> float:
        longest = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(self._failures, 10))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret

    def _count_restart(self, reason: str) -> None:
        self.restarts[reason] += 1
        if self._on_restart is not None:
            self._on_restart(reason)

    async def _follow(self) -> None:
        listing = not self._resource_version
        if listing:
            self._unconfirmed = set(self._records)
        if listing and not self._can_stream_list:
            await self._list_pages()
            listing = False
        watch = self._watches.open_watch(
            self._resource,
            namespace=self._namespace,
            resource_version=self._resource_version,
            initial_events=listing,
            timeout_seconds=random.randint(240, 300),  # noqa: S311 - not a secret
        )
        try:
            async with asyncio.timeout(None) as silence:
                await self._read_lines(watch, silence)
        except TimeoutError:
            if not self._resource_version:  # perhaps a server so old that it ignores the wish for WatchList
                self._can_stream_list = not self._can_stream_list
            self._resource_version = ""  # a resumed watch of a quiet kind is silent for a minute, a listing is not
            self._fell_silent = True
            raise _Broken("Silence") from None

    async def _read_lines(
        self, watch: AbstractAsyncContextManager[AsyncIterator[bytes]], silence: asyncio.Timeout
    ) -> None:
        now = asyncio.get_running_loop().time
        silence.reschedule(now() + self._silence)
        async with watch as lines:
            if not self._fell_silent:  # else a connection that opens proves nothing: the last one did, too
                self.last_activity = self._boot()
            async for line in lines:
                self._fell_silent = False
                self.last_activity = self._boot()
                silence.reschedule(now() + self._silence)
                self._take_line(line)

    async def _list_pages(self) -> None:
        """List the older way, page by page, from whose version the watch goes on."""
        version = ""
        async for page in self._watches.pages(self._resource, self._namespace):
            self.last_activity = self._boot()
            for item in page.items:
                self._take_object(item)
            version = page.resource_version
        self._finish_listing(version)

    def _take_line(self, line: bytes) -> None:
        """Apply one event. A line that cannot be read is counted and skipped, whatever is in it (I23)."""
        try:
            event = watch_events.read(line)
        except Exception:  # noqa: BLE001 - not JSON, not UTF-8, nested too deep
            self.skipped += 1
            return
        match event:
            case watch_events.Change(raw, deleted):
                self._take_object(raw, deleted=deleted)
            case watch_events.Bookmark(version, ends_listing):
                self._take_bookmark(version, ends_listing=ends_listing)
            case watch_events.Failure(code, reason):
                if code == _GONE:
                    self._resource_version = ""
                raise _Broken("Expired" if code == _GONE else "Error", f"{code} {reason}")

    def _take_object(self, raw: msgspec.Raw, *, deleted: bool = False) -> None:
        try:
            seen = self._reduce(bytes(raw))
        except Exception:  # noqa: BLE001 - one poisoned object must not cost the others
            self.skipped += 1
            return
        if self._unconfirmed is not None:
            self._unconfirmed.discard(seen.key)
        elif seen.resource_version:
            self._resource_version = seen.resource_version
        self._set(seen.key, None if deleted else seen.record)

    def _take_bookmark(self, resource_version: str, *, ends_listing: bool) -> None:
        if self._unconfirmed is None:
            self._resource_version = resource_version or self._resource_version
        elif ends_listing:
            self._finish_listing(resource_version)

    def _finish_listing(self, resource_version: str) -> None:
        """Tell as deleted what was known and is not there anymore."""
        vanished, self._unconfirmed = self._unconfirmed or set(), None
        self._resource_version = resource_version
        self.synced = True
        for key in vanished:
            self._set(key, None)

    def _set(self, key: Key, record: T | None) -> None:
        if record is None:
            if self._records.pop(key, None) is None:
                return
        elif self._records.get(key) == record:
            return
        else:
            self._records[key] = record
        self.changes.note(key)
        try:
            self._on_change(key, record)
        except Exception:  # noqa: BLE001 - a listener's defect must not end the stream
            _log.exception("stream_listener_failed", resource=self._resource.plural, key=key)
