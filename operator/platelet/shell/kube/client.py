"""The Kubernetes API by its verbs, each made into one request: raw JSON in and out, and our own errors."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp
from kubernetes.aio.client.configuration import Configuration

from platelet.shell import kube
from platelet.shell.kube import clock, connection, responses, transport
from platelet.shell.kube.call import DEFAULT_TIMEOUT, Call, bounded, object_path, segment
from platelet.shell.kube.exchange import JSON_PATCH, Exchanger, OnResponse
from platelet.shell.kube.shared_reads import SharedReads

_WATCH_ANSWER = 30.0  # seconds until a watch must have begun
_PAGE = 500
_LIST_RESTARTS = 3
_MERGE_PATCH = "application/merge-patch+json"
_OF_ALL_HEALS = (kube.POLICIES, kube.RUNBOOKS, kube.ESCALATION_POLICIES, kube.BUDGETS, kube.NAMESPACES)
_APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML


class ClusterClient:
    """`kube.Kube` on the official async client. Create it inside the running loop; close it."""

    def __init__(
        self, configuration: Configuration, server_clock: clock.ServerClock, on_response: OnResponse | None = None
    ) -> None:
        """Connect nothing yet. `on_response` hears of each answer, for metrics."""
        self.configuration = configuration
        self.clock = server_clock
        self._exchanger = Exchanger(configuration, server_clock, on_response)
        self._shared = SharedReads()

    async def close(self) -> None:
        """Close all connections."""
        await self._exchanger.close()

    async def exchange(self, call: Call) -> bytes:
        """Send a request and read the whole answer. Raises ApiError."""
        return await self._exchanger.exchange(call)

    async def get(self, resource: kube.Resource, namespace: str, name: str) -> kube.Json:
        """Read one object by a quorum read. Of what all heals ask for, those who ask at once share the answer."""
        call = Call(verb="get", resource=resource, path=object_path(resource, namespace, name))
        if resource not in _OF_ALL_HEALS:
            return responses.decode(200, await self._exchanger.read(call))
        return responses.decode(200, await self._shared.ask(call.path, lambda: self._exchanger.read(call)))

    async def list(
        self, resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[kube.Json]:
        """Read all objects, page by page. A listing that expired midway (410) begins anew."""
        identity = {"apiVersion": resource.api_version, "kind": resource.kind}
        for _ in range(_LIST_RESTARTS):
            try:
                return [
                    identity | responses.decode(200, item)
                    async for page in self.pages(resource, namespace, labels=labels, fields=fields)
                    for item in page.items
                ]
            except kube.Refused as error:
                if error.code != 410:  # noqa: PLR2004 - an HTTP status
                    raise
        raise kube.Unanswered(410, "Expired", f"the list of {resource.plural} expired again and again")

    async def pages(
        self, resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[responses.Page]:
        """Yield the pages of one consistent listing, undecoded. Raises Refused(410) when it expired midway."""
        path, following = resource.path(segment(namespace, empty=True)), ""
        while True:
            query = [("limit", str(_PAGE))]
            query += [("labelSelector", labels)] if labels else []
            query += [("fieldSelector", fields)] if fields else []
            query += [("continue", following)] if following else []
            raw = await self._exchanger.read(Call(verb="list", resource=resource, path=path, query=query))
            page = responses.decode_page(raw)
            yield page
            following = page.following
            if not following:
                return

    async def create(  # noqa: PLR0913 - an HTTP POST has this many parts
        self,
        resource: kube.Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - the call's own bound, which the lease sets
    ) -> kube.Json:
        """POST a new object, or to a subresource of the object that the body names: an eviction."""
        path = resource.path(segment(namespace, empty=not resource.namespaced))
        if subresource:
            path = object_path(resource, namespace, body["metadata"]["name"], subresource)
        call = Call(
            verb="create",
            resource=resource,
            path=path,
            method="POST",
            body=dict(body),
            agent=agent,
            timeout=bounded(timeout),
        )
        return await self._write(call)

    async def replace(  # noqa: PLR0913 - an HTTP PUT has this many parts
        self,
        resource: kube.Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
    ) -> kube.Json:
        """PUT an object with the resourceVersion that it carries. Of our own kinds raises OutdatedSchema."""
        path = object_path(resource, namespace, name, subresource)
        call = Call(verb="update", resource=resource, path=path, method="PUT", body=dict(body), agent=agent)
        return await self._write(call)

    async def patch(  # noqa: PLR0913 - an HTTP PATCH has this many parts
        self,
        resource: kube.Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - it becomes the connection's own, kinder than a cancellation
    ) -> kube.Json:
        """PATCH: a mapping is a merge patch, a sequence is a JSON Patch. `timeout` in seconds bounds the whole call."""
        merge = isinstance(body, Mapping)
        call = Call(
            verb="patch",
            resource=resource,
            path=object_path(resource, namespace, name, subresource),
            method="PATCH",
            body=dict(body) if isinstance(body, Mapping) else [dict(operation) for operation in body],
            content_type=_MERGE_PATCH if merge else JSON_PATCH,
            agent=agent,
            timeout=bounded(timeout),
        )
        return await self._write(call)

    async def try_apply(self, resource: kube.Resource, namespace: str, name: str, body: Mapping[str, Any]) -> kube.Json:
        """Ask what would become of a server-side apply; nothing is stored. Raises Refused with the server's words."""
        query = [("fieldManager", "platelet-lint"), ("dryRun", "All"), ("force", "true"), ("fieldValidation", "Strict")]
        call = Call(
            verb="apply",
            resource=resource,
            path=object_path(resource, namespace, name),
            method="PATCH",
            query=query,
            body=dict(body),
            content_type=_APPLY_PATCH,
            agent="cli",
        )
        return await self._write(call)

    async def delete(  # noqa: PLR0913 - an HTTP DELETE has this many parts
        self,
        resource: kube.Resource,
        namespace: str,
        name: str,
        *,
        uid: str,
        resource_version: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - the call's own bound, which the lease sets
    ) -> None:
        """DELETE under preconditions; an empty uid is refused, it would mean whatever has that name."""
        if not uid:
            raise kube.Refused(0, "NoPrecondition", f"not sent: no uid for the deletion of {name}")
        preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        path = object_path(resource, namespace, name)
        await self._write(
            Call(
                verb="delete",
                resource=resource,
                path=path,
                method="DELETE",
                body=body,
                agent=agent,
                timeout=bounded(timeout),
            )
        )

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
        """Watch: an iterator of lines, one event each, without the newline. It ends when the server ends it.

        With `initial_events` the stream begins with all objects (WatchList). The iterator raises Unanswered
        when the connection breaks; silence is for the caller to judge.
        """
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", str(timeout_seconds))]
        if initial_events:
            query += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]
        query += [("resourceVersion", resource_version)] if resource_version else []
        call = Call(
            verb="watch",
            resource=resource,
            path=resource.path(segment(namespace, empty=True)),
            query=query,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=DEFAULT_TIMEOUT),
        )
        with transport.unanswered():
            response = await asyncio.wait_for(self._exchanger.open(call), _WATCH_ANSWER)
        try:
            if response.status != 200:  # noqa: PLR2004 - an HTTP status
                with transport.unanswered():
                    raw = await response.read()
                responses.raise_for(response.status, raw, sent_body=False)
            async with aclosing(transport.lines(response)) as lines:
                yield lines
        finally:
            response.close()

    async def _write(self, call: Call) -> kube.Json:
        return responses.decode(200, await self._exchanger.exchange(call))


async def connect(
    kubeconfig: str | None = None, context: str | None = None, *, on_response: OnResponse | None = None
) -> ClusterClient:
    """Make a client with a clock of its own. Raises connection.ConnectionNotConfiguredError."""
    configuration = await connection.load(kubeconfig, context)
    try:
        return ClusterClient(configuration, clock.ServerClock(), on_response)
    except (OSError, ValueError) as error:  # certificates are read here; ssl's errors are OSErrors
        raise connection.unusable(error, context) from error
