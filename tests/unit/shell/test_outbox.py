"""What goes out beside the work that heals: nothing twice at a time, nothing held up by another place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from platelet.model.effects import Correlation, Deliver
from platelet.model.notification import Holder
from platelet.model.request import Request
from platelet.model.situation import DeliveryResult
from platelet.shell.outbound import outbox as module
from platelet.shell.outbound.outbox import Outbox

_TURNS = 100  # of the event loop: enough for all that waits for nothing
REMEDIATION: Holder = ("remediation", "shop", "deployment-api-1")
POLICY: Holder = ("policy", "shop", "heal")


class Places:
    """A courier that is answered by each host once the test lets it."""

    def __init__(self) -> None:
        """Every host answers."""
        self.asked: list[Deliver] = []
        self.open: dict[str, asyncio.Event] = {}
        self.broken: set[str] = set()

    async def call(self, request: Request, timeout: float) -> int:  # noqa: ASYNC109 - as the protocol
        """No step calls out here."""
        raise NotImplementedError

    async def deliver(self, effect: Deliver) -> DeliveryResult:
        """Take it."""
        self.asked.append(effect)
        host = effect.request.url.split("/")[2]
        if host in self.broken:
            raise RuntimeError("a fault of ours")
        if host in self.open:
            await self.open[host].wait()
        correlation = effect.correlation
        return correlation.result()

    def hang(self, *hosts: str) -> None:
        """These answer nothing until they are opened."""
        self.open.update({host: asyncio.Event() for host in hosts})


def delivery(name: str, host: str = "pager", *, holder: Holder = REMEDIATION, sink: str = "webhook") -> Deliver:
    return Deliver(
        request=Request(url=f"http://{host}/hook", body={}),
        correlation=Correlation(holder=holder, id=name, sink=sink, number=2),
    )


@asynccontextmanager
async def running(places: Places) -> AsyncIterator[tuple[Outbox, list[Holder]]]:
    made, woken = Outbox(places), list[Holder]()
    task = asyncio.create_task(made.run(woken.append))
    try:
        yield made, woken
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def test_a_result_comes_back_under_its_id_sink_and_try_and_wakes_whose_it_is() -> None:
    async with running(Places()) as (outbox, woken):
        outbox.send(delivery("a"))
        outbox.send(delivery("b", holder=POLICY))
        await settle()
        assert woken == [REMEDIATION, POLICY]
        assert outbox.results(REMEDIATION) == (DeliveryResult(id="a", sink="webhook", number=2, delivered=True),)
        assert [result.id for result in outbox.results(POLICY)] == ["b"]


async def test_what_is_on_its_way_is_not_sent_twice_and_another_sink_is_another_way() -> None:
    places = Places()
    places.hang("pager")
    async with running(places) as (outbox, woken):
        for _ in range(3):
            outbox.send(delivery("a"))
        outbox.send(delivery("a", host="chat", sink="chat"))
        await settle()
        assert [sent.correlation.sink for sent in places.asked] == ["webhook", "chat"]
        assert outbox.in_flight(REMEDIATION) == {("a", "webhook")}
        assert woken == [REMEDIATION]
        places.open["pager"].set()
        await settle()
        assert outbox.in_flight(REMEDIATION) == frozenset()
        outbox.send(delivery("a"))
        await settle()
        assert len(places.asked) == 3


async def test_a_place_that_hangs_holds_up_no_other_and_gets_few_at_a_time() -> None:
    places = Places()
    places.hang("pager")
    async with running(places) as (outbox, _):
        for number in range(200):
            outbox.send(delivery(f"{number}"))
        outbox.send(delivery("told", host="chat", holder=POLICY))
        await settle()
        assert [result.delivered for result in outbox.results(POLICY)] == [True]
        assert sum(sent.request.url.startswith("http://pager") for sent in places.asked) == 2
        places.open["pager"].set()
        for _ in range(20):
            await settle()
        assert len(places.asked) == 201
        assert outbox.in_flight(REMEDIATION) == frozenset()


async def test_all_places_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    places = Places()
    places.hang(*(f"host-{number}" for number in range(9)))
    async with running(places) as (outbox, _):
        for number in range(9):
            outbox.send(delivery(f"{number}", host=f"host-{number}"))
        await settle()
        assert len(places.asked) == 3


async def test_a_fault_of_ours_is_a_failed_try_and_ends_nothing() -> None:
    places = Places()
    places.broken = {"pager"}
    async with running(places) as (outbox, woken):
        outbox.send(delivery("a"))
        outbox.send(delivery("b", host="["))
        await settle()
        results = {result.id: result.delivered for result in outbox.results(REMEDIATION)}
        assert results["a"] is False
        assert woken == [REMEDIATION] * 2


async def test_whoever_leads_no_more_has_nothing_in_flight() -> None:
    """Who leads next tells it again."""
    places = Places()
    places.hang("pager")
    async with running(places) as (outbox, _):
        for number in range(5):
            outbox.send(delivery(f"{number}"))
        await settle()
    assert outbox.in_flight(REMEDIATION) == frozenset()
    task = asyncio.create_task(outbox.run(lambda _holder: None))
    await settle()
    assert len(places.asked) == 2, "what waited is forgotten"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
