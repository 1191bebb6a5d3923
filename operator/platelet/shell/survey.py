"""All Remediations, and those that cannot be read: a newer version's, or spoilt ones. One of these stops no other.

What is known of an unreadable one is that it may act: its target is busy until it is closed or deleted.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from platelet.api import lenient
from platelet.api import remediation as contract
from platelet.model.remediation import Remediation
from platelet.model.workload import Kind, WorkloadRef
from platelet.shell.kube import REMEDIATIONS, Json, Kube

_AT_ONCE = 100  # some ten milliseconds
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading an object of others may raise; InvalidSpec is a ValueError."""


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


class Survey:
    """One listing, each object of which is read when it is first asked for: most looks are about one target.

    What an object is about is told by its spec, which nobody can change, never by its labels. Whoever asks whether a
    target is free must ask `busy` too.
    """

    def __init__(self, stored: Sequence[Json] = ()) -> None:
        """Take the objects as they were listed."""
        self._stored = stored
        self._read: dict[int, Remediation | Unreadable] = {}  # by its place in the listing

    @property
    def readable(self) -> list[Remediation]:
        """All that can be read."""
        return [each for each in self._all() if isinstance(each, Remediation)]

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The others."""
        return tuple(each for each in self._all() if isinstance(each, Unreadable))

    @property
    def open(self) -> list[Remediation]:
        """Those that can be read and are not closed."""
        places = [place for place, each in enumerate(self._stored) if _state(each) != "Closed"]
        return [each for each in map(self._at, places) if isinstance(each, Remediation)]

    @property
    def open_unreadable(self) -> list[Unreadable]:
        """Those that cannot be read and are not closed: they may be of an incident."""
        places = [place for place, each in enumerate(self._stored) if _state(each) != "Closed"]
        return [each for each in map(self._at, places) if isinstance(each, Unreadable)]

    def of(self, target: WorkloadRef) -> list[Remediation]:
        """Those of one target that can be read."""
        return [each for each in self._about(target) if isinstance(each, Remediation)]

    def busy(self, target: WorkloadRef) -> str:
        """The name of an unreadable open Remediation that may act on this target, or nothing."""
        return next((each.name for each in self._busy(target)), "")

    def busy_before(self, target: WorkloadRef, moment: datetime | None) -> str:
        """The same, if it was there before `moment` (None: not yet come): what was planted later stops nobody."""
        return next(
            (
                each.name
                for each in self._busy(target)
                if moment is None or each.created_at is None or each.created_at <= moment
            ),
            "",
        )

    async def read_all(self) -> "Survey":
        """Read all of it now, and let others run in between."""
        for place in range(len(self._stored)):
            self._at(place)
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        return self

    def _all(self) -> Iterator[Remediation | Unreadable]:
        return map(self._at, range(len(self._stored)))

    def _about(self, target: WorkloadRef) -> Iterator[Remediation | Unreadable]:
        return map(self._at, [place for place, each in enumerate(self._stored) if _target_of(each) == target])

    def _busy(self, target: WorkloadRef) -> list[Unreadable]:
        return [each for each in self._about(target) if isinstance(each, Unreadable) and each.target == target]

    def _at(self, place: int) -> Remediation | Unreadable:
        if place not in self._read:
            stored = self._stored[place]
            try:
                self._read[place] = contract.read_remediation(stored)
            except UNREADABLE as error:
                self._read[place] = _judge(stored, f"{type(error).__name__}: {error}")
        return self._read[place]


async def survey(kube: Kube, namespace: str = "") -> Survey:
    """List all Remediations of a namespace, or of all. Raises ApiError."""
    return Survey(await kube.list(REMEDIATIONS, namespace))


def _state(stored: Json) -> object:
    return lenient.mapping(stored.get("status")).get("state")


def _target_of(stored: Json) -> WorkloadRef | None:
    metadata, spec = lenient.mapping(stored.get("metadata")), lenient.mapping(stored.get("spec"))
    return _target(str(metadata.get("namespace", "")), lenient.mapping(spec.get("targetRef")))


def _judge(stored: Json, why: str) -> Unreadable:
    metadata, spec = lenient.mapping(stored.get("metadata")), lenient.mapping(stored.get("spec"))
    status = lenient.mapping(stored.get("status"))
    attempts = status.get("attempts")
    ids = [lenient.mapping(each).get("id") for each in attempts] if isinstance(attempts, list) else []
    namespace = str(metadata.get("namespace", ""))
    over = status.get("state") == "Closed" or spec.get("mode") == "Observe"
    return Unreadable(
        namespace=namespace,
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        created_at=lenient.moment(metadata.get("creationTimestamp")),
        target=None if over else _target(namespace, lenient.mapping(spec.get("targetRef"))),
        attempts=tuple(each for each in ids if isinstance(each, str)),
        why=why[:300],
    )


def _target(namespace: str, reference: Mapping[str, Any]) -> WorkloadRef | None:
    name = reference.get("name")
    for kind in get_args(Kind):
        if kind == reference.get("kind") and isinstance(name, str):
            return WorkloadRef(kind=kind, namespace=namespace, name=name)
    return None
