"""Brings what alerts say to Remediations, several at once: those of its targets, and those that hold it already."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from weakref import WeakValueDictionary

import structlog

from platelet.core import alert_episodes, record
from platelet.model.alert import fingerprint_of
from platelet.model.remediation import RemediationStatus
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.intake.delivery import Bid, Delivery
from platelet.shell.kube import UNAUTHORIZED, ApiError, Kube, NotFound, Refused
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.namespaces import is_ending
from platelet.shell.store import evidence_edits
from platelet.shell.store.opener import Opener
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.shell.store.remediations import StoredRemediations
from platelet.triggers import alert as alert_trigger

log = structlog.get_logger("platelet.alerts")

_AT_ONCE = 16  # targets: the API server writes what comes together with one sync of its disk
_FEW = 100  # targets that wait to be written: what these take, nobody notices
_GIVES_WAY = 5.0  # seconds, for which what is stored already waits for what is not; a storm must not stop all healing
_TWO_POLLS = timedelta(minutes=2)  # what fires in Alertmanager so long after its end is not a late report of before


class AlertRecords:
    """Writes the bids of deliveries: several targets at once, and in turn what is about one."""

    def __init__(self, kube: Kube, clock: Clock, book: PolicyBook, opener: Opener, index: RemediationIndex) -> None:
        """Take the policies, by which a bid is opened, who opens, and what there is already."""
        self._kube = kube
        self._index = index
        self._clock = clock
        self._book = book
        self._opener = opener
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._turns: WeakValueDictionary[WorkloadRef, asyncio.Lock] = WeakValueDictionary()
        self._unwritten = 0  # targets
        self._relieved = asyncio.Event()

    async def give_way(self) -> None:
        """Return when few targets wait to be written, or after some seconds.

        Who looks at what is stored already calls this first: a sender waits for its answer, and an alert that is not
        stored can be lost.
        """
        if self._unwritten > _FEW:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GIVES_WAY):
                    await self._relieved.wait()

    def is_new(self, bids: Sequence[Bid]) -> bool:
        """Whether nothing is on record of their target: after a sender's last try, these are still to be done."""
        return not self._index.knows(bids[0].target)

    async def bring(self, bids: Sequence[Bid], delivery: Delivery) -> None:
        """Write what is told of one target. What cannot be stored is noted on the delivery."""
        with self._counted():
            turn = self._turns.setdefault(bids[0].target, asyncio.Lock())  # two senders that bring the same do not race
            async with turn, self._at_once:
                for bid in bids:
                    await self._settle(bid, delivery)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._unwritten += 1
        if self._unwritten > _FEW:
            self._relieved.clear()
        try:
            yield
        finally:
            self._unwritten -= 1
            if self._unwritten <= _FEW:
                self._relieved.set()

    async def _settle(self, bid: Bid, delivery: Delivery) -> None:
        try:
            why = await self._bring_one(bid, delivery)
        except ApiError as error:
            await self._fall_back(bid, error, delivery)
        except Exception as error:
            log.exception("alerts are not stored", target=str(bid.target))
            delivery.fails(bid.items, error)
        else:
            delivery.settle(bid, why)

    async def _bring_one(self, bid: Bid, delivery: Delivery) -> str:
        matching = [resolved for resolved in self._book.resolved_policies if resolved.policy.key in bid.policies]
        known = await self._known(bid.target, delivery)
        past = [fact for remediation in known.of(bid.target) for fact in remediation.status.evidence]
        late, now = patience(present=delivery.present), self._clock.now()
        facts = [alert_episodes.as_new_episode(fact, past, now, late) for _, fact in bid.facts]
        return await self._opener.bring(bid.target, facts, matching, known)

    async def _known(self, target: WorkloadRef, delivery: Delivery) -> StoredRemediations:
        if self._index.complete:
            return await self._index.about(target)
        return await delivery.remediations(self._kube, target.namespace)

    async def _fall_back(self, bid: Bid, error: ApiError, delivery: Delivery) -> None:
        """What is refused for good is set aside; nothing is said about a namespace that is being deleted."""
        try:
            if isinstance(error, (Refused, NotFound)) and await is_ending(self._kube, bid.target.namespace):
                log.info("an alert is about a namespace that is being deleted", namespace=bid.target.namespace)
                return
        except ApiError as unknown:
            error = unknown
        if not is_for_good(error):
            delivery.fails(bid.items, error)
            return
        log.error("alerts are refused", target=str(bid.target), why=str(error))
        for item in bid.items:
            item.meets("refused")
        delivery.settle(bid, f"the API server refuses the Remediation of {bid.target}: {error}")

    async def reach_holders(self, delivery: Delivery) -> None:
        """Merge into what open Remediations hold what nothing else leads to them any more.

        That an alert is over ends its evidence wherever it is, whatever became of its pod, of what its labels lead to
        or of the policy; and one that fires on after its pod is gone is not without a target.
        """
        astray = {stray.item for strays in delivery.strays.values() for stray in strays if not stray.cluster}
        items = [item for item in delivery.items if item.is_over or (item.fact is None and item in astray)]
        facts: dict[str, list[Evidence]] = {}
        for item in items:
            facts.setdefault(item.alert.fingerprint, []).append(
                alert_trigger.as_evidence(item.alert, self._clock.now())
            )
        if not facts:
            return
        reached: set[str] = set()

        def merge(status: RemediationStatus) -> RemediationStatus:
            for name in {fingerprint_of(fact.fingerprint) for fact in status.evidence} & facts.keys():
                for fact in facts[name]:
                    late = status.state == "Closed" and fact.resolved_at is None  # nobody does anything about it there
                    if not late and record.holds(status, fact):
                        reached.add(name)
                        status = record.merge_evidence(status, fact)
            return status

        try:
            failures = await evidence_edits.edit_evidence(
                self._kube, self._index, frozenset(facts), merge, closed_too=True
            )
        except ApiError as error:
            failures = [error]
        if failures:
            delivery.fails(items, failures[0])
        delivery.reach({item for item in items if item.alert.fingerprint in reached})


def is_for_good(error: Exception) -> bool:
    """Whether trying again is in vain. Credentials that are refused are renewed."""
    return isinstance(error, Refused) and error.code != UNAUTHORIZED


def patience(*, present: bool) -> timedelta:
    """For how long after an end a firing may be a late report of before."""
    return _TWO_POLLS if present else alert_episodes.CLEARLY_LATER
