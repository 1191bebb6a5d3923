"""Answers that are good for a moment: of what no stream shows, and what a look from memory would else ask each time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from platelet.shell.kube.latest import Latest

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_REMEMBERED = 1_000


class Recent(Generic[K, V]):
    """The last answers by what was asked. An error is no answer."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._answers: Latest[K, tuple[float, V]] = Latest(_REMEMBERED)

    def forget(self, keys: Callable[[K], bool]) -> None:
        """What is known of these is over: we have changed it ourselves."""
        for key in [key for key in self._answers if keys(key)]:
            del self._answers[key]

    async def ask(self, key: K, patience: float, read: Callable[[], Awaitable[V]]) -> V:
        """Answer by what was heard up to `patience` seconds ago, or read it. Raises what `read` raises."""
        now = asyncio.get_running_loop().time()
        known = self._answers.get(key)
        if known is not None and patience > 0 and now - known[0] <= patience:
            return known[1]
        return self._answers.put(key, (now, await read()))[1]
