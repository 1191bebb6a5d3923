"""One request to the API server: its parts, and how they are written safely."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import aiohttp

from platelet import VERSION
from platelet.shell import kube

DEFAULT_TIMEOUT = 10.0  # seconds for a whole call
_USUAL = aiohttp.ClientTimeout(total=DEFAULT_TIMEOUT)
JSON = "application/json"
_STRICT = (("fieldValidation", "Strict"),)  # else an older CRD drops what it does not know, and tells nobody
_AGENT_EXTRAS = "-_./:=@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    verb: str
    resource: kube.Resource
    path: str
    method: str = "GET"
    query: Sequence[tuple[str, str]] = ()
    body: dict[str, Any] | list[dict[str, Any]] | None = None
    content_type: str = JSON
    accept: str = JSON
    agent: str = ""
    timeout: aiohttp.ClientTimeout = _USUAL

    @property
    def whole_query(self) -> Sequence[tuple[str, str]]:
        """With what belongs to each write of a whole object of ours: all of it is stored, or nothing."""
        strict = self.method in ("POST", "PUT") and self.resource.group == kube.POLICIES.group
        return (*self.query, *_STRICT) if strict else self.query


@lru_cache(maxsize=64)  # an attempt's id stands in each of its writes
def user_agent(agent: str) -> str:
    """`platelet/<version>`, and in brackets who acts, so that the audit log can tell; other characters become `_`."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in _AGENT_EXTRAS) else "_" for char in agent)
    return f"platelet/{VERSION} ({safe})" if safe else f"platelet/{VERSION}"


def bounded(timeout: float | None) -> aiohttp.ClientTimeout:
    """The bound of a call, at most the usual one, in seconds. Raises Unanswered where no time was left to send it."""
    if timeout is not None and timeout <= 0:
        raise kube.Unanswered(0, "Timeout", "not sent: no time was left")
    return _USUAL if timeout is None else aiohttp.ClientTimeout(total=min(timeout, DEFAULT_TIMEOUT))


def object_path(resource: kube.Resource, namespace: str, name: str, subresource: str = "") -> str:
    """Build the path of one object. An empty name would mean the collection, so it is refused (TRAPS 29)."""
    return resource.path(segment(namespace, empty=not resource.namespaced), segment(name), subresource)


def segment(text: str, *, empty: bool = False) -> str:
    """One segment of a path, quoted. Names may come from alert labels: what could leave the segment is refused."""
    if (not text and not empty) or text in {".", ".."} or "/" in text or "%" in text:
        raise kube.Refused(0, "InvalidName", f"not sent: {text[:100]!r} cannot be the name of an object")
    return quote(text, safe=":@")
