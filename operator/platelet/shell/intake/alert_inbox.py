"""Stores alerts: each one that a policy matches is on a Remediation, or on record as having no target (DESIGN 3.4).

Each is written as soon as it is known what it is about, several at once, so that a sender that gives up has not waited
in vain: what was stored stays stored, and its next try finds it so.
What cannot be stored of one alert costs no other. What another try may mend is told to the sender at the end; what the
API server refuses for good (a quota, a webhook) is on record on the policy, as an alert without a target is.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from platelet.core.untargeted_alerts import Stray
from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.intake import alert_targets
from platelet.shell.intake.alert_records import AlertRecords, is_for_good, patience
from platelet.shell.intake.alert_targets import Aim, AlertTargets
from platelet.shell.intake.delivery import Astray, Bid, Delivery, Item, Match
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.intake.targets import TargetFinder
from platelet.shell.intake.untargeted_alerts import Untargeted
from platelet.shell.kube import FORBIDDEN, ApiError, Kube
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.latest import Latest
from platelet.shell.store.opener import Opener
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.remediation_index import RemediationIndex
from platelet.triggers.targeting import Located

log = structlog.get_logger("platelet.alerts")

_REMEMBERED = 10_000
_RESOLVED = "it is resolved, as its sender says"
_LOOK_UPS = 16  # at once
_A_WHILE = 50  # alerts to match before others of the loop have a turn: some ten milliseconds


class AlertInbox:
    """Takes in the alerts of the receiver and the poller."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        kube: Kube,
        clock: Clock,
        book: PolicyBook,
        opener: Opener,
        finder: TargetFinder,
        untargeted: Untargeted,
        *,
        index: RemediationIndex | None = None,
        cluster: str = "",
        on_result: Callable[[str], None] = lambda _fate: None,
    ) -> None:
        """Take the policies to match, the finder of targets, and who records. `on_result` hears each one's fate.

        `cluster` is how alerts call this cluster; empty: that is not known. Without an index the Remediations are
        listed once for each delivery.
        """
        self._clock = clock
        self._book = book
        self._finder = finder
        self._cluster = cluster
        self._untargeted = untargeted
        self._on_result = on_result
        self._records = AlertRecords(kube, clock, book, opener, index or RemediationIndex(kube))
        self._look_ups = asyncio.Semaphore(_LOOK_UPS)
        self._resolved: Latest[str, _End] = Latest(_REMEMBERED)  # by the fingerprint of the labels

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Store every alert that a policy matches; raises NotStoredError when that cannot be promised."""
        if truncated:
            log.warning("alerts are missing from a notification: set max_alerts to 0", truncated=truncated)
        delivery = Delivery([Item(alert) for alert in alerts], present=False)
        try:
            await self._store(delivery)
        finally:
            for item in delivery.items:
                self._on_result(item.fate)

    async def store_present(self, alerts: Sequence[Alert]) -> None:
        """Store what fires in Alertmanager at this moment, whatever was said of it before. Raises NotStoredError."""
        await self._store(Delivery([Item(alert) for alert in alerts], present=True))

    async def store_results(self, policy: str, results: Sequence[tuple[Alert, Evidence]]) -> None:
        """Store what a query of this policy (by its key) gives now. Raises NotStoredError."""
        items = [Item(alert, fact=fact, policy=policy) for alert, fact in results]
        await self._store(Delivery(items, present=False))

    async def give_way(self) -> None:
        """Return when no storm is being stored, or after some seconds: who heals waits for this first."""
        await self._records.give_way()

    async def _store(self, delivery: Delivery) -> None:
        targets = AlertTargets(self._finder, self._look_ups)
        known, asked = await self._match(delivery, targets)
        async with asyncio.TaskGroup() as group:
            for bids in sorted(self._bids(known, delivery), key=self._records.is_new, reverse=True):
                group.create_task(self._records.bring(bids, delivery))
            for matches in asked:
                group.create_task(self._look_up(matches, targets, delivery))
        await self._records.reach_holders(delivery)
        await self._set_aside(delivery)
        if delivery.failures:
            last = delivery.failures[-1]
            raise NotStoredError(str(last), for_good=all(map(is_for_good, delivery.failures))) from last

    async def _match(
        self, delivery: Delivery, targets: AlertTargets
    ) -> tuple[list[tuple[Match, list[Aim]]], Iterable[list[Match]]]:
        """The matches whose targets are remembered, and those that must be looked up, by what they name."""
        known: list[tuple[Match, list[Aim]]] = []
        asked: dict[tuple[Located, ...], list[Match]] = {}
        for place, item in enumerate(delivery.items):
            match = self._match_one(item, delivery)
            aims = targets.recall(match) if match is not None else None
            if match is not None and aims is not None:
                known.append((match, aims))
            elif match is not None:
                asked.setdefault(alert_targets.names(match), []).append(match)
            if place % _A_WHILE == _A_WHILE - 1:
                await asyncio.sleep(0)
        return known, asked.values()

    def _match_one(self, item: Item, delivery: Delivery) -> Match | None:
        if item.fact is None and self._is_over(item.alert, present=delivery.present):
            return None
        policies, facts = [], []
        for resolved in self._book.resolved_policies:
            fact = alert_targets.match(resolved, item, self._clock.now())
            if fact is None:
                continue
            elsewhere = alert_targets.elsewhere(resolved, item.alert, self._cluster)
            if elsewhere is None:
                policies.append(resolved)
                facts.append(fact)
            elif not item.is_over:
                theirs = elsewhere.cluster if elsewhere.surely else ""
                delivery.strays_from(resolved, Astray(item, elsewhere.why, fact, theirs))
        return Match(item, tuple(policies), facts[0]) if facts else None

    def _is_over(self, alert: Alert, *, present: bool) -> bool:
        """Whether a "firing" comes after the "resolved" of the same episode: senders and retries reorder them."""
        heard, now = self._resolved.get(alert.fingerprint), self._clock.now()
        if alert.status == "resolved":
            end = alert.ends_at or now
            if heard is None or heard.ended_at < end:
                self._resolved.put(alert.fingerprint, _End(ended_at=end, heard_at=now))
            return False
        if heard is None or alert.starts_at > heard.ended_at:
            return False
        if now - heard.heard_at <= patience(present=present):
            return True
        del self._resolved[alert.fingerprint]
        return False

    def _bids(self, aimed: Iterable[tuple[Match, list[Aim]]], delivery: Delivery) -> list[list[Bid]]:
        """What is to be written, by target: one write, however many alerts. What has no target is noted."""
        bids: dict[WorkloadRef, dict[tuple[str, ...], Bid]] = {}
        for match, aims in aimed:
            wanted: dict[WorkloadRef, list[str]] = {}
            for resolved, aim in zip(match.policies, aims, strict=True):
                if aim.astray is not None and match.item.is_due(aim.astray, self._clock.now()):
                    delivery.strays_from(resolved, Astray(match.item, aim.astray.why, match.fact))
                for target in aim.targets:
                    wanted.setdefault(target, []).append(resolved.policy.key)
            for target, policies in wanted.items():
                of_target = bids.setdefault(target, {})
                bid = of_target.setdefault(tuple(policies), Bid(target, tuple(policies)))
                bid.facts.append((match.item, match.fact))
        return [list(of_target.values()) for of_target in bids.values()]

    async def _look_up(self, matches: Sequence[Match], targets: AlertTargets, delivery: Delivery) -> None:
        """Ask the API server what alerts that name the same are about, and write it."""
        try:
            aimed = [(match, await targets.look_up(match)) for match in matches]
        except ApiError as error:
            delivery.fails([match.item for match in matches], error)
            if error.code == FORBIDDEN:
                for resolved in matches[0].policies:
                    self._book.references.note_unfound(resolved.policy.namespace, resolved.policy.name, error.message)
            return
        except Exception as error:
            log.exception("what alerts are about is not found", names=str(alert_targets.names(matches[0]))[:200])
            delivery.fails([match.item for match in matches], error)
            return
        for bids in self._bids(aimed, delivery):
            await self._records.bring(bids, delivery)

    async def _set_aside(self, delivery: Delivery) -> None:
        ends = [Stray(alert=item.alert, why=_RESOLVED) for item in delivery.items if item.is_over]
        for resolved in self._book.resolved_policies:
            strays = delivery.strays.get(resolved.policy.key, [])
            settled = delivery.settled.get(resolved.policy.key, ()) if resolved.untargeted else ()
            news = [astray.stray for astray in (*strays, *settled)]
            try:
                await self._untargeted.record(resolved, [*news, *ends])
            except ApiError as error:
                delivery.fails([astray.item for astray in strays], error)
            else:
                for astray in strays:
                    astray.item.meets("elsewhere" if astray.cluster else "untargeted")


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """The end of an alert, as a sender has told it."""

    ended_at: datetime  # by the sender's clock
    heard_at: datetime
