"""All Remediations, and those that cannot be read: a newer version's, or spoilt ones. One of these stops no other.

What is known of an unreadable one is that it may act: its target is busy until it is closed or deleted.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from platelet.api.kinds import remediation as contract
from platelet.api.readers import lenient
from platelet.model import alert
from platelet.model.remediation import Remediation
from platelet.model.workload import Kind, WorkloadRef
from platelet.shell.kube import REMEDIATIONS, Json, Reads
from platelet.shell.kube.stored import UNREADABLE

_AT_ONCE = 100  # some ten milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A Remediation that cannot be read, as far as it can."""

    namespace: str
    name: str
    uid: str
    created_at: datetime | None
    target: WorkloadRef | None  # None: nothing can be told, or it is closed, or only observes
    attempts: tuple[str, ...]  # ids: what it has on the budget is not abandoned
    why: str


class StoredRemediations:
    """One listing, each object of which is read when it is first asked for: most looks are about one target.

    What an object is about is told by its spec, which nobody can change, never by its labels. Whoever asks whether a
    target is free must ask `busy` too.
    """

    def __init__(
        self, stored: Sequence[Json] = (), read: Callable[[Json], Remediation] = contract.read_remediation
    ) -> None:
        """Take the objects as they were listed. `read` may know some of them from before."""
        self._stored = stored
        self._reader = read
        self._read: dict[int, Remediation | Unreadable] = {}  # by its place in the listing

    @property
    def stored(self) -> Sequence[Json]:
        """The objects as they were listed."""
        return self._stored

    @property
    def readable(self) -> list[Remediation]:
        """All that can be read."""
        return [remediation for remediation in self._all() if isinstance(remediation, Remediation)]

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The others."""
        return tuple(spoilt for spoilt in self._all() if isinstance(spoilt, Unreadable))

    @property
    def open(self) -> list[Remediation]:
        """Those that can be read and are not closed."""
        places = [place for place, stored in enumerate(self._stored) if state_of(stored) != "Closed"]
        return [remediation for remediation in map(self._at, places) if isinstance(remediation, Remediation)]

    @property
    def open_unreadable(self) -> list[Unreadable]:
        """Those that cannot be read and are not closed: they may be of an incident."""
        places = [place for place, stored in enumerate(self._stored) if state_of(stored) != "Closed"]
        return [spoilt for spoilt in map(self._at, places) if isinstance(spoilt, Unreadable)]

    def of(self, target: WorkloadRef) -> list[Remediation]:
        """Those of one target that can be read."""
        return [remediation for remediation in self._about(target) if isinstance(remediation, Remediation)]

    def busy(self, target: WorkloadRef) -> str:
        """The name of an unreadable open Remediation that may act on this target, or nothing."""
        return next((spoilt.name for spoilt in self._busy(target)), "")

    def busy_before(self, target: WorkloadRef, moment: datetime | None) -> str:
        """The same, if it was there before `moment` (None: not yet come): what was planted later stops nobody."""
        return next(
            (
                spoilt.name
                for spoilt in self._busy(target)
                if moment is None or spoilt.created_at is None or spoilt.created_at <= moment
            ),
            "",
        )

    async def read_all(self) -> "StoredRemediations":
        """Read all of it now, and let others run in between."""
        for place in range(len(self._stored)):
            self._at(place)
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        return self

    def _all(self) -> Iterator[Remediation | Unreadable]:
        return map(self._at, range(len(self._stored)))

    def _about(self, target: WorkloadRef) -> Iterator[Remediation | Unreadable]:
        return map(self._at, [place for place, stored in enumerate(self._stored) if target_of(stored) == target])

    def _busy(self, target: WorkloadRef) -> list[Unreadable]:
        return [spoilt for spoilt in self._about(target) if isinstance(spoilt, Unreadable) and spoilt.target == target]

    def _at(self, place: int) -> Remediation | Unreadable:
        if place not in self._read:
            self._read[place] = read_stored(self._stored[place], self._reader)
        return self._read[place]


async def list_remediations(kube: Reads, namespace: str = "") -> StoredRemediations:
    """List all Remediations of a namespace, or of all. Raises ApiError."""
    return StoredRemediations(await kube.list(REMEDIATIONS, namespace))


async def read_remediations(kube: Reads, namespace: str = "") -> list[Remediation]:
    """All Remediations that can be read; `list_remediations` also tells of the others. Raises ApiError."""
    return (await list_remediations(kube, namespace)).readable


def read_stored(
    stored: Json, read: Callable[[Json], Remediation] = contract.read_remediation
) -> Remediation | Unreadable:
    """Read one, as far as it can be read."""
    try:
        return read(stored)
    except UNREADABLE as error:
        return _judge(stored, f"{type(error).__name__}: {error}")


def state_of(stored: Json) -> object:
    """Its state, as far as it has one that can be read."""
    return lenient.mapping(stored.get("status")).get("state")


def has_untold(stored: Json) -> bool:
    """Whether people are still to be told of it, as far as that can be read."""
    listed = lenient.mapping(stored.get("status")).get("notifications")
    notices = map(lenient.mapping, listed if isinstance(listed, list) else ())
    return any(notice.get("state", "Pending") == "Pending" for notice in notices)


def mode_of(stored: Json) -> object:
    """Whether it acts or observes, as far as that can be read."""
    return lenient.mapping(stored.get("spec")).get("mode")


def evidence_names(stored: Json) -> Iterator[str]:
    """What its evidence is of: what fingerprints begin with, up to a slash. Of alerts, that of their labels."""
    evidence = lenient.mapping(stored.get("status")).get("evidence")
    signal = lenient.mapping(stored.get("spec")).get("signal")
    for fact in [*(evidence if isinstance(evidence, list) else ()), signal]:
        yield alert.fingerprint_of(str(lenient.mapping(fact).get("fingerprint")))


def target_of(stored: Json) -> WorkloadRef | None:
    """What it is about, by its spec; None where that cannot be told."""
    metadata, spec = lenient.mapping(stored.get("metadata")), lenient.mapping(stored.get("spec"))
    return _target(str(metadata.get("namespace", "")), lenient.mapping(spec.get("targetRef")))


def _judge(stored: Json, why: str) -> Unreadable:
    metadata, spec = lenient.mapping(stored.get("metadata")), lenient.mapping(stored.get("spec"))
    status = lenient.mapping(stored.get("status"))
    attempts = status.get("attempts")
    ids = [lenient.mapping(attempt).get("id") for attempt in attempts] if isinstance(attempts, list) else []
    namespace = str(metadata.get("namespace", ""))
    over = status.get("state") == "Closed" or spec.get("mode") == "Observe"
    return Unreadable(
        namespace=namespace,
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        created_at=lenient.moment(metadata.get("creationTimestamp")),
        target=None if over else _target(namespace, lenient.mapping(spec.get("targetRef"))),
        attempts=tuple(attempt for attempt in ids if isinstance(attempt, str)),
        why=why[:300],
    )


def _target(namespace: str, reference: Mapping[str, Any]) -> WorkloadRef | None:
    name = reference.get("name")
    for kind in get_args(Kind):
        if kind == reference.get("kind") and isinstance(name, str):
            return WorkloadRef(kind=kind, namespace=namespace, name=name)
    return None
