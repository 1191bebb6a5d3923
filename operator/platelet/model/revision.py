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

    Healthy: provably well for `healthyFor`. Suspect: it failed, or an undo left it and that did not help. Bad: an undo
    away from it healed. Neither is a goal, until people release it again and it proves itself.
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
    claims_health: bool = False  # its own annotation says so, which is no proof; nor is it then known as never healthy
    proven_at: datetime | None = None  # when it last became Healthy
    remembered_at: datetime | None = None  # when this record was made: what was before that nobody has seen
    live_since: datetime | None = None  # when it was last seen to become the live template, by whosever hand
    released_at: datetime | None = None  # when people last made it live again; None: not since it was first seen
    released_by: str = ""  # the field manager of that write, if it is known
    made_from: str = ""  # the hash of the template of which a write of ours made it: it belongs to that one's release

    @property
    def last_release(self) -> datetime:
        """When people last released it; our own writes do not count."""
        return self.released_at or self.first_seen

    def as_of(self, now: datetime) -> "RevisionRecord":
        """The record as it may be believed at a moment: a health since a later one has not been seen yet."""
        if self.health_since is None or self.health_since <= now:
            return self
        return replace(self, health="Unknown", health_since=None)


def family(template_hash: str, records: Iterable[RevisionRecord]) -> tuple[RevisionRecord, ...]:
    """The records of one release: of a template, and of all that our own writes have made of it or it was made of."""
    known = list(records)
    made_from = {record.template_hash: record.made_from for record in known if record.made_from}
    origin = _origin(template_hash, made_from)
    return tuple(record for record in known if _origin(record.template_hash, made_from) == origin)


def _origin(template_hash: str, made_from: Mapping[str, str]) -> str:
    seen = [template_hash]
    while (before := made_from.get(seen[-1], "")) and before not in seen:
        seen.append(before)
    return seen[-1]


def last_healthy(records: Iterable[RevisionRecord]) -> RevisionRecord | None:
    """The template that was proven well last, the live one if it was; what it relies on was there when it ran."""
    proven = [record for record in records if record.ever_healthy and record.health != "Bad"]
    return max(proven, key=lambda record: record.health_since or record.first_seen, default=None)
