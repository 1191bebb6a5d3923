"""The one writer of the ActionBudget: reservations and outcomes, batched into one resourceVersion-checked write."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.api.kinds import budget as contract
from platelet.core import reservation
from platelet.model.budget import Budget, BudgetStatus, Entry
from platelet.model.durations import say_time
from platelet.model.effects import Reserve, Settle
from platelet.model.verdict import Deny
from platelet.shell.kube import BUDGETS, ApiError, Conflict, Json, Kube, Refused, Unanswered
from platelet.shell.kube.clock import Clock, ClockNotReadyError
from platelet.shell.store.budget_reader import BudgetReader

_TRIES = 5
_DOUBTED = timedelta(minutes=10)
_ASKED_AGAIN = 60.0  # seconds: a clock that is new takes the earliest time that it hears in its first minute
Change = Callable[[Budget, datetime], BudgetStatus | Deny]


@dataclass(frozen=True, slots=True)
class _Request:
    change: Change
    answer: asyncio.Future[BudgetStatus | Deny]


class BudgetWriter:
    """Writes the ActionBudget as its reader has it, one write at a time."""

    def __init__(self, kube: Kube, clock: Clock, reader: BudgetReader, boot: Callable[[], float] | None = None) -> None:
        """By `boot`, the machine's boot clock in seconds, it is known how long the time was in doubt at a take-over."""
        self.reader = reader
        self._boot = boot
        self._doubted_at: float | None = None
        self._kube = kube
        self._clock = clock
        self._requests: list[_Request] = []
        self._writing = asyncio.Lock()

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
        self.reader.epoch = 0
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
        self.reader.epoch, self._doubted_at = status.epoch, None
        return status.epoch, uid

    async def abandon(self, epoch: int, attempts: Collection[str]) -> None:
        """End these reservations, so that their slots can free one day. Nothing is refunded.

        On the way times that cannot be are put right, and a budget that is full forgets what counts no more.
        """

        def change(budget: Budget, now: datetime) -> BudgetStatus:
            if budget.status.epoch != epoch:
                return budget.status
            entries = (
                reservation.end(entry, now) if entry.id in attempts else entry for entry in budget.status.entries
            )
            return replace(budget.status, entries=reservation.forget(entries, now))

        if attempts or self.reader.needs_amends or self.reader.is_full:
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
                self.reader.doubt()
                if not remaining:
                    return _fail(batch, error)
            except Refused as error:
                return await self._write_each(batch, error)
            except (ApiError, ValueError) as error:
                self.reader.doubt()
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
        # What was changed since makes it a conflict, and is read then.
        budget, stored = await self.reader.read_stored(fresh=False)
        now = self._clock.now()
        answers: list[BudgetStatus | Deny] = []
        changed = budget
        for request in batch:
            answer = request.change(changed, now)
            answers.append(answer)
            if not isinstance(answer, Deny):
                changed = replace(changed, status=answer)
        if changed.status != budget.status or self.reader.needs_amends:
            self.reader.note_written(await self._put(stored, changed, now))
        return answers

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

    async def _put(self, stored: Json, budget: Budget, now: datetime) -> Json:
        used = reservation.describe_use(budget.spec, budget.status.entries, now)
        body = {**stored, "status": contract.write_budget_status(replace(budget.status, used=used))}
        if body["status"] == stored.get("status"):
            return stored
        metadata = stored["metadata"]
        answer = await self._kube.replace(BUDGETS, metadata["namespace"], metadata["name"], body, subresource="status")
        if answer["metadata"]["resourceVersion"] == budget.resource_version:
            raise Refused(200, "NotStored", "the API server took the budget's status and changed it back")
        return answer


def _fail(batch: list[_Request], error: Exception) -> None:
    for request in batch:
        if not request.answer.done():
            request.answer.set_exception(error)
