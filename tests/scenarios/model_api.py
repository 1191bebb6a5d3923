"""A model of the API server: `shell.kube.Kube` in memory, with an audit list and faults at any call.

One `ApiServer` holds the objects; each operator process talks to it by a `ModelApi` of its own, which is dead for
good once its process was killed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from platelet.model.log_tail import LogSource
from platelet.replay import evictions, schemas
from platelet.replay.store import Store
from platelet.replay.strategies import deep_copy
from platelet.shell import kube
from platelet.shell.kube import Json, Resource

FaultKind = Literal[
    "kill before", "kill after", "answer lost", "unanswered", "conflict", "refused", "pause before", "pause after"
]
FAULTS_OF_ANSWERS: tuple[FaultKind, ...] = ("answer lost", "unanswered", "conflict", "refused")
READS = frozenset({"get", "list"})


class Killed(BaseException):
    """The process that made this call is no more. Like KeyboardInterrupt: nothing in the operator may catch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One line of the audit log."""

    index: int
    at: datetime
    process: str
    verb: str
    resource: str
    namespace: str
    name: str
    subresource: str
    agent: str
    body: Any = field(repr=False)
    code: int  # 200, or that of the ApiError; 0: no answer; -1: the caller died
    revision: tuple[int, int]  # of the store, before and after

    @property
    def changed(self) -> bool:
        """Whether an object is another one than before."""
        return self.verb not in READS and self.revision[0] != self.revision[1]


@dataclass(slots=True)
class Faults:
    """What goes wrong, and when. Indices count all calls of all processes, from 0."""

    at: dict[int, FaultKind] = field(default_factory=dict)
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)  # no answer to anything in between


class ApiServer:
    """The objects, the audit list and the faults. `on_call(k)` runs before call k, to change the world in between."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        """Serve the objects of `store`; `now` is the server's clock."""
        self.store = store
        self.now = now
        self.faults = Faults()
        self.audit: list[Call] = []
        self.on_call: Callable[[int], None] | None = None
        self.index = 0
        self.clocks: Sequence[timedelta] = (timedelta(),)  # of the servers behind the address, by how much each leads
        self.logs: Mapping[str, str] | None = None  # by container; None: nobody may read any
        self.log_takes = 0.0  # seconds
        self.lead = timedelta()  # of the one that answers now, by whose clock it stamps what it stores

    def writes(self, resource: Resource | None = None) -> list[Call]:
        """The calls that changed an object."""
        return [call for call in self.audit if call.changed and (resource is None or call.resource == resource.plural)]


class ModelApi:
    """The connection of one process: satisfies `kube.Kube`."""

    def __init__(self, server: ApiServer, process: str = "operator") -> None:
        """`process` names the caller in the audit list."""
        self.server = server
        self.process = process
        self.dead = False
        self.on_date: Callable[[str], None] = lambda _header: None  # hears the `Date` header of each answer
        self._resumed: asyncio.Future[None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether the process stands still, as after SIGSTOP."""
        return self._resumed is not None

    def resume(self) -> None:
        """Let it go on, as if no time had passed for it: the call in which it stopped is the first thing to happen."""
        if self._resumed is not None:
            resumed, self._resumed = self._resumed, None
            resumed.set_result(None)

    async def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read one object."""
        request = _Request("get", resource, namespace, name)
        stored: Json = await self._call(request, lambda store: store.get(resource, namespace, name))
        return stored

    async def list(self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Json]:
        """Read all objects, by selectors."""
        request = _Request("list", resource, namespace, "")
        stored: list[Json] = await self._call(
            request, lambda store: store.find(resource, namespace, labels=labels, fields=fields)
        )
        return stored

    async def read_log(
        self,
        source: LogSource,
        *,
        lines: int,
        limit_bytes: int,
        timeout: float,  # noqa: ASYNC109 - as in the Protocol
    ) -> str:
        """What the test has put there, in as much time as it says."""
        del lines, timeout

        def read(store: Store) -> str:
            store.get(kube.PODS, source.namespace, source.pod)
            if self.server.logs is None:
                raise kube.Refused(403, "Forbidden", "not allowed")
            return self.server.logs[source.container][:limit_bytes]

        await asyncio.sleep(self.server.log_takes)
        text: str = await self._call(_Request("get", kube.PODS, source.namespace, source.pod, "log"), read)
        return text

    async def create(  # noqa: PLR0913 - an HTTP POST has this many parts
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - as in the Protocol
    ) -> Json:
        """POST. `timeout` stops only the start."""
        if timeout is not None and timeout <= 0:
            raise kube.Unanswered(0, "Timeout", "not sent: no time was left")
        name = body.get("metadata", {}).get("name", "")
        request = _Request("create", resource, namespace, name, subresource, agent, deep_copy(body))

        def make(store: Store) -> Json:
            schemas.check_fields(store.schemas.get(resource.plural), body)
            return evictions.evict(store, namespace, body) if subresource else store.create(resource, namespace, body)

        made: Json = await self._call(request, make)
        return made

    async def replace(  # noqa: PLR0913 - an HTTP PUT has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
    ) -> Json:
        """PUT."""
        request = _Request("update", resource, namespace, name, subresource, agent, deep_copy(body))

        def change(store: Store) -> Json:
            schemas.check_fields(store.schemas.get(resource.plural), body)
            return store.replace(resource, namespace, name, body, subresource=subresource)

        changed: Json = await self._call(request, change)
        return changed

    async def patch(  # noqa: PLR0913 - an HTTP PATCH has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - as in the Protocol
    ) -> Json:
        """PATCH. What was sent before its process stood still arrives, however late: `timeout` stops only the start."""
        if timeout is not None and timeout <= 0:
            raise kube.Unanswered(0, "Timeout", "not sent: no time was left")
        request = _Request("patch", resource, namespace, name, subresource, agent, deep_copy(body))
        changed: Json = await self._call(
            request, lambda store: store.patch(resource, namespace, name, body, subresource=subresource)
        )
        return changed

    async def delete(  # noqa: PLR0913 - an HTTP DELETE has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str,
        resource_version: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """DELETE under preconditions."""
        if timeout is not None and timeout <= 0:
            raise kube.Unanswered(0, "Timeout", "not sent: no time was left")
        if not uid:
            raise kube.Refused(0, "NoPrecondition", f"not sent: no uid for the deletion of {name}")
        request = _Request("delete", resource, namespace, name, agent=agent)

        def remove(store: Store) -> None:
            delete = store.delete_gracefully if resource is kube.PODS else store.delete
            delete(resource, namespace, name, uid=uid, resource_version=resource_version)

        await self._call(request, remove)

    async def _call(self, request: "_Request", act: Callable[[Store], Any]) -> Any:
        server = self.server
        if self._resumed is not None:
            await asyncio.shield(self._resumed)  # what its loop still does in this turn does not happen yet
        if self.dead:
            raise Killed
        index = server.index
        server.index += 1
        if server.on_call is not None:
            server.on_call(index)
        fault = _fitting(server.faults.at.get(index), request.verb)
        revision = server.store.revision
        code, lead = 200, server.clocks[index % len(server.clocks)]
        try:
            self._fail_before(fault)
            await self._stand_still(fault, "pause before")
            revision = server.store.revision
            server.lead = lead
            answer = act(server.store)
            self._fail_after(fault)
        except kube.ApiError as error:
            code = error.code
            raise
        except Killed:
            code = -1
            raise
        finally:
            server.lead = timedelta()
            if code > 0:
                self.on_date(format_datetime((server.now() + lead).replace(microsecond=0), usegmt=True))
            server.audit.append(
                request.line(index, server.now(), self.process, code, (revision, server.store.revision))
            )
        await self._stand_still(fault, "pause after")
        return answer

    def _fail_before(self, fault: FaultKind | None) -> None:
        now = self.server.now()
        if any(start <= now < end for start, end in self.server.faults.outages) or fault == "unanswered":
            raise kube.Unanswered(0, "Timeout", "no answer")
        if fault == "conflict":
            raise kube.Conflict(409, "Conflict", "the object has been modified")
        if fault == "refused":
            raise kube.Refused(403, "Forbidden", "not allowed")
        if fault == "kill before":
            self.dead = True
            raise Killed

    def _fail_after(self, fault: FaultKind | None) -> None:
        if fault == "answer lost":
            raise kube.Unanswered(0, "Timeout", "the connection was lost")
        if fault == "kill after":
            self.dead = True
            raise Killed

    async def _stand_still(self, fault: FaultKind | None, where: FaultKind) -> None:
        if fault == where:
            loop = asyncio.get_running_loop()
            self._resumed = loop.create_future()
            loop.stop()
            await asyncio.shield(self._resumed)


def _fitting(fault: FaultKind | None, verb: str) -> FaultKind | None:
    """A read never meets a conflict."""
    return None if fault == "conflict" and verb in READS else fault


@dataclass(frozen=True, slots=True)
class _Request:
    verb: str
    resource: Resource
    namespace: str
    name: str
    subresource: str = ""
    agent: str = ""
    body: Any = None

    def line(self, index: int, at: datetime, process: str, code: int, revision: tuple[int, int]) -> Call:
        return Call(
            index=index,
            at=at,
            process=process,
            verb=self.verb,
            resource=self.resource.plural,
            namespace=self.namespace,
            name=self.name,
            subresource=self.subresource,
            agent=self.agent,
            body=self.body,
            code=code,
            revision=revision,
        )
