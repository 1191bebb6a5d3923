"""Leadership: one at a time, whatever is lost or delayed. Virtual time; every candidate on the same in-memory Lease."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from platelet.shell import kube
from platelet.shell.leader import lease
from tests.unit.shell.memory_kube import MemoryKube

pytestmark = pytest.mark.looptime
KEY = ("leases", "platelet-system", "platelet")
DOWN = kube.Unanswered(0, "ConnectionLost", "down")


class FixedClock:
    """The API server's time stands still: the election must not need it."""

    ready = True

    def now(self) -> datetime:
        """Always the same."""
        return datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    def age(self) -> float:
        """Just heard."""
        return 0.0

    def raise_to(self, moment: datetime) -> None:
        """Not needed here."""


def candidate(api: MemoryKube, name: str) -> lease.Leadership:
    loop = asyncio.get_running_loop()
    return lease.Leadership(api, FixedClock(), "platelet-system", name, boot=loop.time)


async def leading(api: MemoryKube, name: str = "one") -> tuple[lease.Leadership, asyncio.Task[None]]:
    leadership = candidate(api, name)
    await leadership.wait_until_leading()
    return leadership, asyncio.create_task(leadership.hold())


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, lease.LeaseLostError):
        await task


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_free_cluster_is_led_at_once() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    assert 0 < leadership.time_left() <= 15
    assert api.objects[KEY]["spec"]["holderIdentity"] == leadership.holder
    await ended(holding)


async def test_two_processes_of_one_pod_are_told_apart() -> None:
    api = MemoryKube()
    assert candidate(api, "pod").holder != candidate(api, "pod").holder


async def test_a_holder_that_renews_keeps_it() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    other = candidate(api, "two")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(600):
            await other.wait_until_leading()
    assert leadership.time_left() > 9
    assert other.time_left() == 0
    await ended(holding)


async def test_each_renewal_changes_the_lease_while_the_time_stands_still() -> None:
    """A write that changes nothing is none to the API server, and a candidate would see a lease that nobody renews."""
    api = MemoryKube()
    _, holding = await leading(api)
    seen = set()
    for _ in range(4):
        await asyncio.sleep(6)
        metadata = api.objects[KEY]["metadata"]
        seen.add(str({**api.objects[KEY], "metadata": {**metadata, "resourceVersion": ""}}))
    assert len(seen) == 4
    await ended(holding)


async def test_after_a_release_the_next_one_leads_at_its_next_look() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    await ended(holding)
    await leadership.release()
    assert leadership.time_left() == 0
    start = now()
    other, holding = await leading(api, "two")
    assert now() == start
    assert api.objects[KEY]["spec"]["leaseTransitions"] == 1
    assert other.time_left() > 0
    await ended(holding)


async def test_when_the_one_before_was_there_is_known_until_it_was_made_use_of() -> None:
    """Our own time may be wrong: whoever follows us must still find theirs."""
    api = MemoryKube()
    api.objects[KEY] = {
        "metadata": {"resourceVersion": "1"},
        "spec": {"holderIdentity": "", "renewTime": "2026-11-21T06:50:00.000000Z", "leaseDurationSeconds": 15},
    }
    leadership, holding = await leading(api)
    await asyncio.sleep(30)
    assert leadership.left_at == datetime(2026, 11, 21, 6, 50, tzinfo=UTC)
    assert api.objects[KEY]["spec"]["renewTime"] == "2026-11-21T06:50:00.000000Z"
    leadership.trust_time()
    await asyncio.sleep(30)
    assert api.objects[KEY]["spec"]["renewTime"] == "2026-11-21T08:00:00.000000Z"
    assert api.objects[KEY]["spec"]["acquireTime"] == "2026-11-21T08:00:00.000000Z"
    await ended(holding)


async def test_a_silent_holder_is_waited_for_a_whole_duration_by_our_own_watch() -> None:
    """The times in the Lease may be from any clock: a renewTime of long ago does not free it."""
    api = MemoryKube()
    api.objects[KEY] = {
        "metadata": {"resourceVersion": "1"},
        "spec": {"holderIdentity": "x", "renewTime": "2001-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15},
    }
    start = now()
    _, holding = await leading(api)
    assert 15 <= now() - start <= 22
    await ended(holding)


async def test_a_holder_with_a_longer_duration_gets_it() -> None:
    api = MemoryKube()
    spec = {"holderIdentity": "x", "leaseDurationSeconds": 60}
    api.objects[KEY] = {"metadata": {"resourceVersion": "1"}, "spec": spec}
    start = now()
    _, holding = await leading(api)
    assert now() - start >= 60
    await ended(holding)


@pytest.mark.parametrize("failures", [0, 3, 9])
async def test_a_short_outage_does_not_cost_the_lead(failures: int) -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    api.failing = [DOWN] * failures  # a second between the tries
    await asyncio.sleep(100)
    assert leadership.time_left() > 0
    await ended(holding)


async def test_a_long_outage_ends_the_lead_before_anybody_else_can_have_it() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    api.failing = [DOWN] * 1000
    renewed_at = now()
    with pytest.raises(lease.LeaseLostError):
        await holding
    assert now() - renewed_at <= 15
    assert leadership.time_left() == 0


async def test_a_call_that_hangs_does_not_outlast_the_lead() -> None:
    class Hanging(MemoryKube):
        hangs = False

        async def replace(self, *args: object, **more: object) -> kube.Json:
            if self.hangs:
                await asyncio.sleep(1e6)
            return await super().replace(*args, **more)  # type: ignore[arg-type]

    api = Hanging()
    leadership, holding = await leading(api)
    api.hangs, start = True, now()
    with pytest.raises(lease.LeaseLostError):
        await holding
    assert now() - start <= 15
    assert leadership.time_left() == 0


class Slow(MemoryKube):
    """Each write takes effect at once, and is answered three seconds later."""

    async def replace(self, *args: object, **more: object) -> kube.Json:
        """As ever, later."""
        stored = await super().replace(*args, **more)  # type: ignore[arg-type]
        await asyncio.sleep(3)
        return stored


async def test_the_time_left_counts_from_before_a_renewal_was_sent() -> None:
    """A candidate may have seen the renewal long before its answer reached us."""
    api = Slow()
    leadership, holding = await leading(api)
    await asyncio.sleep(8.1)
    assert leadership.time_left() == pytest.approx(15 - 3.1)
    await ended(holding)


async def test_a_renewal_whose_answer_was_lost_is_no_renewal_but_no_loss_either() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    for _ in range(5):
        api.answer_lost = True
        await asyncio.sleep(30)
        assert leadership.time_left() > 0
    await ended(holding)


async def test_another_holder_in_the_lease_ends_ours() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    stolen = {**api.objects[KEY]["spec"], "holderIdentity": "thief"}
    api.objects[KEY] = {"metadata": {"resourceVersion": "999"}, "spec": stolen}
    with pytest.raises(lease.LeaseLostError, match="thief"):
        await holding
    assert leadership.time_left() == 0


async def test_a_deleted_lease_ends_the_lead_and_is_not_taken_before_a_duration_is_over() -> None:
    """Its holder may not know yet."""
    api = MemoryKube()
    leadership, holding = await leading(api)
    other = candidate(api, "two")
    waiting = asyncio.create_task(other.wait_until_leading())
    await asyncio.sleep(7)
    del api.objects[KEY]
    deleted_at = now()
    with pytest.raises(lease.LeaseLostError):
        await holding
    await waiting
    assert now() - deleted_at >= 8
    assert leadership.time_left() == 0


async def test_a_lost_race_is_no_lead() -> None:
    api = MemoryKube()
    candidates = [candidate(api, str(number)) for number in range(5)]
    waiting = [asyncio.create_task(candidate.wait_until_leading()) for candidate in candidates]
    await asyncio.sleep(10)
    assert sum(candidate.time_left() > 0 for candidate in candidates) == 1
    for task in waiting:
        task.cancel()


async def test_never_do_two_believe_to_lead() -> None:
    """Three candidates, an API server that fails and loses answers by a fixed pattern: watched every 0.1 s."""
    api = MemoryKube()
    candidates = [candidate(api, str(number)) for number in range(3)]

    async def compete(leadership: lease.Leadership) -> None:
        while True:
            await leadership.wait_until_leading()
            with suppress(lease.LeaseLostError):
                await leadership.hold()

    tasks = [asyncio.create_task(compete(candidate)) for candidate in candidates]
    leaders: set[str] = set()
    for tick in range(6000):
        await asyncio.sleep(0.1)
        if tick % 250 == 0:
            api.failing = [DOWN] * ((tick // 250 * 7) % 40)
        api.answer_lost = api.answer_lost or tick % 130 == 0
        leads = [candidate.holder for candidate in candidates if candidate.time_left() > 0]
        assert len(leads) <= 1
        leaders.update(leads)
    assert leaders
    for task in tasks:
        task.cancel()


async def test_the_budgets_uid_survives_renewals_and_take_over() -> None:
    api = MemoryKube()
    first, holding = await leading(api)
    assert first.budget_uid() is None
    await first.remember_budget("b-1")
    await asyncio.sleep(60)
    await ended(holding)
    await first.release()
    second, holding = await leading(api, "two")
    await asyncio.sleep(60)
    assert second.budget_uid() == "b-1"
    assert first.budget_uid() == "b-1"
    await ended(holding)


async def test_only_the_leader_may_write_the_budgets_uid() -> None:
    api = MemoryKube()
    with pytest.raises(lease.LeaseLostError):
        await candidate(api, "one").remember_budget("b-1")
    assert api.objects == {}


async def test_a_release_after_a_renewal_with_a_lost_answer_still_frees_it() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    await ended(holding)
    api.version += 1
    api.objects[KEY]["metadata"]["resourceVersion"] = "77"
    await leadership.release()
    assert api.objects[KEY]["spec"]["holderIdentity"] == ""


async def test_a_release_does_not_free_the_lease_of_another() -> None:
    api = MemoryKube()
    leadership, holding = await leading(api)
    await ended(holding)
    api.objects[KEY] = {"metadata": {"resourceVersion": "999"}, "spec": {"holderIdentity": "other"}}
    await leadership.release()
    assert api.objects[KEY]["spec"]["holderIdentity"] == "other"
