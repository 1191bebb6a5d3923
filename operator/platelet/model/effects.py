"""Effects as data: the handful of things that the shell can do. It knows nothing about remediation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from platelet.model.budget import Entry, EntryOutcome
from platelet.model.change import Patch
from platelet.model.intent import PinnedChange
from platelet.model.kept_values import KeptValues
from platelet.model.notification import Holder
from platelet.model.request import Request
from platelet.model.revision import Health
from platelet.model.situation import DeliveryResult, Situation
from platelet.model.workload import WorkloadRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Ask the ActionBudget for a place. Whether it was granted is seen at the next look.

    The guards that count are asked again, for this situation, on the very budget that is written.
    """

    entry: Entry
    situation: Situation = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Record on the ActionBudget how an attempt ended, that its verification is over, or that it was reverted."""

    attempt: str
    outcome: EntryOutcome | None = None
    at: datetime
    refunded: bool = False
    verified: bool = False
    reverted: bool = False
    made: tuple[PinnedChange, ...] = ()  # what was lent, as it was stored: only that is reverted


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """The one write of a change on a user's object, preconditioned by the resourceVersion just read."""

    id: str  # goes into the User-Agent: of the attempt, and of the change where it makes several
    target: WorkloadRef
    change: PinnedChange
    patch: Patch | Request
    kept: KeptValues | None = None  # what the change's digests stand for


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePod:
    """Delete this very pod as it was seen: a part of an attempt's write that has landed already."""

    attempt: str
    namespace: str
    name: str
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRevision:
    """Set the health of a revision record."""

    namespace: str
    record: str
    resource_version: str
    health: Health
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRelease:
    """Note on a revision record that its template has become the live one; and, if people did it, that they did."""

    namespace: str
    record: str
    resource_version: str
    live_since: datetime
    released_at: datetime | None = None  # None: it was our own write
    released_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberRevision:
    """Create the revision record of a template that is seen for the first time."""

    target: WorkloadRef
    template_hash: str
    template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    first_seen: datetime
    health: Health = "Unknown"
    health_since: datetime | None = None
    live_since: datetime | None = None  # if it is the live one
    made_from: str = ""  # the hash of the template of which our own write made it
    released_at: datetime | None = None  # of what it was made from
    released_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberValues:
    """Keep values that people must not see in a record of their own."""

    target: WorkloadRef
    values: KeptValues


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRevision:
    """Delete a revision record that nothing can lead back to."""

    namespace: str
    record: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Which notification an effect tells: its result is written back under the same id, sink and try."""

    holder: Holder
    id: str
    sink: str
    number: int = 1  # which try

    def result(self, why_not: str = "") -> DeliveryResult:
        """Say how this try went: well, unless there is a reason why not."""
        return DeliveryResult(id=self.id, sink=self.sink, number=self.number, delivered=not why_not, message=why_not)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """Set (or with None remove) one annotation of ours on the workload."""

    target: WorkloadRef
    uid: str
    resource_version: str
    key: str
    value: str | None
    agent: str  # goes into the User-Agent
    correlation: Correlation | None = None  # whose result it is; None: nobody asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Write a Kubernetes Event (events.k8s.io/v1) that regards an object. Best effort."""

    regarding: Mapping[str, str]  # apiVersion, kind, namespace, name, uid
    type: Literal["Normal", "Warning"]
    reason: str
    action: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Send a request to where people are told. It is on its way for as long as it takes, and holds up nothing."""

    request: Request
    correlation: Correlation


RecordKeeping = RememberRevision | RememberValues | MarkRevision | MarkRelease | ForgetRevision
Effect = Reserve | Settle | Write | DeletePod | RecordKeeping | Annotate | Publish | Deliver
Rendered = Request | Annotate | Publish
"""What a sink makes of a notice."""
