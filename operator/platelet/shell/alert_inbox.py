"""Stores alerts: each one that a policy matches is on a Remediation, or on record as having no target (DESIGN 3.4).

What cannot be stored of one alert costs no other. What another try may mend is told to the sender at the end; what the
API server refuses for good (a quota, a webhook) is on record on the policy, as an alert without a target is.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from platelet.core import episodes, record
from platelet.model.alert import Alert, fingerprint_of
from platelet.model.remediation import RemediationStatus
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell import alert_targets, evidence_edits
from platelet.shell.clock import Clock
from platelet.shell.delivery import Astray, Bid, Delivery, Item
from platelet.shell.kube import UNAUTHORIZED, ApiError, Kube, NotFound, Refused
from platelet.shell.namespaces import is_ending
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook
from platelet.shell.receiver import NotStoredError
from platelet.shell.survey import survey
from platelet.shell.targets import TargetFinder
from platelet.shell.untargeted import Stray, Untargeted
from platelet.triggers import alert as alert_trigger

log = structlog.get_logger("platelet.alerts")

_REMEMBERED = 10_000
_TWO_POLLS = timedelta(minutes=2)  # what fires in Alertmanager so long after its end is not a late report of before


class AlertInbox:
    """What the receiver and the poller hand their alerts to."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        kube: Kube,
        clock: Clock,
        book: PolicyBook,
        opener: Opener,
        finder: TargetFinder,
        untargeted: Untargeted,
        *,
        cluster: str = "",
        on_result: Callable[[str], None] = lambda _fate: None,
    ) -> None:
        """Take the policies to match, the finder of targets, and who records. `on_result` hears each one's fate.

        `cluster` is how alerts call this cluster; empty: that is not known.
        """
        self._kube = kube
        self._clock = clock
        self._book = book
        self._opener = opener
        self._targets = alert_targets.AlertTargets(kube, finder, cluster)
        self._untargeted = untargeted
        self._on_result = on_result
        self._resolved: OrderedDict[str, _End] = OrderedDict()  # by the fingerprint of the labels

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Store every alert that a policy matches; raises NotStoredError when that cannot be promised."""
        if truncated:
            log.warning("alerts are missing from a notification: set max_alerts to 0", truncated=truncated)
        delivery = Delivery([Item(each) for each in alerts], present=False)
        try:
            await self._store(delivery)
        finally:
            for item in delivery.items:
                self._on_result(item.fate)

    async def store_present(self, alerts: Sequence[Alert]) -> None:
        """Store what fires in Alertmanager at this moment, whatever was said of it before. Raises NotStoredError."""
        await self._store(Delivery([Item(each) for each in alerts], present=True))

    async def store_results(self, policy: str, results: Sequence[tuple[Alert, Evidence]]) -> None:
        """Store what a query of this policy (by its key) gives now. Raises NotStoredError."""
        items = [Item(alert, fact=fact, policy=policy) for alert, fact in results]
        await self._store(Delivery(items, present=False))

    async def _store(self, delivery: Delivery) -> None:
        for item in delivery.items:
            if item.fact is None and self._is_over(item.alert, present=delivery.present):
                continue
            try:
                await self._bid(item, delivery)
            except ApiError as error:
                delivery.fails([item], error)
        await self._bring(delivery)
        await self._reach_holders(delivery)
        await self._set_aside(delivery)
        if delivery.failures:
            last = delivery.failures[-1]
            raise NotStoredError(str(last), for_good=all(map(_is_for_good, delivery.failures))) from last

    def _is_over(self, alert: Alert, *, present: bool) -> bool:
        """Whether a "firing" comes after the "resolved" of the same episode: senders and retries reorder them."""
        heard, now = self._resolved.get(alert.fingerprint), self._clock.now()
        if alert.status == "resolved":
            end = alert.ends_at or now
            if heard is None or heard.ended_at < end:
                self._resolved[alert.fingerprint] = _End(ended_at=end, heard_at=now)
            if len(self._resolved) > _REMEMBERED:
                self._resolved.popitem(last=False)
            return False
        if heard is None or alert.starts_at > heard.ended_at:
            return False
        if now - heard.heard_at <= _patience(present=present):
            return True
        del self._resolved[alert.fingerprint]
        return False

    async def _bid(self, item: Item, delivery: Delivery) -> None:
        wanted: dict[WorkloadRef, list[str]] = {}
        fact = None
        for standing in self._book.standings:
            said = alert_targets.match(standing, item, self._clock.now())
            if said is None:
                continue
            elsewhere = self._targets.elsewhere(standing, item.alert)
            if elsewhere is not None:
                if not item.is_over:
                    theirs = elsewhere.cluster if elsewhere.surely else ""
                    delivery.strays.setdefault(standing.policy.key, []).append(Astray(item, elsewhere.why, theirs))
                continue
            fact = fact or said
            targets, astray = await self._targets.of(standing, item.alert, delivery)
            if astray is not None and item.is_due(astray, self._clock.now()):
                delivery.strays.setdefault(standing.policy.key, []).append(Astray(item, astray.why))
            for target in targets:
                wanted.setdefault(target, []).append(standing.policy.key)
        for target, policies in wanted.items():
            delivery.bids.setdefault((target, tuple(policies)), []).extend([(item, fact)] if fact else [])

    async def _bring(self, delivery: Delivery) -> None:
        """One read per namespace, one write per target, however many alerts."""
        by_namespace: dict[str, list[Bid]] = {}
        for bid in delivery.bids:
            by_namespace.setdefault(bid[0].namespace, []).append(bid)
        for namespace, bids in by_namespace.items():
            try:
                known = await survey(self._kube, namespace)
            except ApiError as error:
                delivery.fails([item for bid in bids for item, _ in delivery.bids[bid]], error)
                continue
            for bid in bids:
                late = _patience(present=delivery.present)
                past = [each for remediation in known.of(bid[0]) for each in remediation.status.evidence]
                now = self._clock.now()
                facts = [episodes.as_new_bout(fact, past, now, late) for _, fact in delivery.bids[bid]]
                matching = [each for each in self._book.standings if each.policy.key in bid[1]]
                try:
                    why = await self._opener.bring(bid[0], facts, matching, known)
                except ApiError as error:
                    await self._fall_back(bid, error, delivery)
                else:
                    delivery.settle(bid, why)

    async def _fall_back(self, bid: Bid, error: ApiError, delivery: Delivery) -> None:
        """What is refused for good is set aside; nothing is said about a namespace that is being deleted."""
        target, _ = bid
        items = [item for item, _ in delivery.bids[bid]]
        try:
            if isinstance(error, (Refused, NotFound)) and await is_ending(self._kube, target.namespace):
                log.info("an alert is about a namespace that is being deleted", namespace=target.namespace)
                return
        except ApiError as unknown:
            error = unknown
        if not _is_for_good(error):
            delivery.fails(items, error)
            return
        log.error("alerts are refused", target=str(target), why=str(error))
        for item in items:
            item.meets("refused")
        delivery.settle(bid, f"the API server refuses the Remediation of {target}: {error}")

    async def _reach_holders(self, delivery: Delivery) -> None:
        """Merge into what open Remediations hold what nothing else leads to them any more.

        That an alert is over ends its evidence wherever it is, whatever became of its pod, of what its labels lead to
        or of the policy; and one that fires on after its pod is gone is not without a target.
        """
        astray = {each.item for strays in delivery.strays.values() for each in strays if not each.cluster}
        items = [each for each in delivery.items if each.is_over or (each.fact is None and each in astray)]
        facts: dict[str, list[Evidence]] = {}
        for item in items:
            facts.setdefault(item.alert.fingerprint, []).append(
                alert_trigger.as_evidence(item.alert, self._clock.now())
            )
        if not facts:
            return
        reached: set[str] = set()

        def merge(status: RemediationStatus) -> RemediationStatus:
            for name in {fingerprint_of(each.fingerprint) for each in status.evidence} & facts.keys():
                for fact in facts[name]:
                    late = status.state == "Closed" and fact.resolved_at is None  # nobody does anything about it there
                    if not late and record.holds(status, fact):
                        reached.add(name)
                        status = record.merge_evidence(status, fact)
            return status

        try:
            failures = await evidence_edits.edit_evidence(self._kube, frozenset(facts), merge, closed_too=True)
        except ApiError as error:
            failures = [error]
        if failures:
            delivery.fails(items, failures[0])
        delivery.reach({each for each in items if each.alert.fingerprint in reached})

    async def _set_aside(self, delivery: Delivery) -> None:
        ends = [Stray(each.alert, "") for each in delivery.items if each.is_over]
        for standing in self._book.standings:
            strays = delivery.strays.get(standing.policy.key, [])
            told = [Stray(each.item.alert, each.why, each.cluster) for each in strays]
            try:
                await self._untargeted.record(standing, [*told, *ends])
            except ApiError as error:
                delivery.fails([each.item for each in strays], error)
            else:
                for each in strays:
                    each.item.meets("elsewhere" if each.cluster else "untargeted")


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """That an alert is over."""

    ended_at: datetime  # by the sender's clock
    heard_at: datetime


def _is_for_good(error: ApiError) -> bool:
    """Whether trying again is in vain. Credentials that are refused are renewed."""
    return isinstance(error, Refused) and error.code != UNAUTHORIZED


def _patience(*, present: bool) -> timedelta:
    """For how long after an end a firing may be a late report of before."""
    return _TWO_POLLS if present else episodes.CLEARLY_LATER
