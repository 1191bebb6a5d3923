"""A read that is begun before it is asked for, while there is nothing to do but to wait for another answer."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, Generic, TypeVar

from platelet.shell.kube.shared_reads import hear

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_GOOD_FOR: Final = 1.0  # seconds


class ReadAhead(Generic[K, V]):
    """Keeps one answer that was read ahead: in a crowd, the others wait for a worker anyway."""

    def __init__(self) -> None:
        """Nothing is begun."""
        self._begun: tuple[K, float, asyncio.Task[V]] | None = None

    def begin(self, key: K, read: Callable[[], Coroutine[Any, Any, V]]) -> None:
        """Begin to read, unless the one before may still be asked for."""
        now = asyncio.get_running_loop().time()
        if self._begun is None or now - self._begun[1] >= _GOOD_FOR:
            task = asyncio.create_task(read())
            task.add_done_callback(hear)
            self._begun = key, now, task

    async def take(self, key: K, read: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The answer to what was begun a moment ago, once; else read. Raises what the read raises."""
        if self._begun is not None and self._begun[0] == key:
            (_, begun_at, task), self._begun = self._begun, None
            if asyncio.get_running_loop().time() - begun_at < _GOOD_FOR:
                return await asyncio.shield(task)
        return await read()
