"""Stores alerts: each one that a policy matches is on a Remediation, or on record as having no target (DESIGN 3.4)."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.gathering import read_remediations
from platelet.shell.kube import DEPLOYMENTS, NAMESPACES, ApiError, Kube, NotFound, Refused
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.receiver import NotStoredError
from platelet.shell.targets import TargetFinder
from platelet.shell.untargeted import Untargeted
from platelet.triggers import alert as alert_trigger
from platelet.triggers import targeting

log = structlog.get_logger("platelet.alerts")


_REMEMBERED = 10_000
_Bid = tuple[WorkloadRef, tuple[str, ...]]
"""A target, and the policies that want it, by key."""
_Found = dict[str, tuple[WorkloadRef | None, Mapping[str, str], str]]
"""What each alert's labels lead to, asked once per delivery, by episode."""


class AlertInbox:
    """What the receiver and the poller hand their alerts to."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self, kube: Kube, clock: Clock, book: PolicyBook, opener: Opener, finder: TargetFinder, untargeted: Untargeted
    ) -> None:
        """Take the policies to match, the finder of targets, and who records."""
        self._kube = kube
        self._clock = clock
        self._book = book
        self._opener = opener
        self._finder = finder
        self._untargeted = untargeted
        self._resolved: OrderedDict[str, None] = OrderedDict()  # episodes whose end has been heard

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Store every alert that a policy matches; raises NotStoredError when that cannot be promised."""
        if truncated:
            log.warning("alerts are missing from a notification: set max_alerts to 0", truncated=truncated)
        try:
            bids: dict[_Bid, list[Evidence]] = {}
            found: _Found = {}
            for alert in alerts:
                if not self._is_over(alert):
                    await self._bid(alert, bids, found)
            await self._bring(bids)
        except ApiError as error:
            raise NotStoredError(str(error)) from error

    async def _bring(self, bids: Mapping[_Bid, list[Evidence]]) -> None:
        """One read per namespace, one write per target, however many alerts. A target that fails costs no other."""
        known = {ns: await read_remediations(self._kube, ns) for ns in {target.namespace for target, _ in bids}}
        standings = {each.policy.key: each for each in self._book.standings}
        refused: list[Refused] = []
        for (target, policies), facts in bids.items():
            matching = [standings[key] for key in policies if key in standings]
            try:
                await self._opener.bring(target, facts, matching, known[target.namespace])
            except Refused as error:
                refused += [] if await self._is_ending(target.namespace) else [error]
        if refused:
            raise refused[0]

    async def _is_ending(self, namespace: str) -> bool:
        """Whether the namespace is being deleted: nothing can be stored there, and soon nothing will be to heal."""
        try:
            ending = "deletionTimestamp" in (await self._kube.get(NAMESPACES, "", namespace))["metadata"]
        except NotFound:
            ending = True
        if ending:
            log.info("an alert is about a namespace that is being deleted", namespace=namespace)
        return ending

    async def _bid(self, alert: Alert, bids: dict[_Bid, list[Evidence]], found: _Found) -> None:
        wanted: dict[WorkloadRef, list[str]] = {}
        fact = None
        for standing in self._book.standings:
            said = _match(standing, alert, self._clock.now())
            if said is None:
                continue
            fact = fact or said
            targets, why = await self._targets(standing, alert, found)
            if why and alert.status == "firing":
                await self._untargeted.record(standing, alert, why)
            for target in targets:
                wanted.setdefault(target, []).append(standing.policy.key)
        for target, policies in wanted.items():
            bids.setdefault((target, tuple(policies)), []).extend([fact] if fact else [])

    def _is_over(self, alert: Alert) -> bool:
        """Whether a "firing" comes after the "resolved" of the same episode: senders and retries reorder them."""
        if alert.status == "firing":
            return alert.episode in self._resolved
        self._resolved[alert.episode] = None
        if len(self._resolved) > _REMEMBERED:
            self._resolved.popitem(last=False)
        return False

    async def _targets(self, standing: Standing, alert: Alert, found: _Found) -> tuple[list[WorkloadRef], str]:
        """The targets of the policy that this alert is about; or, where it names none at all, why."""
        if alert.episode not in found:
            found[alert.episode] = await self._find(alert)
        target, labels, why = found[alert.episode]
        refs = standing.loaded.targets.refs
        if refs is not None:
            namespace = standing.policy.namespace
            chosen = [WorkloadRef(kind=each.kind, namespace=namespace, name=each.name) for each in refs]
            return [each for each in chosen if target in (None, each)], ""
        if target is None:
            return [], why
        mine = target.namespace in standing.namespaces
        mine = mine and standing.loaded.targets.matches(labels, target.name, target.kind)
        return [target] if mine else [], ""

    async def _find(self, alert: Alert) -> tuple[WorkloadRef | None, Mapping[str, str], str]:
        """The workload that the labels lead to, and its own labels; or why there is none."""
        target, why = await self._finder.of_alert(targeting.locate(alert.labels))
        if target is None:
            return None, {}, why
        try:
            stored = await self._kube.get(DEPLOYMENTS, target.namespace, target.name)
        except NotFound:
            return None, {}, f"{target} does not exist"
        return target, stored["metadata"].get("labels") or {}, ""


def _match(standing: Standing, alert: Alert, now: datetime) -> Evidence | None:
    """What the alert says to this policy; None when no trigger matches. One of another namespace never matches."""
    if not standing.policy.ready:
        return None
    named = targeting.namespace_of(alert.labels)
    if (named and named not in standing.namespaces) or (not named and standing.loaded.targets.refs is None):
        return None
    said = (alert_trigger.observe(each, alert, now) for each in standing.loaded.alert_triggers)
    return next((each for each in said if each is not None), None)
