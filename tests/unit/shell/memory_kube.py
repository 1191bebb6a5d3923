"""A few objects in memory behind the Kube protocol: enough of the API server for the plumbing's tests."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from platelet.shell import kube


class MemoryKube:
    """Objects with resourceVersions. Errors in `failing` are raised in turn, before (or, for lost answers, after)."""

    def __init__(self) -> None:
        """Begin empty."""
        self.objects: dict[tuple[str, str, str], kube.Json] = {}
        self.version = 0
        self.calls: list[tuple[str, str]] = []
        self.failing: list[kube.ApiError | None] = []
        self.answer_lost = False

    async def get(self, resource: kube.Resource, namespace: str, name: str) -> kube.Json:
        """Read one object."""
        self._begin("get", resource)
        return copy.deepcopy(self._find(resource, namespace, name))

    async def list(
        self, resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[kube.Json]:
        """Read all; selectors are not known here."""
        assert not labels
        assert not fields
        self._begin("list", resource)
        keys = [key for key in self.objects if key[0] == resource.plural and namespace in ("", key[1])]
        return [copy.deepcopy(self.objects[key]) for key in keys]

    async def create(  # noqa: PLR0913 - as the protocol
        self,
        resource: kube.Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - as the protocol
    ) -> kube.Json:
        """Create, or Conflict."""
        assert not subresource
        del agent, timeout
        self._begin("create", resource)
        key = (resource.plural, namespace, body["metadata"]["name"])
        if key in self.objects:
            raise kube.Conflict(409, "AlreadyExists", "exists")
        return self._store(key, body)

    async def replace(  # noqa: PLR0913 - as the protocol
        self,
        resource: kube.Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
    ) -> kube.Json:
        """Replace what has the same resourceVersion, or Conflict."""
        del subresource, agent
        self._begin("replace", resource)
        stored = self._find(resource, namespace, name)
        if stored["metadata"]["resourceVersion"] != body["metadata"].get("resourceVersion"):
            raise kube.Conflict(409, "Conflict", "stale")
        return self._store((resource.plural, namespace, name), body)

    async def patch(  # noqa: PLR0913 - as the protocol
        self,
        resource: kube.Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - as the protocol
    ) -> kube.Json:
        """Merge the top level only."""
        del subresource, agent, timeout
        assert isinstance(body, Mapping)
        self._begin("patch", resource)
        return self._store((resource.plural, namespace, name), {**self._find(resource, namespace, name), **body})

    async def delete(  # noqa: PLR0913 - an HTTP DELETE has this many parts
        self,
        resource: kube.Resource,
        namespace: str,
        name: str,
        *,
        uid: str,
        resource_version: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """Delete whatever has the name."""
        del uid, resource_version, agent, timeout
        self._begin("delete", resource)
        self._find(resource, namespace, name)
        del self.objects[resource.plural, namespace, name]

    def _begin(self, verb: str, resource: kube.Resource) -> None:
        self.calls.append((verb, resource.plural))
        error = self.failing.pop(0) if self.failing else None
        if error is not None:
            raise error

    def _find(self, resource: kube.Resource, namespace: str, name: str) -> kube.Json:
        try:
            return self.objects[resource.plural, namespace, name]
        except KeyError:
            raise kube.NotFound(404, "NotFound", f"{resource.plural} {name}") from None

    def _store(self, key: tuple[str, str, str], body: Mapping[str, Any]) -> kube.Json:
        self.version += 1
        stored = copy.deepcopy(dict(body))
        stored["metadata"] = {**stored["metadata"], "resourceVersion": str(self.version)}
        self.objects[key] = stored
        if self.answer_lost:
            self.answer_lost = False
            raise kube.Unanswered(0, "Timeout", "the answer was lost")
        return copy.deepcopy(stored)
