"""Stores alerts: each one that a policy matches is on a Remediation, or on record as having no target (DESIGN 3.4)."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog

from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.gathering import read_remediations
from platelet.shell.kube import DEPLOYMENTS, ApiError, Kube, NotFound
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.receiver import NotStoredError
from platelet.shell.targets import TargetFinder
from platelet.shell.untargeted import Untargeted
from platelet.triggers import matchers, targeting

log = structlog.get_logger("platelet.alerts")


_REMEMBERED = 10_000
_Bid = tuple[WorkloadRef, tuple[str, ...]]
"""A target, and the policies that want it, by key."""


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
            for alert in alerts:
                if not self._is_over(alert):
                    await self._bid(alert, bids)
            await self._bring(bids)
        except ApiError as error:
            raise NotStoredError(str(error)) from error

    async def _bring(self, bids: Mapping[_Bid, list[Evidence]]) -> None:
        """One read per namespace, one write per target, however many alerts."""
        known = {ns: await read_remediations(self._kube, ns) for ns in {target.namespace for target, _ in bids}}
        standings = {each.policy.key: each for each in self._book.standings}
        for (target, policies), facts in bids.items():
            matching = [standings[key] for key in policies if key in standings]
            await self._opener.bring(target, facts, matching, known[target.namespace])

    async def _bid(self, alert: Alert, bids: dict[_Bid, list[Evidence]]) -> None:
        wanted: dict[WorkloadRef, list[str]] = {}
        severity = ""
        for standing in self._book.standings:
            trigger_severity = _match(standing, alert)
            if trigger_severity is None:
                continue
            severity = severity or trigger_severity
            targets, why = await self._targets(standing, alert)
            if not targets and alert.status == "firing":
                await self._untargeted.record(standing, alert, why)
            for target in targets:
                wanted.setdefault(target, []).append(standing.policy.key)
        for target, policies in wanted.items():
            fact = _as_evidence(alert, severity, self._clock.now())
            bids.setdefault((target, tuple(policies)), []).append(fact)

    def _is_over(self, alert: Alert) -> bool:
        """Whether a "firing" comes after the "resolved" of the same episode: senders and retries reorder them."""
        if alert.status == "firing":
            return alert.episode in self._resolved
        self._resolved[alert.episode] = None
        if len(self._resolved) > _REMEMBERED:
            self._resolved.popitem(last=False)
        return False

    async def _targets(self, standing: Standing, alert: Alert) -> tuple[list[WorkloadRef], str]:
        """The targets of the policy that this alert is about, or why there is none."""
        refs = standing.loaded.targets.refs
        if refs is not None:
            namespace = standing.policy.namespace
            chosen = [WorkloadRef(kind=each.kind, namespace=namespace, name=each.name) for each in refs]
            return await self._narrowed(chosen, alert)
        target, why = await self._finder.of_alert(targeting.locate(alert.labels))
        if target is None:
            return [], why
        if target.namespace not in standing.namespaces:
            return [], f"{target} is not in a namespace in which the policy acts"
        try:
            stored = await self._kube.get(DEPLOYMENTS, target.namespace, target.name)
        except NotFound:
            return [], f"{target} does not exist"
        labels = stored["metadata"].get("labels") or {}
        if not standing.loaded.targets.matches(labels, target.name, target.kind):
            return [], f"{target} is not one of the policy's targets"
        return [target], ""

    async def _narrowed(self, refs: list[WorkloadRef], alert: Alert) -> tuple[list[WorkloadRef], str]:
        """Of the named targets the one that the alert names, if it names any workload; else all of them."""
        target, _why = await self._finder.of_alert(targeting.locate(alert.labels))
        if target is None:
            return refs, ""
        return ([target], "") if target in refs else ([], f"{target} is not one of targets.refs")


def _match(standing: Standing, alert: Alert) -> str | None:
    """The severity of the trigger that matches, None when none does. An alert of another namespace never matches."""
    if not standing.policy.ready:
        return None
    named = targeting.namespace_of(alert.labels)
    if named and named not in standing.namespaces:
        return None
    if not named and standing.loaded.targets.refs is None:
        return None
    return next((severity for parsed, severity in _parsed(standing) if matchers.matches(parsed, alert.labels)), None)


def _parsed(standing: Standing) -> Iterable[tuple[tuple[matchers.Matcher, ...], str]]:
    for trigger in standing.loaded.alert_triggers:
        yield matchers.parse_matchers(trigger.matchers), trigger.severity


def _as_evidence(alert: Alert, severity: str, now: datetime) -> Evidence:
    summary = alert.annotations.get("summary") or alert.annotations.get("description") or f"alert {alert.name} fires"
    return Evidence(
        source="alert",
        reason=alert.name[:256] or "Alert",
        fingerprint=alert.episode[:256],
        message=summary[:1024],
        first_seen=min(alert.starts_at, now),
        last_seen=now,
        severity=(severity or alert.labels.get("severity", ""))[:256],
        resolved_at=(alert.ends_at or now) if alert.status == "resolved" else None,
    )
