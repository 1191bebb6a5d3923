"""Alerts that came together, and what has become of each so far: they are asked about and written together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import ApiError
from platelet.shell.targets import Found
from platelet.triggers import targeting
from platelet.triggers.targeting import Located

_SERIES_LIVES_ON = timedelta(minutes=15)  # look-back, the range of a rate, and an evaluation or two
FATES = ("ignored", "elsewhere", "stored", "untargeted", "refused", "failed")
"""What may become of an alert; of several policies the last in this order counts."""

Bid = tuple[WorkloadRef, tuple[str, ...]]
"""A target, and the policies that want it, by key."""


@dataclass(slots=True, eq=False)
class Item:
    """One alert of a delivery, and the worst that has become of it so far."""

    alert: Alert
    fate: str = FATES[0]
    fact: Evidence | None = None  # what it says, where that is known already: it is a query's result
    policy: str = ""  # the key of the policy that asked
    namespaces: frozenset[str] = field(init=False)  # that it may be about, read once for all policies

    def __post_init__(self) -> None:
        """Read the labels."""
        self.namespaces = targeting.namespaces_of(self.alert.labels)

    @property
    def is_over(self) -> bool:
        """Whether a sender says that it has resolved."""
        return self.fact is None and self.alert.status == "resolved"

    def is_due(self, found: Found, now: datetime) -> bool:
        """Whether people are told that it has no target. The series of a pod outlives it in Prometheus for a while."""
        if self.fact is None:
            return True
        asked_for = (self.fact.holds_at or self.fact.first_seen) - self.fact.first_seen
        return now - self.alert.starts_at >= max(asked_for, _SERIES_LIVES_ON if found.gone else timedelta())

    def meets(self, fate: str) -> None:
        """Note what a policy made of it."""
        self.fate = max(self.fate, fate, key=FATES.index)


@dataclass(frozen=True, slots=True)
class Astray:
    """An alert that a policy matches and that leads nowhere, and why."""

    item: Item
    why: str
    cluster: str = ""  # another one, which it is surely about


@dataclass(slots=True)
class Delivery:
    """What came together."""

    items: list[Item]
    present: bool  # seen in Alertmanager just now, not reported by a sender
    bids: dict[Bid, list[tuple[Item, Evidence]]] = field(default_factory=dict)
    strays: dict[str, list[Astray]] = field(default_factory=dict)  # by policy
    located: dict[tuple[str, str], Located] = field(default_factory=dict)  # by episode and assumed namespace
    found: dict[Located, tuple[Found, Mapping[str, str]]] = field(default_factory=dict)
    failures: list[ApiError] = field(default_factory=list)

    def fails(self, items: Sequence[Item], error: ApiError) -> None:
        """These are not stored; another try may."""
        self.failures.append(error)
        for item in items:
            item.meets("failed")

    def reach(self, items: set[Item]) -> None:
        """These are on record where they were held already: they are not astray."""
        for item in items:
            item.meets("stored")
        self.strays = {key: [each for each in strays if each.item not in items] for key, strays in self.strays.items()}

    def settle(self, bid: Bid, why: str) -> None:
        """The bid is on record; or, with a reason, its alerts are set aside with each of its policies."""
        for item, _ in self.bids[bid]:
            item.meets("stored")
            for key in bid[1] if why else ():
                self.strays.setdefault(key, []).append(Astray(item, why))
