"""What must be looked at although nothing happened: the budget's loose ends, orphaned take-backs, old records."""

from collections import defaultdict
from collections.abc import Sequence

import structlog

from platelet.model.budget import Entry
from platelet.model.durations import format_time
from platelet.model.remediation import Remediation
from platelet.model.workload import WorkloadRef
from platelet.shell.gathering import read_remediations, target_of
from platelet.shell.kube import REMEDIATIONS, ApiError, Kube
from platelet.shell.ledger import Ledger
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook
from platelet.shell.succession import Succession

KEPT_PER_TARGET = 10  # closed Remediations; deleting them frees nothing on the budget

log = structlog.get_logger("platelet.sweeper")


class Sweeper:
    """Runs at take-over and at every resync."""

    def __init__(self, kube: Kube, ledger: Ledger, book: PolicyBook, opener: Opener, succession: Succession) -> None:
        """`succession` puts our epoch on a budget that was replaced."""
        self._kube = kube
        self._ledger = ledger
        self._book = book
        self._opener = opener
        self._succession = succession

    async def sweep(self) -> list[Remediation]:
        """Bring loose ends to an end. Returns all Remediations as read. Raises ApiError when they cannot be."""
        remediations = await read_remediations(self._kube)
        await self._succession.ensure()
        await self._ledger.sweep(self._succession.epoch, {each.uid for each in remediations})
        await self._adopt_take_backs(remediations)
        await self._prune(remediations)
        return remediations

    async def _adopt_take_backs(self, remediations: Sequence[Remediation]) -> None:
        """A temporary change whose Remediation is gone is taken back by one opened for that."""
        budget = await self._ledger.read()
        covered = {target_of(each) for each in remediations if _is_open(each)}
        for entry in budget.status.entries if budget else ():
            if _is_orphan(entry) and entry.target not in covered:
                await self._adopt(entry)
                covered.add(entry.target)

    async def _adopt(self, entry: Entry) -> None:
        standing = next((each for each in self._book.standings if each.policy.key == entry.policy), None)
        if standing is None:
            log.warning("a temporary change cannot be taken back: its policy is gone", attempt=entry.id)
            return
        await self._opener.open_take_back(entry.target, entry.id, standing)

    async def _prune(self, remediations: Sequence[Remediation]) -> None:
        closed: dict[tuple[WorkloadRef, str], list[Remediation]] = defaultdict(list)
        for each in remediations:
            if each.status.state == "Closed":
                closed[target_of(each), each.spec.mode].append(each)
        for group in closed.values():
            group.sort(key=_age_order, reverse=True)
            for old in group[KEPT_PER_TARGET:]:
                try:
                    await self._kube.delete(REMEDIATIONS, old.namespace, old.name, uid=old.uid)
                except ApiError as error:
                    log.info("an old Remediation was not deleted", name=old.name, error=str(error))


def _age_order(remediation: Remediation) -> str:
    return format_time(remediation.status.closed_at) if remediation.status.closed_at else ""


def _is_orphan(entry: Entry) -> bool:
    return entry.take_back is not None and not entry.take_back.done and entry.outcome in ("Done", "Unknown")


def _is_open(remediation: Remediation) -> bool:
    return remediation.status.state != "Closed" and remediation.spec.mode != "Observe"
