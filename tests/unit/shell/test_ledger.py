"""The one writer of the ActionBudget: batched, checked by resourceVersion, and closed when it cannot be known."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from platelet.core import reservation
from platelet.model.budget import ROOM_FOR_ACTS, BudgetSpec, PendingRevert
from platelet.model.effects import Reserve, Settle
from platelet.model.policy import Rate
from platelet.replay import admission, schemas
from platelet.shell import kube
from platelet.shell.kube.clock import ClockNotReadyError
from platelet.shell.store.budget import BudgetWriter
from platelet.shell.store.budget_reader import BudgetReader
from tests.scenarios.model_api import ModelApi
from tests.scenarios.world import OPERATOR
from tests.unit.pins import scaled
from tests.unit.shell.in_memory import API, MINUTE, Shell
from tests.unit.situations import a_policy, a_remediation, a_situation, an_entry, limits, minutes

ONE = {"limits": [{"maxActions": 1, "per": "1h"}]}


def a_reservation(number: int = 1, *, epoch: int = 1) -> Reserve:
    policy = a_policy(name=f"p{number}", limits=limits(cooldown=minutes(0)))
    entry = an_entry(
        id=f"rem-{number}/0/1",
        target=replace(API, name=f"api-{number}"),
        policy=policy.key,
        epoch=epoch,
        outcome=None,
        outcome_at=None,
        settled_at=None,
    )
    situation = a_situation(remediation=a_remediation(uid=f"rem-{number}"), policy=policy, epoch=epoch, budget=None)
    return Reserve(entry=entry, situation=situation)


def a_shell(spec: dict[str, Any] | None = None) -> Shell:
    shell = Shell()
    shell.world.store.patch(kube.BUDGETS, OPERATOR, "platelet", {"spec": spec or {}})
    shell.set_budget()
    return shell


class Distant(ModelApi):
    """An API server that lets others run while it is asked, as a network does."""

    async def get(self, resource: kube.Resource, namespace: str, name: str) -> kube.Json:
        """Read, and the answer takes a while."""
        stored = await super().get(resource, namespace, name)
        await asyncio.sleep(0)
        return stored


def a_writer(api: kube.Kube, shell: Shell, boot: Any = None, **more: Any) -> BudgetWriter:
    """A writer with a reader of its own."""
    return BudgetWriter(api, shell.clock, BudgetReader(api, shell.clock, OPERATOR, boot=boot, **more), boot)


def a_ledger(shell: Shell) -> BudgetWriter:
    """Of one process."""
    return a_writer(Distant(shell.world.server), shell)


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_two_at_once_one_gets_the_last_place(processes: int) -> None:
    """Batched into one write, or racing in two processes."""
    shell = a_shell(ONE)
    ledgers = [a_ledger(shell) for _ in range(processes)]
    asked = [ledgers[0].reserve(a_reservation(1)), ledgers[-1].reserve(a_reservation(2))]
    assert sorted(await asyncio.gather(*asked)) == [False, True]
    assert len(shell.budget().status.entries) == 1


async def test_many_at_once_are_few_writes() -> None:
    shell = a_shell({"limits": [{"maxActions": 50, "per": "1h"}]})
    budget_writer = a_ledger(shell)
    assert all(await asyncio.gather(*(budget_writer.reserve(a_reservation(number)) for number in range(1, 21))))
    assert len(shell.world.server.writes(kube.BUDGETS)) <= 2
    assert shell.budget().status.used == "20/50 per 1h"


async def test_the_same_id_twice_is_one_place() -> None:
    """After a lost answer."""
    shell = a_shell(ONE)
    shell.world.server.faults.at[shell.world.server.index + 1] = "answer lost"
    with pytest.raises(kube.Unanswered):
        await shell.budget_writer.reserve(a_reservation())
    assert await shell.budget_writer.reserve(a_reservation())
    assert [entry.id for entry in shell.budget().status.entries] == ["rem-1/0/1"]


@pytest.mark.parametrize("epoch", [0, 2], ids=["a deposed leader", "a leader that has not written its epoch"])
async def test_only_the_leader_whose_epoch_is_on_the_budget_reserves(epoch: int) -> None:
    shell = a_shell()
    assert not await shell.budget_writer.reserve(a_reservation(epoch=epoch))
    assert not shell.budget().status.entries


async def test_a_conflict_is_looked_at_again() -> None:
    shell = a_shell()
    shell.world.server.faults.at[shell.world.server.index + 1] = "conflict"
    assert await shell.budget_writer.reserve(a_reservation())


async def test_conflicts_without_end_are_given_up() -> None:
    shell = a_shell()
    first = shell.world.server.index
    shell.world.server.faults.at.update({first + 1 + 2 * number: "conflict" for number in range(9)})
    with pytest.raises(kube.Conflict):
        await shell.budget_writer.reserve(a_reservation())
    assert not shell.budget().status.entries


UNREADABLE = {
    "it does not exist": None,
    "its limits are no limits": {"limits": [{"maxActions": "many", "per": "1h"}]},
    "its window is longer than the memory": {"limits": [{"maxActions": 1, "per": "48h"}]},
}


@pytest.mark.parametrize("spec", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_budget_that_cannot_be_known_is_full(spec: dict[str, Any] | None) -> None:
    """I10."""
    shell = a_shell()
    if spec is None:
        shell.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    else:
        shell.world.store.patch(kube.BUDGETS, OPERATOR, "platelet", {"spec": spec})
    assert await shell.budget_reader.read() is None
    with pytest.raises((kube.NotFound, ValueError)):
        await shell.budget_writer.reserve(a_reservation())


async def test_a_suspension_between_decision_and_reservation_holds() -> None:
    """I20: since it lives on the object that every attempt reserves on."""
    shell = a_shell({"suspended": {"reason": "freeze"}})
    assert not await shell.budget_writer.reserve(a_reservation())


async def test_time_never_runs_behind_the_budget() -> None:
    shell = a_shell()
    ahead = shell.clock.now() + MINUTE / 2
    shell.set_budget(an_entry(reserved_at=ahead, outcome_at=ahead, settled_at=ahead))
    await shell.budget_reader.read()
    assert shell.clock.now() >= ahead


async def test_an_outcome_is_recorded_once() -> None:
    shell = a_shell()
    await shell.budget_writer.reserve(a_reservation())
    now = shell.clock.now()
    await shell.budget_writer.settle(Settle(attempt="rem-1/0/1", outcome="Done", at=now))
    await shell.budget_writer.settle(Settle(attempt="rem-1/0/1", outcome="Refused", at=now + MINUTE, refunded=True))
    (entry,) = shell.budget().status.entries
    assert (entry.outcome, entry.outcome_at, entry.refunded) == ("Done", now, False)


async def test_a_new_leader_writes_its_epoch_and_ends_what_was_never_intended() -> None:
    shell = a_shell()
    await asyncio.gather(*(shell.budget_writer.reserve(a_reservation(number)) for number in (1, 2)))
    epoch, uid = await shell.budget_writer.take_over("me", shell.budget().uid, minutes(60), {"rem-1/0/1"})
    status = shell.budget().status
    assert (epoch, status.epoch, status.holder, uid) == (2, 2, "me", shell.budget().uid)
    assert {entry.id: (entry.outcome, entry.refunded) for entry in status.entries} == {
        "rem-1/0/1": (None, False),
        "rem-2/0/1": ("Abandoned", False),
    }
    assert not await shell.budget_writer.reserve(a_reservation(3))


async def test_what_may_have_been_lent_is_still_to_be_reverted_when_its_remediation_is_gone() -> None:
    """Nobody stored the outcome: the write may have landed before the Remediation was deleted."""
    shell, asked = a_shell(), a_reservation()
    lent = PendingRevert(action="scale", changes=scaled(5, before=2))
    await shell.budget_writer.reserve(replace(asked, entry=replace(asked.entry, revert=lent)))
    epoch, _ = await shell.budget_writer.take_over("me", shell.budget().uid, minutes(60), ())
    assert [entry.outcome for entry in shell.budget().status.entries] == [None]
    await shell.budget_writer.abandon(epoch, {"rem-1/0/1"})
    (entry,) = shell.budget().status.entries
    assert (entry.outcome, entry.revert, entry.refunded) == ("Unknown", lent, False)


async def test_a_budget_that_is_not_the_one_that_leaders_know_is_full() -> None:
    shell = a_shell()
    await shell.budget_writer.take_over("me", "uid-of-the-deleted-one", minutes(60), ())
    assert shell.budget().status.full_until == shell.clock.now() + minutes(60)
    assert not await shell.budget_writer.reserve(a_reservation(epoch=2))
    assert BudgetSpec().limits == (Rate(max_actions=10, per=minutes(60)),)


async def test_limits_go_on_from_where_the_leader_before_left_them_by_its_own_clock() -> None:
    """How long nobody led, nobody has counted: what was a minute ago then is a minute ago now."""
    shell = a_shell(ONE)
    now, left_at = shell.clock.now(), shell.clock.now() - 120 * MINUTE
    at = left_at - MINUTE
    shell.set_budget(an_entry(reserved_at=at, outcome_at=at, settled_at=at))
    await shell.budget_writer.take_over("me", shell.budget().uid, minutes(60), (), left_at=left_at)
    (entry,) = shell.budget().status.entries
    assert (entry.reserved_at, entry.outcome_at, entry.settled_at) == (now - MINUTE,) * 3
    assert not await shell.budget_writer.reserve(a_reservation(epoch=2))


async def test_a_new_leader_that_finds_it_much_later_asks_for_a_minute() -> None:
    shell = a_shell()
    boot, left_at = [1000.0], shell.clock.now() - 70 * MINUTE
    budget_writer = a_writer(shell.api, shell, boot=lambda: boot[0])
    uid = shell.budget().uid
    for _ in range(3):
        with pytest.raises(ClockNotReadyError, match="asked again"):
            await budget_writer.take_over("me", uid, minutes(60), (), left_at=left_at)
        boot[0] += 29
    assert shell.budget().status.epoch == 1
    assert await budget_writer.take_over("me", uid, minutes(60), (), left_at=left_at) == (2, uid)


async def test_a_step_of_the_servers_time_frees_no_place() -> None:
    """The clock follows a server that leads after half an hour: the boot clock still knows what has passed."""
    shell = a_shell(ONE)
    budget_writer = a_writer(shell.api, shell, boot=shell.clock.seconds)
    epoch, _ = await budget_writer.take_over("me", shell.budget().uid, minutes(60), ())
    assert await budget_writer.reserve(a_reservation(1, epoch=epoch))
    await budget_writer.settle(Settle(attempt="rem-1/0/1", outcome="Done", at=shell.clock.now(), verified=True))
    shell.clock.step(70 * MINUTE)
    assert not await budget_writer.reserve(a_reservation(2, epoch=epoch))
    shell.clock.moment += 59 * MINUTE
    assert not await budget_writer.reserve(a_reservation(2, epoch=epoch))
    shell.clock.moment += 2 * MINUTE
    assert await budget_writer.reserve(a_reservation(2, epoch=epoch))
    first, second = shell.budget().status.entries
    assert second.reserved_at - first.reserved_at == 61 * MINUTE


async def test_times_that_cannot_be_are_put_right_by_the_next_sweep() -> None:
    shell = a_shell(ONE)
    epoch, _ = await shell.budget_writer.take_over("me", shell.budget().uid, minutes(60), ())
    ahead = shell.clock.now() + timedelta(days=400)
    shell.set_budget(an_entry(reserved_at=ahead, outcome_at=ahead, settled_at=ahead), epoch=epoch)
    await shell.budget_reader.read()
    await shell.budget_writer.abandon(epoch, ())
    (entry,) = shell.budget().status.entries
    assert entry.reserved_at == shell.clock.now()
    revision = shell.world.store.revision
    await shell.budget_reader.read()
    await shell.budget_writer.abandon(epoch, ())
    assert shell.world.store.revision == revision
    shell.clock.moment += 61 * MINUTE
    assert await shell.budget_writer.reserve(a_reservation(epoch=epoch))


async def test_a_deposed_leader_ends_no_reservation() -> None:
    """What it sweeps may be in its successor's use."""
    shell = a_shell()
    await shell.budget_writer.reserve(a_reservation())
    await shell.budget_writer.abandon(0, {"rem-1/0/1"})
    assert [entry.outcome for entry in shell.budget().status.entries] == [None]
    await shell.budget_writer.abandon(1, {"rem-1/0/1"})
    assert [entry.outcome for entry in shell.budget().status.entries] == ["Abandoned"]


async def test_how_much_of_the_budget_counts_and_what_is_free_is_told_at_each_read() -> None:
    shell = a_shell()
    uses: list[tuple[int | None, int]] = []
    budget_writer = a_writer(shell.api, shell, on_use=lambda used, free: uses.append((used, free)))
    for number in (1, 2):
        await budget_writer.reserve(a_reservation(number))
    (limit,) = shell.budget().spec.limits
    await budget_writer.reader.read()
    assert uses.pop() == (2, limit.max_actions - 2)
    shell.world.store.delete(kube.BUDGETS, OPERATOR, "platelet")
    assert await budget_writer.reader.read() is None
    assert uses.pop() == (None, 0)


async def test_a_state_of_it_is_read_once_however_often_it_is_asked() -> None:
    """A look asks many times, and it grows with what was done in a day."""
    shell = a_shell()
    first = await shell.budget_reader.read(fresh=False)
    assert await shell.budget_reader.read(fresh=False) is first
    assert await shell.budget_reader.read() is first
    await shell.budget_writer.reserve(a_reservation())
    assert await shell.budget_reader.read(fresh=False) is not first


async def test_an_answer_that_was_overtaken_by_a_write_is_not_what_is_known() -> None:
    """The next write would be a conflict, and asked for anew."""
    shell = a_shell({"limits": [{"maxActions": 50, "per": "1h"}]})
    budget_writer = a_ledger(shell)
    await budget_writer.reader.read()
    await asyncio.gather(budget_writer.reserve(a_reservation(1)), *(budget_writer.reader.read() for _ in range(5)))
    before = len(shell.world.server.audit)
    await budget_writer.reserve(a_reservation(2))
    assert [(call.verb, call.code) for call in shell.world.server.audit[before:]] == [("update", 200)]


async def test_a_budget_whose_history_was_lost_has_nothing_free() -> None:
    shell = a_shell()
    budget = shell.budget()
    assert reservation.free(budget, shell.clock.now()) > 0
    lost = replace(budget, status=replace(budget.status, full_until=shell.clock.now() + MINUTE))
    assert reservation.free(lost, shell.clock.now()) == 0


async def test_a_change_that_the_api_server_does_not_take_holds_up_no_other() -> None:
    """Each of a batch that is refused is written by itself."""
    shell = a_shell({"limits": [{"maxActions": 50, "per": "1h"}]})

    def refuse(review: admission.Review) -> None:
        if any(entry["id"].startswith("rem-2/") for entry in review.new.get("status", {}).get("entries", [])):
            raise kube.Refused(422, "Invalid", "not this one")

    shell.world.store.admissions.append(refuse)
    budget_writer = a_ledger(shell)
    asked = (budget_writer.reserve(a_reservation(number)) for number in (1, 2, 3))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [answers[0], answers[2]] == [True, True]
    assert isinstance(answers[1], kube.Refused)
    assert [entry.id for entry in shell.budget().status.entries] == ["rem-1/0/1", "rem-3/0/1"]


async def test_what_the_api_server_takes_and_changes_back_is_no_place() -> None:
    shell = a_shell()

    def change_back(review: admission.Review) -> None:
        if review.old is not None:
            review.new["status"] = review.old["status"]

    shell.world.store.admissions.append(change_back)
    with pytest.raises(kube.Refused):
        await a_ledger(shell).reserve(a_reservation())


async def test_a_budget_that_is_full_for_acts_takes_reverts_and_forgets_those_that_are_over() -> None:
    shell = a_shell({"limits": [{"maxActions": 1000, "per": "1s"}]})
    shell.world.store.schemas = schemas.schemas()
    now = shell.clock.now()
    spent = {"policy": "shop/p", "target": API, "reserved_at": now, "outcome_at": now, "settled_at": now}
    acts = [an_entry(id=f"old-{number}/0/1", **spent) for number in range(ROOM_FOR_ACTS)]
    backs = [an_entry(id=f"old-{number}/0/1/back", kind="Revert", **spent) for number in range(100)]
    shell.set_budget(*acts, *backs)
    budget_writer = a_ledger(shell)
    assert not await budget_writer.reserve(a_reservation())
    back = a_reservation(7)
    entry = replace(back.entry, id="old-7/0/1/back/2", kind="Revert")
    situation = replace(back.situation, budget=shell.budget())
    assert await budget_writer.reserve(Reserve(entry=entry, situation=situation))
    assert len(shell.budget().status.entries) == ROOM_FOR_ACTS + 1


async def test_a_budget_that_is_full_has_room_again_once_a_sweep_has_forgotten_what_is_over_for_a_day() -> None:
    """No reservation can do that: it is refused for want of room."""
    shell = a_shell({"limits": [{"maxActions": 1000, "per": "1s"}]})
    epoch, _ = await shell.budget_writer.take_over("me", shell.budget().uid, minutes(60), ())
    long_ago = shell.clock.now() - timedelta(hours=25)
    spent = {"target": API, "reserved_at": long_ago, "outcome_at": long_ago, "settled_at": long_ago}
    shell.set_budget(*(an_entry(id=f"old-{n}/0/1", **spent) for n in range(ROOM_FOR_ACTS)), epoch=epoch)
    assert await shell.budget_reader.read() is not None
    assert not await shell.budget_writer.reserve(a_reservation(epoch=epoch))
    await shell.budget_writer.abandon(epoch, ())
    assert await shell.budget_writer.reserve(a_reservation(epoch=epoch))
