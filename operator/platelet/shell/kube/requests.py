"""The API server as the shell needs it: a small Protocol, so that a model of it can stand in for tests."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from platelet.model.resource import Resource

Json = dict[str, Any]

UNAUTHORIZED, FORBIDDEN = 401, 403  # HTTP statuses of a Refused
TOO_MANY_REQUESTS = 429  # of an Unanswered: turned away for now


class ApiError(Exception):
    """The API server's answer was no. `code` is the HTTP status; the message never contains request bodies."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        """Keep what a Status object says."""
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


class NotFound(ApiError):
    """404."""


class Conflict(ApiError):
    """409 on a stale resourceVersion or an existing name; 422 of a failed JSON-Patch `test`. Look again."""


class Refused(ApiError):
    """Any other 4xx: a definite refusal, nothing was changed."""


class OutdatedSchema(Refused):
    """The installed CRD is older than this platelet: it does not know a field that was to be written."""


class Unanswered(ApiError):
    """Timeout, lost connection, 429 or 5xx: whether a write took effect is not known. `code` is 0 without an answer."""


class Reads(Protocol):
    """What can be read: quorum reads (resourceVersion unset). Whoever gets this can change nothing."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Read one object. Raises NotFound, Refused, Unanswered."""

    async def list(self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Json]:
        """Read all objects of a namespace (all when empty) that selectors of labels and fields admit; pages inside."""


class Kube(Reads, Protocol):
    """Reads, and the writes. Nothing retries these."""

    async def create(  # noqa: PLR0913 - an HTTP POST has this many parts
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - the call's own bound, which the lease sets
    ) -> Json:
        """POST: of a new object, or to a subresource of the one that the body names. Raises Conflict."""

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
        """PUT with the resourceVersion that the body carries. Raises Conflict when it is stale."""

    async def patch(  # noqa: PLR0913 - an HTTP PATCH has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - the call's own bound, which the lease sets
    ) -> Json:
        """PATCH: a mapping is a merge patch, a sequence is a JSON Patch. `timeout` in seconds bounds the whole call."""

    async def delete(  # noqa: PLR0913 - an HTTP DELETE has this many parts
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str,
        resource_version: str = "",
        agent: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - the call's own bound, which the lease sets
    ) -> None:
        """DELETE with the uid as precondition, and with the resourceVersion if one is given. Raises Conflict."""
