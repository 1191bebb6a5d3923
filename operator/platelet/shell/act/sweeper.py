"""What must be looked at although nothing happened: the budget's loose ends, orphaned reverts, old records."""

from collections.abc import Iterable, Iterator, Sequence

import structlog

from platelet.model import windows
from platelet.model.budget import Budget, Entry
from platelet.model.effects import Settle
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.remediation import Remediation
from platelet.model.workload import WorkloadRef
from platelet.shell.act.inventory import Inventory
from platelet.shell.act.retention import Retention
from platelet.shell.act.succession import Succession
from platelet.shell.kube import ApiError, Kube
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.namespaces import is_ending
from platelet.shell.store.budget import BudgetWriter
from platelet.shell.store.opener import Opener
from platelet.shell.store.remediations import Unreadable

log = structlog.get_logger("platelet.sweeper")


class Sweeper:
    """Runs at take-over and at every resync."""

    def __init__(  # noqa: PLR0913 - its sources
        self,
        kube: Kube,
        clock: Clock,
        budget_writer: BudgetWriter,
        opener: Opener,
        succession: Succession,
        inventory: Inventory,
        *,
        home: str = OPERATOR_NAMESPACE,
    ) -> None:
        """`succession` puts our epoch on a budget that was replaced; `home` is the operator's own namespace."""
        self._inventory = inventory
        self._index = inventory.index
        self._retention = Retention(kube, clock, home)
        self._kube = kube
        self._clock = clock
        self._budget_writer = budget_writer
        self._opener = opener
        self._succession = succession
        self._budget_seen: tuple[str, int] | None = None
        self.unreadable = 0  # Remediations that are not closed, as far as is known, and could not be read

    async def sweep(self) -> list[Remediation]:
        """Finish what was left unfinished. Returns the Remediations of which something is left to be done or told.

        Raises ApiError when something cannot be read.
        """
        await self._succession.ensure()
        # First: what is reserved after it may belong to a newer Remediation.
        budget = await self._budget_writer.reader.read()
        await self._inventory.refresh()
        unfinished = await self._index.unfinished()
        if budget is not None:
            if self._has_loose_ends(budget, unfinished):  # nobody's place is given away on what was remembered
                await self._inventory.list_all()
                unfinished = await self._index.unfinished()
            # Also where there is nothing to abandon: it puts the budget's times right.
            await self._budget_writer.abandon(self._succession.epoch, self._abandoned(budget))
            for entry in _orphans(budget, unfinished):
                await self._adopt(entry)
        await self._retention.apply(self._index, budget)
        readable = [remediation for remediation in unfinished if isinstance(remediation, Remediation)]
        self.unreadable = len(unfinished) - len(readable)
        for spoilt in unfinished:
            if isinstance(spoilt, Unreadable):
                log.warning("a Remediation is unreadable", namespace=spoilt.namespace, name=spoilt.name, why=spoilt.why)
        return readable

    def _has_loose_ends(self, budget: Budget, unfinished: Sequence[Remediation | Unreadable]) -> bool:
        return bool(self._abandoned(budget)) or any(_orphans(budget, unfinished))

    def _abandoned(self, budget: Budget) -> frozenset[str]:
        """The reservations whose Remediation is gone and whose end is not on record."""
        return frozenset(
            entry.id
            for entry in budget.status.entries
            if not self._index.holds(windows.remediation_of(entry)) and _is_loose(entry)
        )

    async def budget_was_edited(self) -> bool:
        """Whether people have replaced the budget or edited its spec since this was last asked, as far as is known."""
        await self._succession.ensure(fresh=False)
        budget = await self._budget_writer.reader.read(fresh=False)
        seen = (budget.uid, budget.generation) if budget else None
        edited, self._budget_seen = seen != self._budget_seen, seen
        return edited

    async def _adopt(self, entry: Entry) -> None:
        try:
            await self._opener.adopt(entry.target, entry.id, entry.policy)
        except ApiError as error:
            if await self._is_surely_ending(entry.target.namespace):  # and so does the change
                log.warning("a temporary change is not reverted", attempt=entry.id, why=str(error))
                await self._budget_writer.settle(Settle(attempt=entry.id, at=self._clock.now(), reverted=True))
            else:  # a quota or an admission webhook, maybe, which people will mend
                log.warning("a revert is adopted later", attempt=entry.id, why=str(error))

    async def _is_surely_ending(self, namespace: str) -> bool:
        try:
            return await is_ending(self._kube, namespace)
        except ApiError:
            return False


def _is_loose(entry: Entry) -> bool:
    return entry.outcome_at is None or entry.settled_at is None


def _orphans(budget: Budget, unfinished: Iterable[Remediation | Unreadable]) -> Iterator[Entry]:
    """One owed temporary change of each target that no Remediation takes care of."""
    covered = _covered(unfinished)
    for entry in budget.status.entries:
        if _is_owed(entry) and entry.target not in covered:
            covered.add(entry.target)
            yield entry


def _is_owed(entry: Entry) -> bool:
    return entry.revert is not None and not entry.revert.done and entry.outcome in ("Done", "Unknown")


def _covered(remediations: Iterable[Remediation | Unreadable]) -> set[WorkloadRef]:
    """The targets that an open Remediation takes care of, or may."""
    return {
        remediation.target
        for remediation in remediations
        if remediation.target is not None and (isinstance(remediation, Unreadable) or _is_open(remediation))
    }


def _is_open(remediation: Remediation) -> bool:
    return remediation.status.state != "Closed" and remediation.spec.mode != "Observe"
