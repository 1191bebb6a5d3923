"""Many who ask for the same object at once have one answer, and none has an answer that is older than its question."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

Send = Callable[[], Awaitable[bytes]]


class SharedReads:
    """Shares reads: whoever asks while one is under way waits for the next, which is surely sent after the question.

    A crowd of heals asks for the same policy, Runbook, namespace and budget, each right before it writes.
    """

    def __init__(self) -> None:
        """Nothing was asked."""
        self._under_way: dict[Hashable, asyncio.Task[bytes]] = {}
        self._to_come: dict[Hashable, asyncio.Task[bytes]] = {}

    async def ask(self, key: Hashable, send: Send) -> bytes:
        """The answer to a read that is sent from now on, by whomever. Raises what that has raised."""
        read = self._to_come.get(key)
        if read is None:
            read = self._to_come[key] = asyncio.create_task(self._send(key, send))
            read.add_done_callback(hear)
        return await asyncio.shield(read)  # who is cancelled takes nobody's answer away

    async def _send(self, key: Hashable, send: Send) -> bytes:
        before = self._under_way.get(key)
        if before is not None:
            await asyncio.wait({before})
        self._under_way[key] = self._to_come.pop(key)
        try:
            return await send()
        finally:
            del self._under_way[key]


def hear(read: asyncio.Task[Any]) -> None:
    """That all who asked have gone is no error."""
    if not read.cancelled():
        read.exception()
