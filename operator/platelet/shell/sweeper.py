"""What must be looked at although nothing happened: the budget's loose ends, orphaned take-backs, old records."""

from collections.abc import Collection

import structlog

from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.model import windows
from platelet.model.budget import Budget, Entry
from platelet.model.effects import Settle
from platelet.model.remediation import Remediation
from platelet.shell.clock import Clock
from platelet.shell.kube import ApiError, Kube
from platelet.shell.ledger import Ledger
from platelet.shell.namespaces import is_ending
from platelet.shell.opener import Opener
from platelet.shell.retention import Retention
from platelet.shell.succession import Succession
from platelet.shell.survey import Survey, survey

log = structlog.get_logger("platelet.sweeper")


class Sweeper:
    """Runs at take-over and at every resync."""

    def __init__(  # noqa: PLR0913 - its sources
        self,
        kube: Kube,
        clock: Clock,
        ledger: Ledger,
        opener: Opener,
        succession: Succession,
        *,
        home: str = OPERATOR_NAMESPACE,
    ) -> None:
        """`succession` puts our epoch on a budget that was replaced; `home` is the operator's own namespace."""
        self._retention = Retention(kube, clock, home)
        self._kube = kube
        self._clock = clock
        self._ledger = ledger
        self._opener = opener
        self._succession = succession
        self._budget_seen: tuple[str, int] | None = None
        self.unreadable = 0  # Remediations that could not be read in the last sweep

    async def sweep(self) -> list[Remediation]:
        """Bring loose ends to an end. Returns all Remediations that can be read. Raises ApiError when none can be."""
        await self._succession.ensure()
        before = await self._ledger.read()  # first: what is reserved after it may belong to a newer Remediation
        found = await (await survey(self._kube)).read_all()
        self.unreadable, remediations = len(found.unreadable), found.readable
        for each in found.unreadable:
            log.warning("a Remediation is unreadable", namespace=each.namespace, name=each.name, why=each.why)
        if before is not None:
            existing = {each.uid for each in remediations} | {each.uid for each in found.unreadable}
            await self._ledger.abandon(self._succession.epoch, _abandoned(before, existing))
            await self._adopt_take_backs(before, found)
        await self._retention.apply(remediations, before)
        return remediations

    async def budget_was_edited(self) -> bool:
        """Whether people have replaced the budget or edited its spec since this was last asked."""
        await self._succession.ensure()
        budget = await self._ledger.read()
        seen = (budget.uid, budget.generation) if budget else None
        edited, self._budget_seen = seen != self._budget_seen, seen
        return edited

    async def _adopt_take_backs(self, budget: Budget, found: Survey) -> None:
        """A temporary change whose Remediation is gone is taken back by one opened for that."""
        covered = {each.target for each in found.readable if _is_open(each)}
        covered |= {each.target for each in found.unreadable if each.target is not None}
        for entry in budget.status.entries:
            if _is_orphan(entry) and entry.target not in covered:
                covered.add(entry.target)
                await self._adopt(entry)

    async def _adopt(self, entry: Entry) -> None:
        try:
            await self._opener.adopt(entry.target, entry.id, entry.policy)
        except ApiError as error:
            if await self._is_surely_ending(entry.target.namespace):  # and so does the change
                log.warning("a temporary change is not taken back", attempt=entry.id, why=str(error))
                await self._ledger.settle(Settle(attempt=entry.id, at=self._clock.now(), taken_back=True))
            else:  # a quota or an admission webhook, maybe, which people will mend
                log.warning("a take-back is adopted later", attempt=entry.id, why=str(error))

    async def _is_surely_ending(self, namespace: str) -> bool:
        try:
            return await is_ending(self._kube, namespace)
        except ApiError:
            return False


def _abandoned(budget: Budget, existing: Collection[str]) -> frozenset[str]:
    """The reservations whose Remediation is gone and whose end is not on record."""
    return frozenset(
        each.id
        for each in budget.status.entries
        if windows.remediation_of(each) not in existing and (each.outcome_at is None or each.settled_at is None)
    )


def _is_orphan(entry: Entry) -> bool:
    return entry.take_back is not None and not entry.take_back.done and entry.outcome in ("Done", "Unknown")


def _is_open(remediation: Remediation) -> bool:
    return remediation.status.state != "Closed" and remediation.spec.mode != "Observe"
