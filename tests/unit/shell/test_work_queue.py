"""The work queue, in virtual time."""

import asyncio
import functools
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platelet.shell.run.work_queue import WorkQueue

pytestmark = pytest.mark.looptime
Worker = Callable[[str], Awaitable[float | None]]


def now() -> float:
    return asyncio.get_running_loop().time()


async def run_for(queue: WorkQueue[str], seconds: float, worker: Worker) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await queue.run(worker)


class Recorder:
    """A worker that notes when it worked what."""

    def __init__(self, *answers: float | Exception | None, takes: float = 0.0) -> None:
        """Answer in turn, then None."""
        self.worked: list[tuple[str, float]] = []
        self._answers, self._takes, self._start = list(answers), takes, now()

    async def __call__(self, key: str) -> float | None:
        """Work one key."""
        self.worked.append((key, now() - self._start))
        await asyncio.sleep(self._takes)
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_many_additions_are_one_piece_of_work() -> None:
    queue, worker = WorkQueue[str](), Recorder()
    for _ in range(100):
        queue.add("a")
    assert queue.depth == 1
    await run_for(queue, 10, worker)
    assert worker.worked == [("a", 0.0)]


async def test_a_key_added_while_in_work_is_worked_once_more_after() -> None:
    queue, worker = WorkQueue[str](), Recorder(takes=5)
    queue.add("a")
    loop = asyncio.get_running_loop()
    for second in (1, 2, 3):
        loop.call_later(second, queue.add, "a")
    await run_for(queue, 60, worker)
    assert worker.worked == [("a", 0.0), ("a", 5.0)]


async def test_the_answer_says_when_the_key_is_due_again() -> None:
    queue, worker = WorkQueue[str](), Recorder(30.0, None)
    queue.add("a")
    await run_for(queue, 100, worker)
    assert worker.worked == [("a", 0.0), ("a", 30.0)]


async def test_the_earliest_date_counts_and_an_addition_replaces_it() -> None:
    queue, worker = WorkQueue[str](), Recorder()
    queue.add_after("a", 50)
    queue.add_after("a", 20)
    queue.add_after("a", 40)
    queue.add_after("b", 90)
    asyncio.get_running_loop().call_later(10, queue.add, "b")
    await run_for(queue, 200, worker)
    assert worker.worked == [("b", 10.0), ("a", 20.0)]


async def test_different_keys_are_worked_side_by_side_up_to_the_pools_size() -> None:
    queue, worker = WorkQueue[str](workers=2), Recorder(takes=5)
    for key in "abc":
        queue.add(key)
    await run_for(queue, 60, worker)
    assert worker.worked == [("a", 0.0), ("b", 0.0), ("c", 5.0)]


async def test_urgent_keys_come_first_in_their_order_and_each_fourth_turn_is_the_others() -> None:
    queue, worker = WorkQueue[str](workers=1), Recorder()
    for key in ("drained-1", "drained-2", "drained-3"):
        queue.add(key)
    for key in ("sick-1", "sick-2", "sick-3", "sick-4", "sick-5"):
        queue.add(key, urgent=True)
    await run_for(queue, 10, worker)
    order = "sick-1 sick-2 sick-3 drained-1 sick-4 sick-5 drained-2 drained-3"
    assert [key for key, _ in worker.worked] == order.split()


async def test_a_key_that_waits_already_becomes_urgent_and_stays_so() -> None:
    queue, worker = WorkQueue[str](workers=1), Recorder()
    for key in ("a", "b", "c"):
        queue.add(key)
    queue.add("c", urgent=True)
    queue.add("c")
    await run_for(queue, 10, worker)
    assert [key for key, _ in worker.worked] == ["c", "a", "b"]


async def test_what_is_added_as_urgent_while_in_work_is_urgent_after() -> None:
    queue, worker = WorkQueue[str](workers=1), Recorder(takes=5)
    for key in ("a", "b", "c"):
        queue.add(key)
    asyncio.get_running_loop().call_later(1, functools.partial(queue.add, "a", urgent=True))
    await run_for(queue, 60, worker)
    assert [key for key, _ in worker.worked] == ["a", "a", "b", "c"]


async def test_what_its_worker_called_due_is_urgent() -> None:
    queue, worker = WorkQueue[str](workers=1), Recorder(10.0, takes=5)
    queue.add("a")
    for second, key in ((14.0, "b"), (14.1, "c"), (14.2, "d")):
        asyncio.get_running_loop().call_later(second, queue.add, key)
    await run_for(queue, 60, worker)
    assert [key for key, _ in worker.worked] == ["a", "b", "a", "c", "d"]


@settings(max_examples=60, deadline=None)
@given(urgent=st.lists(st.booleans(), min_size=1, max_size=40))
@pytest.mark.looptime(False)  # noqa: FBT003 - Hypothesis calls many times: each run makes its own loop
def test_no_key_starves_however_many_urgent_ones_keep_coming(urgent: list[bool]) -> None:
    """At most three urgent turns lie between two of the others, for as long as any of them waits."""

    async def play() -> list[str]:
        queue, worked = WorkQueue[str](workers=1), list[str]()
        for number, is_urgent in enumerate(urgent):
            queue.add(f"{'urgent' if is_urgent else 'usual'}-{number}", urgent=is_urgent)

        async def worker(key: str) -> float | None:
            worked.append(key)
            if len(worked) < 200:
                queue.add(f"urgent-new-{len(worked)}", urgent=True)
            return None

        await run_for(queue, 10, worker)
        return worked

    loop = looptime.new_event_loop()
    try:
        worked = loop.run_until_complete(play())
    finally:
        loop.close()
    usual = [place for place, key in enumerate(worked) if key.startswith("usual")]
    assert len(usual) == urgent.count(False)
    assert all(place <= 3 + 4 * turn for turn, place in enumerate(usual))


async def test_a_failing_key_comes_back_later_and_later_and_costs_the_others_nothing() -> None:
    queue, worker = WorkQueue[str](workers=1), Recorder(*[ValueError("a defect")] * 6)
    queue.add("a")
    await run_for(queue, 600, worker)
    times = [moment for _, moment in worker.worked]
    gaps = [after - before for before, after in pairwise(times)]
    assert len(times) == 7
    assert all(0.25 * 2**turn <= gap <= 0.5 * 2**turn for turn, gap in enumerate(gaps))


async def test_a_success_forgets_the_failures() -> None:
    failure = ValueError("a defect")
    queue, worker = WorkQueue[str](), Recorder(*[failure] * 6, 100.0, failure)
    queue.add("a")
    await run_for(queue, 600, worker)
    assert worker.worked[-1][1] - worker.worked[-2][1] <= 0.5


async def test_additions_do_not_make_a_failing_key_spin() -> None:
    """Each event of a poisoned object adds it: the delay after a failure holds nevertheless."""
    queue = WorkQueue[str]()
    worked = 0

    async def worker(key: str) -> float | None:
        nonlocal worked
        worked += 1
        queue.add(key)
        raise ValueError(key)

    queue.add("a")
    await run_for(queue, 60, worker)
    assert 2 <= worked <= 12


async def test_after_the_end_no_timer_is_left() -> None:
    queue, worker = WorkQueue[str](), Recorder()
    queue.add_after("a", 50)
    await run_for(queue, 10, worker)
    await asyncio.sleep(100)
    assert (queue.depth, worker.worked) == (0, [])


@settings(max_examples=60, deadline=None)
@given(
    additions=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.booleans()), max_size=40),
    takes=st.integers(0, 7),
    fails=st.lists(st.booleans(), max_size=20),
)
@pytest.mark.looptime(False)  # noqa: FBT003 - Hypothesis calls many times: each run makes its own loop
def test_no_addition_is_lost_and_no_key_is_worked_twice_at_once(
    additions: list[tuple[str, int, bool]], takes: int, fails: list[bool]
) -> None:
    """Each `add` is followed by a successful piece of work that began after it."""

    async def play() -> None:
        queue, loop = WorkQueue[str](workers=2), asyncio.get_running_loop()
        added: dict[str, float] = {}
        began: dict[str, float] = {}
        busy: Counter[str] = Counter()
        outcomes = list(fails)

        def add(key: str, moment: float) -> None:
            added[key] = moment
            queue.add(key)

        async def worker(key: str) -> float | None:
            busy[key] += 1
            assert busy[key] == 1
            start = loop.time()
            await asyncio.sleep(takes)
            busy[key] -= 1
            if outcomes and outcomes.pop():
                raise ValueError(key)
            began[key] = start
            return None

        for key, moment, later in additions:
            due = loop.time() + moment
            if later:
                queue.add_after(key, moment)
            else:
                loop.call_at(due, add, key, due)
        await run_for(queue, 20_000, worker)
        assert queue.depth == 0
        assert set(began) == {key for key, _, _ in additions}
        assert all(began[key] >= moment for key, moment in added.items())

    loop = looptime.new_event_loop()
    try:
        loop.run_until_complete(play())
    finally:
        loop.close()


async def test_who_gives_way_waits_until_no_key_waits_for_a_worker() -> None:
    queue, worker = WorkQueue[str](workers=1), Recorder(takes=5)
    moments: list[float] = []

    async def give_way() -> None:
        await queue.wait_until_all_are_taken()
        moments.append(asyncio.get_running_loop().time())

    await give_way()
    for key in "abc":
        queue.add(key)
    waiting = asyncio.create_task(give_way())
    await run_for(queue, 60, worker)
    await waiting
    assert [moment - moments[0] for moment in moments] == [0.0, 10.0]
