"""One read for many who ask at once: never an answer that was under way when they asked."""

import asyncio

import pytest

from platelet.shell.kube.shared_reads import SharedReads


class Server:
    """Answers with how many reads it had got when one came in, as soon as it is let."""

    def __init__(self) -> None:
        """Nothing was asked."""
        self.asked = 0
        self.got_one = asyncio.Event()
        self.open = asyncio.Event()
        self.broken = 0  # which read fails; none

    async def read(self) -> bytes:
        """One read."""
        self.asked += 1
        self.got_one.set()
        state = self.asked
        await self.open.wait()
        if state == self.broken:
            raise ConnectionError
        return str(state).encode()


async def test_who_asks_before_a_read_is_sent_shares_it() -> None:
    reads, server = SharedReads(), Server()
    server.open.set()
    assert await asyncio.gather(*(reads.ask("budget", server.read) for _ in range(5))) == [b"1"] * 5


async def test_who_asks_while_one_is_under_way_has_the_next() -> None:
    reads, server = SharedReads(), Server()
    first = asyncio.create_task(reads.ask("budget", server.read))
    await server.got_one.wait()
    late = [asyncio.create_task(reads.ask("budget", server.read)) for _ in range(5)]
    await asyncio.sleep(0)
    server.open.set()
    assert await first == b"1"
    assert await asyncio.gather(*late) == [b"2"] * 5
    assert await reads.ask("budget", server.read) == b"3"


async def test_others_objects_are_not_waited_for() -> None:
    reads, server, other = SharedReads(), Server(), Server()
    other.open.set()
    stuck = asyncio.create_task(reads.ask("budget", server.read))
    await server.got_one.wait()
    assert await reads.ask("policy", other.read) == b"1"
    server.open.set()
    await stuck


async def test_who_is_cancelled_takes_nobodys_answer_away() -> None:
    reads, server = SharedReads(), Server()
    first, second = (asyncio.create_task(reads.ask("budget", server.read)) for _ in range(2))
    await server.got_one.wait()
    first.cancel()
    server.open.set()
    assert await second == b"1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_failure_is_that_of_all_who_asked_and_of_nobody_after() -> None:
    reads, server = SharedReads(), Server()
    server.broken = 1
    asking = [asyncio.create_task(reads.ask("budget", server.read)) for _ in range(2)]
    await server.got_one.wait()
    late = asyncio.create_task(reads.ask("budget", server.read))
    await asyncio.sleep(0)
    server.open.set()
    assert [type(answer) for answer in await asyncio.gather(*asking, return_exceptions=True)] == [ConnectionError] * 2
    assert await late == b"2"
