"""Alerts that came together, and what has become of each so far: they are asked about and written together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.core.untargeted_alerts import Stray
from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.intake.named_targets import Found
from platelet.shell.kube import Reads
from platelet.shell.store.remediations import StoredRemediations, list_remediations
from platelet.triggers import targeting
from platelet.triggers.targeting import Located

_SERIES_LIVES_ON = timedelta(minutes=15)  # look-back, the range of a rate, and an evaluation or two
FATES = ("ignored", "elsewhere", "stored", "untargeted", "refused", "failed")
"""What may become of an alert; of several policies the last in this order counts."""


@dataclass(slots=True, eq=False)
class Item:
    """One alert of a delivery, and the worst that has become of it so far."""

    alert: Alert
    fate: str = FATES[0]
    fact: Evidence | None = None  # what it says, where that is known already: it is a query's result
    policy: str = ""  # the key of the policy that asked
    namespaces: frozenset[str] = field(init=False)  # that it may be about, read once for all policies
    _located: dict[str, Located] = field(default_factory=dict)  # by the namespace that stands in for a missing one

    def __post_init__(self) -> None:
        """Read the labels."""
        self.namespaces = targeting.namespaces_of(self.alert.labels)

    @property
    def is_over(self) -> bool:
        """Whether a sender says that it has resolved."""
        return self.fact is None and self.alert.status == "resolved"

    def is_due(self, finding: Found, now: datetime) -> bool:
        """Whether people are told that it has no target. The series of a pod outlives it in Prometheus for a while."""
        if self.fact is None:
            return True
        asked_for = (self.fact.holds_at or self.fact.first_seen) - self.fact.first_seen
        return now - self.alert.starts_at >= max(asked_for, _SERIES_LIVES_ON if finding.gone else timedelta())

    def locate(self, namespace: str) -> Located:
        """What its labels name; `namespace`, unless empty, stands in for one that they lack."""
        if namespace not in self._located:
            labels = {**self.alert.labels, "namespace": namespace} if namespace else self.alert.labels
            self._located[namespace] = targeting.locate(labels)
        return self._located[namespace]

    def meets(self, fate: str) -> None:
        """Note a fate; the worst one counts."""
        self.fate = max(self.fate, fate, key=FATES.index)


@dataclass(frozen=True, slots=True)
class Match:
    """An alert, the policies that it is for, and what it says to them."""

    item: Item
    policies: tuple[ResolvedPolicy, ...]
    fact: Evidence


@dataclass(frozen=True, slots=True)
class Bid:
    """What some policies are told of one target: it is written together."""

    target: WorkloadRef
    policies: tuple[str, ...]  # by key
    facts: list[tuple[Item, Evidence]] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        """The alerts that say it."""
        return [item for item, _ in self.facts]


@dataclass(frozen=True, slots=True)
class Astray:
    """An alert that matches a policy and leads to no workload, and why; or no longer, as it leads to one or is over."""

    item: Item
    why: str
    fact: Evidence  # what it says to that policy
    cluster: str = ""  # another one, which it is surely about
    over: bool = False  # nobody need be called for it any more

    @property
    def stray(self) -> Stray:
        """The form in which it is put on record."""
        query = self.fact.fingerprint if self.fact.source == "query" else ""
        alert = replace(self.item.alert, status="resolved") if self.over else self.item.alert
        return Stray(alert=alert, why=self.why, severity=self.fact.severity, query=query, cluster=self.cluster)


@dataclass(slots=True)
class Delivery:
    """The alerts of one request, poll or query, and what has become of them."""

    items: list[Item]
    present: bool  # seen in Alertmanager just now, not reported by a sender
    strays: dict[str, list[Astray]] = field(default_factory=dict)  # by policy
    settled: dict[str, list[Astray]] = field(default_factory=dict)  # the same, of those that have a workload
    failures: list[Exception] = field(default_factory=list)
    _listed: dict[str, asyncio.Future[StoredRemediations]] = field(default_factory=dict)  # by namespace

    async def remediations(self, kube: Reads, namespace: str) -> StoredRemediations:
        """The Remediations of a namespace, listed once per delivery."""
        if namespace not in self._listed:
            self._listed[namespace] = asyncio.ensure_future(list_remediations(kube, namespace))
        return await self._listed[namespace]

    def strays_from(self, policy: ResolvedPolicy, astray: Astray) -> None:
        """Note that it leads this policy to no target."""
        self.strays.setdefault(policy.policy.key, []).append(astray)

    def fails(self, items: Sequence[Item], error: Exception) -> None:
        """These could not be stored; another try may succeed."""
        self.failures.append(error)
        for item in items:
            item.meets("failed")

    def reach(self, items: set[Item]) -> None:
        """These are on record with open Remediations that held them already, so they are not astray."""
        for item in items:
            item.meets("stored")
        self.strays = {
            key: [astray for astray in strays if astray.item not in items] for key, strays in self.strays.items()
        }

    def settle(self, bid: Bid, why: str) -> None:
        """The bid is on record; or, where `why` says why not, its alerts are strays of each of its policies."""
        place = self.strays if why else self.settled
        text = why or f"it leads to {bid.target}, where it is on record"
        for item, fact in bid.facts:
            item.meets("stored")
            for key in bid.policies:
                place.setdefault(key, []).append(Astray(item, text, fact, over=not why))
