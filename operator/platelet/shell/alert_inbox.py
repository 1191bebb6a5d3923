"""Stores alerts: each one that a policy matches is on a Remediation, or on record as having no target (DESIGN 3.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.clock import Clock
from platelet.shell.kube import DEPLOYMENTS, ApiError, Kube, NotFound
from platelet.shell.opener import Opener
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.receiver import NotStoredError
from platelet.shell.targets import TargetFinder
from platelet.shell.untargeted import Untargeted
from platelet.triggers import matchers, targeting

log = structlog.get_logger("platelet.alerts")


@dataclass(slots=True)
class _Bid:
    """One alert for one target, with the policies that want it."""

    target: WorkloadRef
    fact: Evidence
    standings: list[Standing] = field(default_factory=list)


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

    async def store(self, alerts: Sequence[Alert], truncated: int) -> None:
        """Store every alert that a policy matches; raises NotStoredError when that cannot be promised."""
        if truncated:
            log.warning("alerts are missing from a notification: set max_alerts to 0", truncated=truncated)
        try:
            for alert in alerts:
                await self._store(alert)
        except ApiError as error:
            raise NotStoredError(str(error)) from error

    async def _store(self, alert: Alert) -> None:
        now = self._clock.now()
        bids: dict[WorkloadRef, _Bid] = {}
        for standing in self._book.standings:
            trigger_severity = _match(standing, alert)
            if trigger_severity is None:
                continue
            targets, why = await self._targets(standing, alert)
            if not targets and alert.status == "firing":
                await self._untargeted.record(standing, alert, why)
            for target in targets:
                bid = bids.setdefault(target, _Bid(target, _as_evidence(alert, trigger_severity, now)))
                bid.standings.append(standing)
        for bid in bids.values():
            await self._opener.bring(bid.target, bid.fact, bid.standings)

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
