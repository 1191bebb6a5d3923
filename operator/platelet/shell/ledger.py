"""The one writer of the ActionBudget: reservations and outcomes, batched into one resourceVersion-checked write."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.api import budget as contract
from platelet.core import reservation
from platelet.model.budget import Budget, BudgetStatus, Entry
from platelet.model.effects import Reserve, Settle
from platelet.model.verdict import Deny
from platelet.shell.clock import Clock
from platelet.shell.kube import BUDGETS, ApiError, Conflict, Json, Kube, Unanswered

_TRIES = 5
Change = Callable[[Budget, datetime], BudgetStatus | Deny]


@dataclass(frozen=True, slots=True)
class _Request:
    change: Change
    answer: asyncio.Future[BudgetStatus | Deny]


class Ledger:
    """Reads and writes the ActionBudget. Missing, unreadable or malformed is None, which means full."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        namespace: str,
        name: str = "platelet",
        *,
        on_use: Callable[[int | None, int], None] = lambda _used, _free: None,
    ) -> None:
        """The budget is the object `name` in the operator's `namespace`.

        `on_use` hears how much of it counts now (None: it cannot be read), and how many actions have room.
        """
        self._on_use = on_use
        self._kube = kube
        self._clock = clock
        self._namespace = namespace
        self._name = name
        self._requests: list[_Request] = []
        self._writing = asyncio.Lock()

    async def read(self) -> Budget | None:
        """The budget now; None when it cannot be known."""
        try:
            return (await self._get())[0]
        except (ApiError, ValueError):
            self._on_use(None, 0)
            return None

    async def is_leaving(self) -> bool | None:
        """Whether people are about to remove platelet; None when it cannot be known: it may be half removed."""
        budget = await self.read()
        return None if budget is None else budget.leaving(self._clock.now()) is not None

    async def reserve(self, effect: Reserve) -> bool:
        """Whether the place was granted. Why not is seen by the guards at the next look."""
        answer = await self._submit(
            lambda budget, now: reservation.reserve(budget, effect.entry, effect.situation, now)
        )
        return not isinstance(answer, Deny)

    async def settle(self, effect: Settle) -> bool:
        """Record an outcome. False when another leader has taken over."""
        epoch_free = await self._submit(lambda budget, _now: reservation.settle(budget.status, effect))
        return not isinstance(epoch_free, Deny)

    async def take_over(
        self,
        holder: str,
        known_uid: str | None,
        longest: timedelta,
        live: Collection[str],
        owed: Collection[Entry] = (),
    ) -> tuple[int, str]:
        """Write our epoch before the first decision. Returns the epoch and the budget's uid."""
        uid = ""

        def change(budget: Budget, now: datetime) -> BudgetStatus:
            nonlocal uid
            uid = budget.uid
            return reservation.take_over(
                budget, holder=holder, known_uid=known_uid, longest=longest, live=live, now=now, owed=owed
            )

        status = await self._submit(change)
        if isinstance(status, Deny):
            raise Conflict(409, status.reason, status.message)
        return status.epoch, uid

    async def abandon(self, epoch: int, attempts: Collection[str]) -> None:
        """End these reservations, so that their slots can free one day. Nothing is refunded."""

        def change(budget: Budget, now: datetime) -> BudgetStatus:
            if budget.status.epoch != epoch:
                return budget.status
            entries = (reservation.end(each, now) if each.id in attempts else each for each in budget.status.entries)
            return replace(budget.status, entries=reservation.forget(entries, now))

        if attempts:
            await self._submit(change)

    async def _submit(self, change: Change) -> BudgetStatus | Deny:
        request = _Request(change, asyncio.get_running_loop().create_future())
        self._requests.append(request)
        try:
            async with self._writing:
                if not request.answer.done():
                    batch, self._requests = self._requests, []
                    await self._write(batch)
        finally:
            if request in self._requests:  # cancelled before its turn: nobody waits for the answer any more
                self._requests.remove(request)
        return request.answer.result()

    async def _write(self, batch: list[_Request]) -> None:
        for remaining in reversed(range(_TRIES)):
            try:
                answers = await self._write_once(batch)
            except Conflict as error:
                if not remaining:
                    return _fail(batch, error)
            except (ApiError, ValueError) as error:
                return _fail(batch, error)
            except asyncio.CancelledError:
                _fail(batch, Unanswered(0, "Cancelled", "the writer was stopped"))
                raise
            else:
                for request, answer in zip(batch, answers, strict=True):
                    request.answer.set_result(answer)
                return None
        return None

    async def _write_once(self, batch: list[_Request]) -> list[BudgetStatus | Deny]:
        budget, stored = await self._get()
        now = self._clock.now()
        answers: list[BudgetStatus | Deny] = []
        changed = budget
        for request in batch:
            answer = request.change(changed, now)
            answers.append(answer)
            if not isinstance(answer, Deny):
                changed = replace(changed, status=answer)
        if changed.status != budget.status:
            await self._put(stored, changed, now)
        return answers

    async def _get(self) -> tuple[Budget, Json]:
        stored = await self._kube.get(BUDGETS, self._namespace, self._name)
        budget = contract.read_budget(stored)
        times = [moment for each in budget.status.entries for moment in (each.reserved_at, each.outcome_at) if moment]
        if times:
            self._clock.raise_to(max(times))
        now = self._clock.now()
        self._on_use(reservation.use(budget.spec, budget.status.entries, now), reservation.free(budget, now))
        return budget, stored

    async def _put(self, stored: Json, budget: Budget, now: datetime) -> None:
        used = reservation.describe_use(budget.spec, budget.status.entries, now)
        body = {**stored, "status": contract.write_budget_status(replace(budget.status, used=used))}
        await self._kube.replace(BUDGETS, self._namespace, self._name, body, subresource="status")


def _fail(batch: list[_Request], error: Exception) -> None:
    for request in batch:
        if not request.answer.done():
            request.answer.set_exception(error)
