"""Revision records: what platelet remembers of one template of a workload (DESIGN 3.5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from platelet.model.workload import WorkloadRef

Health = Literal["Unknown", "Healthy", "Suspect", "Bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRecord:
    """One template of one workload, stored as an apps/v1 ControllerRevision.

    Healthy: provably well for `healthyFor`. Suspect: a Healthy one that failed; no goal until it proved itself again.
    Bad: never a goal again.
    """

    name: str
    uid: str = ""
    resource_version: str
    target: WorkloadRef
    template_hash: str
    template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    first_seen: datetime
    health: Health = "Unknown"
    health_since: datetime | None = None  # when `health` was last set
    ever_healthy: bool = False

    def as_of(self, now: datetime) -> "RevisionRecord":
        """The record as it may be believed at a moment: a health since a later one has not been seen yet."""
        if self.health_since is None or self.health_since <= now:
            return self
        return replace(self, health="Unknown", health_since=None)


def last_healthy(records: Iterable[RevisionRecord]) -> RevisionRecord | None:
    """The template that was proven well last, the live one if it was; what it relies on was there when it ran."""
    proven = [each for each in records if each.ever_healthy and each.health != "Bad"]
    return max(proven, key=lambda each: each.health_since or each.first_seen, default=None)
