"""Taking over: our epoch is on the ActionBudget before the first decision, and again when the budget was replaced."""

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from platelet.core import obligations, reservation
from platelet.model.policy import Limits
from platelet.shell.kube import Reads
from platelet.shell.store.budget import BudgetWriter
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.remediations import StoredRemediations, list_remediations

log = structlog.get_logger("platelet.succession")


class BudgetMemory(Protocol):
    """What the Lease remembers of the budget."""

    @property
    def holder(self) -> str:
        """Who we are."""

    def budget_uid(self) -> str | None:
        """The uid that the leaders of this cluster have used; None where there never was one."""

    async def remember_budget(self, uid: str) -> None:
        """Remember another one."""

    @property
    def left_at(self) -> datetime | None:
        """When the leader before us was last there, by its own clock; None where there was none."""

    def trust_time(self) -> None:
        """From now on our own time may stand on the Lease."""


class Succession:
    """Knows the epoch under which this process leads; 0 while there is none, and then nothing is reserved."""

    def __init__(self, kube: Reads, budget_writer: BudgetWriter, lease: BudgetMemory, book: PolicyBook) -> None:
        """`lease` remembers which budget this cluster's leaders have used."""
        self._kube = kube
        self._budget_writer = budget_writer
        self._lease = lease
        self._book = book
        self.epoch = 0

    def forget(self) -> None:
        """We lead no more."""
        self.epoch = 0

    async def ensure(self, *, fresh: bool = True) -> None:
        """Write our epoch if the budget does not carry it: at take-over, and when people have replaced the budget.

        A budget that is missing is looked for again at the next call: until then nothing acts. Unless `fresh`, what is
        known of it is believed. Raises ApiError, and ClockNotReadyError while the API server's time is in doubt.
        """
        budget = await self._budget_writer.reader.read(fresh=fresh)
        if budget is None:
            log.warning("no readable ActionBudget: nothing acts")
            self._lease.trust_time()
            return
        known_uid = self._lease.budget_uid()
        if self.epoch > 0 and budget.uid == known_uid and budget.status.epoch >= self.epoch:
            return  # ours, or a successor's: then the lease is about to say so
        limits = [resolved.policy.limits for resolved in self._book.resolved_policies]
        longest = reservation.longest_window(budget.spec, [window for limit in limits for window in windows(limit)])
        remediations = await (await list_remediations(self._kube)).read_all()
        owed = obligations.owed(remediations.readable)
        if reservation.has_lost_history(budget, known_uid) and owed:
            log.warning("the ActionBudget has lost its history: what is owed is on it again", attempts=len(owed))
        left_at = self._lease.left_at if self.epoch == 0 else None
        self.epoch, uid = await self._budget_writer.take_over(
            self._lease.holder, known_uid, longest, _live_attempts(remediations), owed, left_at=left_at
        )
        self._lease.trust_time()
        if uid != known_uid:
            await self._lease.remember_budget(uid)
        log.info("leading", epoch=self.epoch)


def _live_attempts(remediations: StoredRemediations) -> set[str]:
    """All attempts on record: one that is Done on its Remediation may still have to be settled on the budget."""
    known = {attempt.id for remediation in remediations.readable for attempt in remediation.status.attempts}
    return known.union(*(spoilt.attempts for spoilt in remediations.unreadable))


def windows(limits: Limits) -> list[timedelta]:
    """All windows that one policy's limits look back on."""
    rates = [limits.rate.per] + ([limits.per_policy.per] if limits.per_policy else [])
    return [limits.cooldown, *rates]
