"""Effects as data: the handful of things that the shell can do. It knows nothing about remediation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from platelet.model.budget import Entry, EntryOutcome
from platelet.model.intent import PostState
from platelet.model.revision import Health
from platelet.model.situation import Situation
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
    """Record on the ActionBudget how an attempt ended, that its verification is over, or that it was taken back."""

    attempt: str
    outcome: EntryOutcome | None = None
    at: datetime
    refunded: bool = False
    verified: bool = False
    taken_back: bool = False
    made: PostState | None = None  # what was lent, as it was stored: only that is taken back


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """The one write of an attempt on a user's object, preconditioned by the resourceVersion just read.

    The object is the target, or the autoscaler that `post` names.
    """

    attempt: str
    target: WorkloadRef
    uid: str  # of the object that is written
    resource_version: str  # the same
    post: PostState


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
    released_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRevision:
    """Delete a revision record that nothing can lead back to."""

    namespace: str
    record: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """Set (or with None remove) one annotation of ours on the workload."""

    target: WorkloadRef
    uid: str
    resource_version: str
    key: str
    value: str | None
    agent: str  # goes into the User-Agent


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
    """POST a notice to a policy's webhook; at least once, with a stable id."""

    id: str
    policy: tuple[str, str]  # namespace, name
    remediation: tuple[str, str]
    event: Mapping[str, Any]  # a CloudEvents body


RecordKeeping = RememberRevision | MarkRevision | MarkRelease | ForgetRevision
Effect = Reserve | Settle | Write | DeletePod | RecordKeeping | Annotate | Publish | Deliver
