"""The ActionBudget: the one object on which every attempt must reserve its place (DESIGN 3.2)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.blocking import Blocks
from platelet.model.durations import CAMEL, Timestamp
from platelet.model.intent import Changes
from platelet.model.policy import Rate
from platelet.model.signal import ShortText, Text
from platelet.model.workload import WorkloadRef

MAX_ENTRIES = 2100
ROOM_FOR_ACTS = 1900  # entries; what is above is kept for reverts, which must never find the budget full
LARGEST = 1_000_000  # bytes of all entries, about; with long names an object is full before its list is
PolicyKey = Annotated[str, Field(max_length=317)]  # namespace/name
EntryKind = Literal["Act", "Revert"]
EntryOutcome = Literal["Done", "Refused", "Superseded", "Unknown", "Abandoned"]
Leaving = Literal["Revert", "Drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """People have stopped something, until they take this away or `until` is over."""

    reason: Text = ""
    until: Timestamp | None = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    def in_force(self, now: datetime) -> bool:
        """Tell whether it still stops."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension(Pause):
    """The kill switch: no attempt is reserved while it is set and `until` is not over."""

    leaving: Leaving | None = None  # platelet will be removed: temporary changes are reverted now, or let stay

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSpec:
    """Operator-wide limits, set by people."""

    limits: Annotated[tuple[Rate, ...], Field(min_length=1, max_length=8)] = (
        Rate(max_actions=10, per=timedelta(hours=1)),
    )
    suspended: Suspension | None = None
    block_while: Blocks = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRevert:
    """A temporary change to be reverted, kept here too so that deleting the Remediation does not lose it."""

    action: ShortText  # whose change it was
    changes: Changes  # reverted only while they are there
    uid: ShortText = ""  # of the workload that was changed: one re-created under its name is left alone
    due_at: Timestamp | None = None
    when_resolved: bool = False
    done: bool = False

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One reservation: an attempt that has, or may have, changed something."""

    id: ShortText  # <remediation uid>/<step>/<n>, or <attempt id>/back
    kind: EntryKind = "Act"
    target: WorkloadRef
    policy: PolicyKey
    epoch: int  # of the leader that reserved
    reserved_at: Timestamp
    outcome: EntryOutcome | None = None
    outcome_at: Timestamp | None = None  # the slot frees one window after this
    settled_at: Timestamp | None = None  # verification is over: no longer counts for maxConcurrent
    refunded: bool = False  # definitely refused by the API server: counts for nothing
    revert: PendingRevert | None = None

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """The leader's epoch and the reservations. Written only by the leader's one writer, resourceVersion-checked."""

    epoch: int = 0
    holder: ShortText = ""
    used: ShortText = ""  # "3/10 per 1h", for kubectl get
    full_until: Timestamp | None = None  # history was lost: nothing acts before this
    full_reason: ShortText = ""
    entries: Annotated[tuple[Entry, ...], Field(max_length=MAX_ENTRIES)] = ()

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The ActionBudget as read."""

    uid: str
    resource_version: str
    generation: int = 0
    spec: BudgetSpec = field(default_factory=BudgetSpec)
    status: BudgetStatus = field(default_factory=BudgetStatus)

    @property
    def has_room_for_acts(self) -> bool:
        """Whether it may remember one more attempt that changes something."""
        entries = self.status.entries
        return len(entries) < ROOM_FOR_ACTS and sum(_size(entry) for entry in entries) < LARGEST

    def leaving(self, now: datetime) -> Leaving | None:
        """What shall become of temporary changes before platelet is removed; None while it is here to stay."""
        suspension = self.spec.suspended
        return suspension.leaving if suspension is not None and suspension.in_force(now) else None


def _size(entry: Entry) -> int:
    """About so many bytes of JSON."""
    named = len(entry.id) + len(entry.policy) + len(entry.target.namespace) + len(entry.target.name)
    return named + 300 + (400 * len(entry.revert.changes) if entry.revert is not None else 0)
