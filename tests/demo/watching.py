"""The state of one namespace, version by version, as the API server's watches tell it."""

import json
import queue
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.cluster.control_plane import ControlPlane

Obj = Mapping[str, Any]

_PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ControllerRevision": "/apis/apps/v1/namespaces/{}/controllerrevisions",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Event": "/apis/events.k8s.io/v1/namespaces/{}/events",
    "Remediation": "/apis/platelet.dev/v1alpha1/namespaces/{}/remediations",
    "RemediationPolicy": "/apis/platelet.dev/v1alpha1/namespaces/{}/remediationpolicies",
}
_SETTLE = 0.25  # seconds; what several watches tell within this is put in the order of its writing


@dataclass(frozen=True, slots=True)
class Change:
    """One version of one object; `before` is None for the first."""

    kind: str
    before: Obj | None
    after: Obj
    deleted: bool


@dataclass(slots=True)
class Seen:
    """Every version of every object since the watches began, oldest first."""

    versions: dict[tuple[str, str], list[Obj]] = field(default_factory=dict)
    gone: set[tuple[str, str]] = field(default_factory=set)

    def add(self, kind: str, obj: Obj, *, deleted: bool = False) -> Change | None:
        """Take a version in; None when it is known already, as after a watch that began anew."""
        key = (kind, obj["metadata"]["name"])
        known = self.versions.setdefault(key, [])
        version = obj["metadata"]["resourceVersion"]
        if any(earlier["metadata"]["resourceVersion"] == version for earlier in known):
            return None
        change = Change(kind, known[-1] if known else None, obj, deleted)
        known.append(obj)
        (self.gone.add if deleted else self.gone.discard)(key)
        return change

    def of(self, kind: str, name: str) -> list[Obj]:
        """All versions of one object."""
        return self.versions.get((kind, name), [])

    def latest(self, kind: str) -> list[Obj]:
        """The newest version of every object of a kind that still exists."""
        return [versions[-1] for key, versions in self.versions.items() if key[0] == kind and key not in self.gone]

    def ever(self, kind: str) -> Iterator[Obj]:
        """Every version of every object of a kind."""
        return (version for key, versions in self.versions.items() if key[0] == kind for version in versions)


class Watches:
    """One watch for each kind, each in a thread of its own; they end with the process or with `stop`."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        """Begin to watch; what exists already is told first."""
        self._arrived: queue.Queue[tuple[str, str, Obj]] = queue.Queue()
        self._ended = threading.Event()
        self._client = httpx.Client(
            base_url=plane.url,
            headers={"Authorization": f"Bearer {plane.token('admin')}", "User-Agent": "demo-audience"},
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            trust_env=False,
            timeout=httpx.Timeout(10, read=None),  # nothing may happen for long
        )
        for kind, path in _PATHS.items():
            threading.Thread(target=self._follow, args=(kind, path.format(namespace)), daemon=True).start()

    def stop(self) -> None:
        """No thread is waited for: each ends at its next line or time-out."""
        self._ended.set()

    def changes(self, seen: Seen, seconds: float) -> list[Change]:
        """What arrived within so many seconds, in the order in which it was written, added to `seen`."""
        try:
            arrived = [self._arrived.get(timeout=seconds)]
        except queue.Empty:
            return []
        time.sleep(_SETTLE)
        while not self._arrived.empty():
            arrived.append(self._arrived.get())
        # One etcd: its revisions order the objects of all kinds.
        arrived.sort(key=lambda arrival: int(arrival[2]["metadata"]["resourceVersion"]))
        changes = [seen.add(kind, obj, deleted=how == "DELETED") for kind, how, obj in arrived]
        return [change for change in changes if change is not None]

    def _follow(self, kind: str, path: str) -> None:
        while not self._ended.is_set():
            try:
                self._list_and_watch(kind, path)
            except (httpx.HTTPError, ValueError, KeyError):
                self._ended.wait(0.5)

    def _list_and_watch(self, kind: str, path: str) -> None:
        listed = self._client.get(path).raise_for_status().json()
        for item in listed["items"]:
            self._arrived.put((kind, "ADDED", item))
        parameters = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"], "timeoutSeconds": "3600"}
        with self._client.stream("GET", path, params=parameters) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                if self._ended.is_set() or event["type"] == "ERROR":
                    return
                self._arrived.put((kind, event["type"], event["object"]))
