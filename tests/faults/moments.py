"""Moments of a heal at which a replica is struck: around the writes on the workload, around other writes, anywhere."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.proxy import Exchange, Interrupt, Request

SEED = os.environ.get("PLATELET_SEED", "20261121")
SWEEP = os.environ.get("PLATELET_SWEEP") == "all"
Kind = Literal["effect", "write", "call"]
KINDS: tuple[Kind, ...] = ("effect", "write", "call")


def is_of(kind: Kind, request: Request) -> bool:
    """Whether a request is a call that counts, a write, a write on a workload."""
    if kind == "effect":
        return request.write is not None and request.resource == "deployments"
    return (request.number if kind == "call" else request.write) is not None


@dataclass(frozen=True, slots=True)
class Moment:
    """The n-th request of a kind, counted from 0: right before it is passed on, or right after it was carried out."""

    kind: Kind
    number: int
    applied: bool

    def __str__(self) -> str:
        """For the report."""
        return f"{'after' if self.applied else 'before'} {self.kind} {self.number}"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a heal without a fault asked of the API server."""

    requests: tuple[Request, ...]

    @classmethod
    def of(cls, exchanges: Sequence[Exchange]) -> "Rehearsal":
        """Take what a proxy has recorded since it was armed."""
        return cls(tuple(exchange.request for exchange in exchanges if exchange.request.number is not None))

    def count(self, kind: Kind) -> int:
        """How many requests of a kind."""
        return sum(is_of(kind, request) for request in self.requests)

    def __str__(self) -> str:
        """For the report."""
        return ", ".join(f"{self.count(kind)} {kind}s" for kind in KINDS)

    def all_moments(self) -> list[Moment]:
        """Before each call, and after each write; after a read is before the call that follows it."""
        return [
            Moment("call", number, applied=applied)
            for number, request in enumerate(self.requests)
            for applied in ((False,) if request.write is None else (False, True))
        ]

    def draw(self, most: int, salt: str) -> list[Moment]:
        """So many: around each effect, and the rest in equal parts among writes and calls, one in each even share.

        The same seed and salt draw the same shares, whatever the counts are.
        """
        dice = random.Random(f"{SEED}/{salt}")  # noqa: S311 - a test's dice
        chosen = [Moment("effect", index // 2, applied=bool(index % 2)) for index in range(2 * self.count("effect"))]
        writes = (most - len(chosen)) // 2
        calls = most - len(chosen) - writes
        chosen += _spread("write", 2 * self.count("write"), writes, dice)
        chosen += _spread("call", 2 * self.count("call"), calls, dice)
        return chosen


def _spread(kind: Kind, indices: int, parts: int, dice: random.Random) -> Iterator[Moment]:
    for part in range(parts):
        index = min(indices - 1, int((part + dice.random()) * indices / parts))
        yield Moment(kind, index // 2, applied=bool(index % 2))


@dataclass(slots=True)
class Strike:
    """Does something to a replica at a moment, once, and remembers at which request."""

    moment: Moment
    act: Callable[[], None]
    drop: bool
    at: Request | None = None
    _seen: int = field(default=0)

    def rule(self, request: Request) -> Interrupt | None:
        """The proxy's rule."""
        if self.at is not None or not is_of(self.moment.kind, request):
            return None
        number, self._seen = self._seen, self._seen + 1
        if number != self.moment.number:
            return None
        self.at = request
        return Interrupt(self.act, applied=self.moment.applied, drop=self.drop)

    def __str__(self) -> str:
        """For the report."""
        return f"{self.moment} ({self.at or 'never reached'})"
