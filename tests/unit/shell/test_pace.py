"""The same thing is done again after growing pauses."""

from datetime import timedelta

from platelet.replay.virtual_clock import VirtualClock
from platelet.shell.act.pace import Pace
from tests.scenarios.virtual_loop import VirtualLoop


def moments(pace: Pace[str], until: int) -> list[int]:
    """At which seconds it is allowed, if it is asked each second."""
    clock = VirtualClock()
    loop, begin = VirtualLoop(clock), clock.now()
    allowed = []

    async def ask(second: int) -> None:
        if pace.allows("a"):
            allowed.append(second)

    for second in range(until):
        clock.moment = begin + timedelta(seconds=second)
        loop.create_task(ask(second))
        loop.run_until_idle()
    loop.close()
    return allowed


def test_the_first_ones_are_at_once_and_the_pauses_double_up_to_the_longest() -> None:
    pace: Pace[str] = Pace(at_once=1, first=1.0, longest=8.0)
    assert moments(pace, 40) == [0, 1, 3, 7, 15, 23, 31, 39]


async def test_each_key_has_a_pace_of_its_own() -> None:
    pace: Pace[str] = Pace(at_once=1, first=60.0, longest=60.0)
    assert [pace.allows(key) for key in ("a", "a", "b", "b")] == [True, False, True, False]
