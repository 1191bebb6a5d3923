"""Memory that does not grow: of many things, those that were put there last."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Latest(OrderedDict[K, V]):
    """A dictionary of at most so many entries, which drops the oldest; an entry that is put again counts as new."""

    def __init__(self, most: int) -> None:
        """Hold nothing yet."""
        super().__init__()
        self._most = most

    def put(self, key: K, value: V) -> V:
        """Put it there, and give it back."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)
        return value
