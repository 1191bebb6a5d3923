"""A leader that freezes beyond its lease and wakes up: what it had begun has no second effect (I3, I7).

It is frozen at seeded moments of a heal. The request at which it froze is delivered at once, or late: after the
successor has finished, as a packet that a network held back.
"""

import threading
from collections.abc import Callable

import pytest

from tests.cluster import patience
from tests.faults import moments, scene
from tests.faults.proxy import Exchange, Request
from tests.faults.replicas import Replica, Ward
from tests.faults.test_kill_live import complaints

pytestmark = pytest.mark.cluster
FREEZES = 8


@pytest.mark.parametrize("action", scene.ACTIONS)
def test_a_leader_that_wakes_up_after_its_lease_writes_nothing_that_counts(ward: Ward, action: str) -> None:
    """The successor heals; nothing of the old leader is granted after it woke up; the end is that of the oracle."""
    oracle, rehearsal = ward.rehearse(action)
    plan = rehearsal.draw(FREEZES, f"freeze/{action}")
    names = [f"{action}-{number}" for number in range(len(plan))]
    ward.admit(action, names)
    report, wrong, ends, frozen = [], [], [], 0
    for number, (name, moment) in enumerate(zip(names, plan, strict=True)):
        leader = ward.replicas.complete()
        delivered = threading.Event()
        late = number % 2 == 0
        freeze = moments.Strike(moment, freezing(leader, delivered if late else None), drop=False)
        leader.proxy.arm(freeze.rule)
        written = {replica.proxy: len(replica.proxy.writes()) for replica in ward.replicas.alive}
        ends.append(ward.heal(action, name, freeze))
        leader.proxy.disarm()
        report.append(f"{freeze}, {'delivered late' if late else 'delivered at once'}")
        if freeze.at is not None:
            frozen += 1
            successor = ward.replicas.leader(other_than=leader)
            if late and not moment.applied:
                until_written(successor, freeze.at, since=written.get(successor.proxy, 0))
            granted = wake(leader, delivered)
            wrong += [f"{name}, frozen {report[-1]}: afterwards granted {write}" for write in granted]

    effects = ward.effects()
    expected = len(effects[scene.ORACLE])
    wrong += [
        f"{name}, frozen {text}: {complaint}"
        for name, text, end in zip(names, report, ends, strict=True)
        for complaint in complaints(end, oracle, effects.get(name, []), expected, ward.attempts(name))
    ]
    wrong += [
        f"{name}, frozen {text}: changed after its end into {now}"
        for name, text, end in zip(names, report, ends, strict=True)
        if (now := scene.end_state(ward.reader, ward.namespace, name)) != end
    ]
    print("\n  ".join([f"{action}: {rehearsal}; seed {moments.SEED}", *report]))  # noqa: T201 - shown by -s
    assert wrong == []
    assert frozen >= len(plan) / 2, "most moments were not reached: the oracle's calls are not those of the runs"


def freezing(leader: Replica, delivered: threading.Event | None) -> Callable[[], None]:
    """What freezes it; the request in hand waits for `delivered`, or not."""

    def act() -> None:
        leader.process.pause()
        if delivered is not None:
            delivered.wait(60)

    return act


def until_written(successor: Replica, held_back: Request, since: int) -> None:
    """Wait until it has written, too, what the frozen one was about to: the end of a heal is not that of its marks."""
    if held_back.write is None or held_back.resource == "events":
        return

    def has_written() -> bool:
        writes = successor.proxy.writes()[since:]
        return any(_object(write.request) == _object(held_back) for write in writes)

    patience.until(f"the successor to do {held_back}", has_written)


def wake(leader: Replica, delivered: threading.Event) -> list[Exchange]:
    """Let it go on, with what was held back. Returns the writes that it was granted until it stood by again."""
    before, losses = len(leader.proxy.writes()), _losses(leader)
    delivered.set()
    leader.process.resume()
    patience.until("the old leader to see that it lost", lambda: _losses(leader) > losses)
    try:
        patience.until("the old leader to stand by", lambda: leader.ready and not leader.leads)
    except TimeoutError as error:
        error.add_note(f"leads: {leader.leads}, ready: {leader.readiness}")
        raise
    return leader.proxy.writes()[before:]


def _object(request: Request) -> tuple[str, str, str]:
    return request.resource, request.namespace, request.name


def _losses(leader: Replica) -> int:
    return leader.process.log.read_text().count("no longer leading")
