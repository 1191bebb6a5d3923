"""Whatever sinks answer, whatever dies, whatever is seen twice: what was to be told is told, in order, and says so."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet import sinks
from platelet.core import deliveries
from platelet.core.deliveries import Ledger
from platelet.model.effects import Deliver
from platelet.model.notice import Notice
from platelet.model.notification import MOST_OF_A_SINK
from platelet.model.request import Request
from platelet.model.rules import Sink
from platelet.model.situation import DeliveryResult
from tests.unit.situations import NOW, a_policy, a_remediation

REMEDIATION = a_remediation()
NAMES = ("chat", "pager")


def listed(name: str) -> Sink:
    """A sink that keeps all that it is told."""

    def render(notice: Notice) -> tuple[Request, ...]:
        return (Request(url=f"http://{name}/{notice.id}", body={}),)

    return Sink(name=name, tells=lambda _notice: True, render=render, kept=True)


@pytest.fixture(autouse=True, scope="module")
def _two_sinks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sinks, "SINKS", tuple(listed(name) for name in NAMES))
        yield


@dataclass(slots=True)
class World:
    """A list as it is stored, what the process knows, and what the sinks have really been told."""

    now: datetime = NOW
    ledger: Ledger = field(default_factory=lambda: Ledger(notifications=()))
    results: dict[tuple[str, str], DeliveryResult] = field(default_factory=dict)
    in_flight: dict[tuple[str, str], Deliver] = field(default_factory=dict)
    taken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})

    def notice(self, kept: str) -> Notice:
        """Of an occasion."""
        return Notice(
            kind="Acted",
            remediation=REMEDIATION,
            workload=None,
            policy=a_policy(),
            reason="scale",
            message="m",
            at=NOW,
            occasion=kept,
        )

    def look(self) -> None:
        """What one look at the object does."""
        accounted = deliveries.account(self.ledger.notifications, tuple(self.results.values()), self.now)
        self.ledger = replace(self.ledger, notifications=accounted)
        for waiting in deliveries.due(accounted, self.in_flight, self.now):
            _, effects = deliveries.render(waiting, self.notice(waiting.occasion), REMEDIATION.holder, self.now)
            for effect in effects:
                assert isinstance(effect, Deliver)
                self.in_flight[effect.correlation.id, effect.correlation.sink] = effect

    def answer(self, sink: str, *, well: bool, lost: bool) -> None:
        """A sink takes what is on its way to it, or does not; its answer may be lost with the process."""
        for key, delivery in list(self.in_flight.items()):
            if key[1] == sink:
                del self.in_flight[key]
                if well:
                    self.taken[sink].append(delivery.correlation.id)
                if not lost:
                    self.results[key] = delivery.correlation.result("" if well else "503")

    def die(self) -> None:
        """Whatever was only in memory is gone."""
        self.results.clear()
        self.in_flight.clear()


OFFERED = st.tuples(st.just("offer"), st.integers(0, MOST_OF_A_SINK - 1))
ANSWERED = st.tuples(st.just("answer"), st.sampled_from(NAMES), st.booleans(), st.booleans())
PASSED = st.tuples(st.just("pass"), st.sampled_from((1, 10, 60, 900)))
EVENTS = st.lists(OFFERED | ANSWERED | PASSED | st.tuples(st.just("look")) | st.tuples(st.just("die")), max_size=40)


@given(EVENTS)
def test_what_was_offered_is_told_at_least_once_in_order_and_says_so(events: list[tuple[object, ...]]) -> None:
    world, offered = World(), list[str]()
    for event in events:
        match event:
            case ("offer", int(number)):
                notice = world.notice(str(number))
                world.ledger, _ = deliveries.offer(world.ledger, notice)
                offered += [notice.id] if notice.id not in offered else []
            case ("answer", str(sink), bool(well), bool(lost)):
                world.answer(sink, well=well, lost=lost)
            case ("pass", int(seconds)):
                world.now += timedelta(seconds=seconds)
            case ("die",):
                world.die()
            case _:
                world.look()
    for _ in range(4 * MOST_OF_A_SINK):  # from now on all is well
        world.now += timedelta(minutes=10)
        world.look()
        for name in NAMES:
            world.answer(name, well=True, lost=False)
        world.look()
    for name in NAMES:
        assert list(dict.fromkeys(world.taken[name])) == offered
        states = {known.id: known.state for known in world.ledger.notifications if known.sink == name}
        assert states == dict.fromkeys(offered, "Delivered")
    assert world.in_flight == {}
