"""Which of many things have changed: whoever follows is told what has since it asked last, not all that there is."""

from collections import deque
from collections.abc import Collection, Hashable
from itertools import islice
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_REMEMBERED: Final = 10_000  # changes


class Journal(Generic[K]):
    """The keys of the last changes. How each has changed, whoever writes here knows."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        """Nothing has changed yet."""
        self._keys: deque[K] = deque(maxlen=most)
        self._begin = 0  # changes before this one are not remembered
        self._end = 0

    def note(self, key: K) -> None:
        """It has come, changed or gone just now."""
        self._keys.append(key)
        self._end += 1
        self._begin = max(self._begin, self._end - len(self._keys))

    def lose(self) -> None:
        """More has changed than can be listed: all followers must read everything anew."""
        self._keys.clear()
        self._end += 1
        self._begin = self._end

    def follow(self) -> "Follower[K]":
        """Follow the changes from here on."""
        return Follower(self, self._end)

    def read_from(self, place: int) -> tuple[Collection[K] | None, int]:
        """What has changed since a place, each once, and the place after it; None: that is not remembered."""
        if place < self._begin:
            return None, self._end
        return frozenset(islice(reversed(self._keys), self._end - place)), self._end


class Follower(Generic[K]):
    """One who reads a journal."""

    def __init__(self, journal: Journal[K], place: int) -> None:
        """What was before this place is known already."""
        self._journal = journal
        self._place = place

    def take(self) -> Collection[K] | None:
        """What has changed since this was asked last; None: all must be read anew."""
        changed, self._place = self._journal.read_from(self._place)
        return changed
