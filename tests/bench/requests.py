"""What both contenders asked of the API server, from its audit log, read as it grows."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.cluster import audit
from tests.cluster.audit import AuditEvent

CRASH = "bench-crash"  # the user agent of a write that makes a pod ill
_MARKS = ('"username":"platelet"', '"username":"baseline"', f'"userAgent":"{CRASH}"')
_LOOK_EVERY = 0.02  # seconds
_UNCOUNTED = ("leases",)  # renewed at a steady pace, whatever there is to do


class RequestLog:
    """The requests of the contenders, and the writes that make pods ill; those of all others are passed over."""

    def __init__(self, path: Path) -> None:
        """Begin where the log is now."""
        self._path, self._position = path, path.stat().st_size
        self.events: list[AuditEvent] = []

    def mark(self) -> int:
        """A place in `events`: what comes after it has not been answered yet."""
        self._read()
        return len(self.events)

    def since(self, mark: int, user: str = "") -> list[AuditEvent]:
        """The requests answered since a mark, of one user or of all."""
        self._read()
        return [event for event in self.events[mark:] if user in ("", event.user)]

    def until(self, what: str, mark: int, wanted: Callable[[AuditEvent], bool], seconds: float = 120) -> AuditEvent:
        """Wait for the first such request since a mark. Raises TimeoutError."""
        return self.until_all(what, mark, wanted, 1, seconds)[0]

    def until_all(
        self, what: str, mark: int, wanted: Callable[[AuditEvent], bool], number: int, seconds: float
    ) -> list[AuditEvent]:
        """Wait for that many of them, about that many different objects. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        seen, firsts = mark, dict[str, AuditEvent]()
        while True:
            self._read()
            for event in self.events[seen:]:
                if wanted(event):
                    firsts.setdefault(event.name, event)
            seen = len(self.events)
            if len(firsts) >= number:
                return list(firsts.values())
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds:.0f} s for {what}: {len(firsts)} of {number}")
            time.sleep(_LOOK_EVERY)

    def until_quiet(self, user: str, rest: float = 1.0, seconds: float = 120) -> float:
        """Wait until a user has asked for nothing for so long; seconds since its last request. Raises TimeoutError."""
        begun = asked = time.monotonic()
        mark = self.mark()
        while time.monotonic() - asked < rest:
            time.sleep(_LOOK_EVERY)
            if any(counts(event) for event in self.since(mark, user)):
                asked = time.monotonic()
            mark = len(self.events)
            if time.monotonic() - begun > seconds:
                raise TimeoutError(f"{user} has not been quiet for {rest:.0f} s in {seconds:.0f} s")
        return time.monotonic() - asked

    def _read(self) -> None:
        """Take in the lines that are complete."""
        with self._path.open("rb") as log:
            log.seek(self._position)
            whole, end, _ = log.read().rpartition(b"\n")
        self._position += len(whole) + len(end)
        lines = whole.decode().splitlines()
        self.events.extend(audit.event(line) for line in lines if any(mark in line for mark in _MARKS))


def counts(event: AuditEvent) -> bool:
    """Whether a request is counted: a watch is one for as long as it lasts, and a lease is renewed in any case."""
    return event.verb != "watch" and event.resource not in _UNCOUNTED


def by_kind(events: Iterable[AuditEvent]) -> Counter[str]:
    """How many requests there are of each verb and resource."""
    return Counter(_kind(event) for event in events if counts(event))


def _kind(event: AuditEvent) -> str:
    resource = "/".join(filter(None, (event.resource, event.subresource)))
    return f"{event.verb} {resource or event.uri.partition('?')[0]}"
