"""Stores alerts: each one that a policy matches is on a Remediation, or on record as having no target (DESIGN 3.4).

What cannot be stored of one alert costs no other. What another try may mend is told to the sender at the end; what the
API server refuses for good (a quota, a webhook) is on record on the policy, as an alert without a target is.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from platelet.model.alert import Alert
from platelet.model.remediation import Remediation
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.delivery import Bid, Delivery, Item
from platelet.shell.kube import WORKLOADS, ApiError, Kube, NotFound, Refused
from platelet.shell.namespaces import is_ending
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.receiver import NotStoredError
from platelet.shell.survey import survey
from platelet.shell.targets import Found, TargetFinder
from platelet.shell.untargeted import Stray, Untargeted
from platelet.triggers import alert as alert_trigger
from platelet.triggers import matchers, targeting

log = structlog.get_logger("platelet.alerts")

_REMEMBERED = 10_000
_CLEARLY = timedelta(minutes=2)  # two polls: one that fires so long after its end is not a late report of before
_UNAUTHORIZED = 401


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
        on_result: Callable[[str], None] = lambda _fate: None,
    ) -> None:
        """Take the policies to match, the finder of targets, and who records. `on_result` hears each one's fate."""
        self._kube = kube
        self._clock = clock
        self._book = book
        self._opener = opener
        self._finder = finder
        self._untargeted = untargeted
        self._on_result = on_result
        self._resolved: OrderedDict[str, datetime] = OrderedDict()  # when the end of an episode was heard

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
        """Store what fires in Alertmanager at this moment, whatever was said of it before. Raises NotStoredError.

        One that ended before and clearly fires again, under the same start, is a new bout: after Prometheus was cut off
        from Alertmanager, its alerts end there and come back so.
        """
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
        await self._set_aside(delivery)
        if delivery.failure is not None:
            raise NotStoredError(str(delivery.failure)) from delivery.failure

    def _is_over(self, alert: Alert, *, present: bool) -> bool:
        """Whether a "firing" comes after the "resolved" of the same episode: senders and retries reorder them."""
        heard, now = self._resolved.get(alert.episode), self._clock.now()
        if alert.status == "resolved":
            self._resolved[alert.episode] = heard or now
            if len(self._resolved) > _REMEMBERED:
                self._resolved.popitem(last=False)
            return False
        if heard is not None and present and now - heard > _CLEARLY:
            del self._resolved[alert.episode]
            return False
        return heard is not None

    async def _bid(self, item: Item, delivery: Delivery) -> None:
        wanted: dict[WorkloadRef, list[str]] = {}
        fact = None
        for standing in self._book.standings:
            said = _match(standing, item, self._clock.now())
            if said is None:
                continue
            fact = fact or said
            targets, why = await self._targets(standing, item.alert, delivery)
            if why:
                delivery.strays.setdefault(standing.policy.key, []).append((item, why))
            for target in targets:
                wanted.setdefault(target, []).append(standing.policy.key)
        for target, policies in wanted.items():
            delivery.bids.setdefault((target, tuple(policies)), []).extend([(item, fact)] if fact else [])

    async def _targets(self, standing: Standing, alert: Alert, delivery: Delivery) -> tuple[list[WorkloadRef], str]:
        """The targets of the policy that this alert is about; or, where there should be one and is none, why.

        `refs` say what is meant by an alert that names nothing; one that names something is about that alone. What the
        policy's own matchers have spelled out is no name: whoever wrote them wrote the refs, too.
        """
        refs, namespace = standing.loaded.targets.refs, standing.policy.namespace
        if refs is None:
            found, labels = await self._find(alert, "", delivery)
            target = found.target
            if target is None:
                return [], found.why
            mine = target.namespace in standing.namespaces
            return [target] if mine and standing.loaded.targets.matches(labels, target.name, target.kind) else [], ""
        chosen = [WorkloadRef(kind=each.kind, namespace=namespace, name=each.name) for each in refs]
        found, _ = await self._find(alert, "" if targeting.namespaces_of(alert.labels) else namespace, delivery)
        if found.target is not None:
            return [each for each in chosen if each == found.target], ""
        if not found.named or _is_spelled_out(standing, alert):
            return chosen, ""
        return [], "" if found.other else found.why

    async def _find(self, alert: Alert, namespace: str, delivery: Delivery) -> tuple[Found, Mapping[str, str]]:
        """Where the labels lead, and the labels of the workload there. `namespace` stands in for one they lack."""
        key = (alert.episode, namespace)
        if key not in delivery.found:
            labels = {**alert.labels, "namespace": namespace} if namespace else alert.labels
            delivery.found[key] = await self._look_up(labels)
        return delivery.found[key]

    async def _look_up(self, labels: Mapping[str, str]) -> tuple[Found, Mapping[str, str]]:
        found = await self._finder.of_alert(targeting.locate(labels))
        if found.target is None:
            return found, {}
        try:
            stored = await self._kube.get(WORKLOADS[found.target.kind], found.target.namespace, found.target.name)
        except NotFound:
            return Found(why=f"{found.target} does not exist"), {}
        return found, stored["metadata"].get("labels") or {}

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
                facts = [fact for _, fact in delivery.bids[bid]]
                if delivery.present:
                    facts = [_as_present(each, bid[0], known.readable, self._clock.now()) for each in facts]
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
        if not isinstance(error, Refused) or error.code == _UNAUTHORIZED:
            delivery.fails(items, error)
            return
        log.error("alerts are refused", target=str(target), why=str(error))
        for item in items:
            item.meets("refused")
        delivery.settle(bid, f"the API server refuses the Remediation of {target}: {error}")

    async def _set_aside(self, delivery: Delivery) -> None:
        for standing in self._book.standings:
            strays = delivery.strays.get(standing.policy.key, [])
            try:
                await self._untargeted.record(standing, [Stray(item.alert, why) for item, why in strays])
            except ApiError as error:
                delivery.fails([item for item, _ in strays], error)
            else:
                for item, _ in strays:
                    item.meets("untargeted")


def _as_present(fact: Evidence, target: WorkloadRef, known: Sequence[Remediation], now: datetime) -> Evidence:
    """A new bout, if all that is known of it has clearly ended: it began after that, and we do not know when."""
    ends = [
        each.resolved_at
        for remediation in known
        if remediation.target == target
        for each in remediation.status.evidence
        if each.fingerprint == fact.fingerprint and each.resolved_at is not None
    ]
    return replace(fact, first_seen=now, holds_at=now) if ends and now - max(ends) > _CLEARLY else fact


def _match(standing: Standing, item: Item, now: datetime) -> Evidence | None:
    """What the alert says to this policy; None when no trigger matches. One of another namespace never matches."""
    if not standing.policy.ready:
        return None
    alert, named = item.alert, targeting.namespaces_of(item.alert.labels)
    if (named and not named & standing.namespaces) or (not named and standing.loaded.targets.refs is None):
        return None
    if item.fact is not None:
        return item.fact if standing.policy.key == item.policy else None
    said = (alert_trigger.observe(each, alert, now) for each in standing.loaded.alert_triggers)
    return next((each for each in said if each is not None), None)


def _is_spelled_out(standing: Standing, alert: Alert) -> bool:
    """Whether all that the alert names is in matchers with `=` of a trigger that matches it."""
    for trigger in standing.loaded.alert_triggers:
        wanted = matchers.parse_matchers(trigger.matchers)
        if matchers.matches(wanted, alert.labels):
            exact = {each.name for each in wanted if each.operator == "="}
            rest = targeting.locate({name: value for name, value in alert.labels.items() if name not in exact})
            if isinstance(rest, targeting.Nothing) and not rest.named:
                return True
    return False
