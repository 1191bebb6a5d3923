"""The one writer of the ActionBudget: reservations and outcomes, batched into one resourceVersion-checked write."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.api import budget as contract
from platelet.core import reservation
from platelet.model.budget import Budget, BudgetStatus, Entry
from platelet.model.durations import say_time
from platelet.model.effects import Reserve, Settle
from platelet.model.verdict import Deny
from platelet.shell.clock import Clock, ClockNotReadyError
from platelet.shell.kube import BUDGETS, ApiError, Conflict, Json, Kube, Refused, Unanswered

_TRIES = 5
_STEP = timedelta(minutes=1)
_DOUBTED = timedelta(minutes=10)
_ASKED_AGAIN = 60.0  # seconds: a clock that is new takes the earliest time that it hears in its first minute
Change = Callable[[Budget, datetime], BudgetStatus | Deny]


@dataclass(frozen=True, slots=True)
class _Request:
    change: Change
    answer: asyncio.Future[BudgetStatus | Deny]


class Ledger:
    """Reads and writes the ActionBudget. Missing, unreadable or malformed is None, which means full."""

    def __init__(  # noqa: PLR0913 - its sources, and who hears
        self,
        kube: Kube,
        clock: Clock,
        namespace: str,
        name: str = "platelet",
        *,
        on_use: Callable[[int | None, int], None] = lambda _used, _free: None,
        boot: Callable[[], float] | None = None,
    ) -> None:
        """The budget is the object `name` in the operator's `namespace`.

        `on_use` hears how much of it counts now (None: it cannot be read), and how many actions have room. By `boot`,
        the machine's boot clock in seconds, a step of the API server's time is told from time that has passed.
        """
        self._boot = boot
        self._looked_at: tuple[datetime, float] | None = None
        self._stepped = timedelta()  # forward, by the API server's time, and not yet made up for on the budget
        self._epoch = 0  # ours: while the budget carries it, its times are by our clock
        self._doubted_at: float | None = None
        self._amends = False  # what is stored is not what counts
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

    async def take_over(  # noqa: PLR0913 - a take-over has these parts
        self,
        holder: str,
        known_uid: str | None,
        longest: timedelta,
        live: Collection[str],
        owed: Collection[Entry] = (),
        *,
        left_at: datetime | None = None,
    ) -> tuple[int, str]:
        """Write our epoch before the first decision. Returns the epoch and the budget's uid.

        `left_at` is when the leader before us was last there, by its own clock. Where that seems long ago, one API
        server may be wrong about the time: ClockNotReadyError until nothing earlier was heard for a minute.
        """
        self._doubt(left_at)
        self._epoch = 0
        uid = ""

        def change(budget: Budget, now: datetime) -> BudgetStatus:
            nonlocal uid
            uid = budget.uid
            return reservation.take_over(
                budget,
                holder=holder,
                known_uid=known_uid,
                longest=longest,
                live=live,
                now=now,
                owed=owed,
                left_at=left_at,
            )

        status = await self._submit(change)
        if isinstance(status, Deny):
            raise Conflict(409, status.reason, status.message)
        self._epoch, self._doubted_at = status.epoch, None
        return status.epoch, uid

    async def abandon(self, epoch: int, attempts: Collection[str]) -> None:
        """End these reservations, so that their slots can free one day. Nothing is refunded.

        Times that cannot be are put right on the way.
        """

        def change(budget: Budget, now: datetime) -> BudgetStatus:
            if budget.status.epoch != epoch:
                return budget.status
            entries = (reservation.end(each, now) if each.id in attempts else each for each in budget.status.entries)
            return replace(budget.status, entries=reservation.forget(entries, now))

        if attempts or self._amends:
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
            except Refused as error:
                return await self._write_each(batch, error)
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

    async def _write_each(self, batch: list[_Request], error: Refused) -> None:
        """One change that the API server does not take holds up no other."""
        if len(batch) == 1:
            return _fail(batch, error)
        for request in batch:
            await self._write([request])
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
        if changed.status != budget.status or self._amends:
            await self._put(stored, changed, now)
            self._stepped, self._amends = timedelta(), False
        return answers

    async def _get(self) -> tuple[Budget, Json]:
        stored = await self._kube.get(BUDGETS, self._namespace, self._name)
        budget = contract.read_budget(stored)
        newest = reservation.newest_time(budget.status)
        if newest is not None:
            self._clock.raise_to(newest)
        now = self._clock.now()
        self._notice_step(now)
        status = budget.status
        if status.epoch == self._epoch:
            status = reservation.without_future(reservation.rebase(status, self._stepped), now)
        self._amends = status != budget.status
        budget = replace(budget, status=status)
        self._on_use(reservation.use(budget.spec, budget.status.entries, now), reservation.free(budget, now))
        return budget, stored

    def _doubt(self, left_at: datetime | None) -> None:
        now = self._clock.now()
        if self._boot is None or left_at is None or now - left_at <= _DOUBTED:
            self._doubted_at = None
            return
        boot = self._boot()
        self._doubted_at = boot if self._doubted_at is None else self._doubted_at
        if boot - self._doubted_at < _ASKED_AGAIN:
            raise ClockNotReadyError(
                f"no replica has led since {say_time(left_at)} by the API server's clock: "
                "it is asked again for a minute, to make sure that it is right, and nothing acts until then"
            )

    def _notice_step(self, now: datetime) -> None:
        """Limits count what has passed, so a step of the API server's time moves what they look back on."""
        if self._boot is None:
            return
        boot = self._boot()
        if self._looked_at is not None:
            step = (now - self._looked_at[0]) - timedelta(seconds=max(0.0, boot - self._looked_at[1]))
            self._stepped += step if step > _STEP else timedelta()
        self._looked_at = now, boot

    async def _put(self, stored: Json, budget: Budget, now: datetime) -> None:
        used = reservation.describe_use(budget.spec, budget.status.entries, now)
        body = {**stored, "status": contract.write_budget_status(replace(budget.status, used=used))}
        if body["status"] == stored.get("status"):
            return
        answer = await self._kube.replace(BUDGETS, self._namespace, self._name, body, subresource="status")
        if answer["metadata"]["resourceVersion"] == budget.resource_version:
            raise Refused(200, "NotStored", "the API server took the budget's status and changed it back")


def _fail(batch: list[_Request], error: Exception) -> None:
    for request in batch:
        if not request.answer.done():
            request.answer.set_exception(error)
