"""How often the same thing is done again while nothing comes of it: a few times at once, then after doubling pauses."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from platelet.shell.kube.latest import Latest

K = TypeVar("K", bound=Hashable)
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Done:
    times: int
    at: float


class Pace(Generic[K]):
    """Paces repeated writes: nobody who reverts ours is fought, and an API server that fails is not hammered."""

    def __init__(self, *, at_once: int, first: float, longest: float) -> None:
        """`at_once` times without a pause, then after `first` seconds, doubled each time, up to `longest`.

        What was not done for twice the longest pause begins anew.
        """
        self._at_once = at_once
        self._first = first
        self._longest = longest
        self._done: Latest[K, _Done] = Latest(_REMEMBERED)

    def allows(self, key: K) -> bool:
        """Whether it may be done now; if so, it is counted as done."""
        now = asyncio.get_running_loop().time()
        last = self._done.get(key)
        if last is None or now - last.at > 2 * self._longest:
            last = _Done(0, now)
        allowed = last.times < self._at_once or now - last.at >= self._pause(last.times)
        self._done.put(key, _Done(last.times + 1, now) if allowed else last)
        return allowed

    def _pause(self, times: int) -> float:
        return float(min(self._longest, self._first * 2.0 ** min(times - self._at_once, 30)))
