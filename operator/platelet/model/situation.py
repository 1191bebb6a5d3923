"""The situation: everything that one decision may know, read at one moment from the API server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platelet.model.autoscaler import Autoscaler, Bounds
from platelet.model.budget import Budget, Entry
from platelet.model.intent import PostState
from platelet.model.policy import Policy, Scope, Settings, Step
from platelet.model.reading import Question, Reading
from platelet.model.remediation import PinnedStep, Remediation
from platelet.model.revision import RevisionRecord
from platelet.model.signal import Evidence, Signal
from platelet.model.workload import Pod, Revision, Workload, WorkloadRef

SETTLED_AFTER = timedelta(minutes=2)  # longer than a query's interval and a poll of Alertmanager


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTraits:
    """What guards must know of the step's action, without knowing the action."""

    name: str = ""
    changes_template: bool = False  # to another template: undo (a restart only stamps)
    changes_replicas: bool = False
    replaces_pods: bool = False  # undo and restart; more replicas leave those alone that there are
    needs_room: bool = False  # nothing comes of it where no pods can be made: restart, more replicas
    heals_rollout: bool = False  # may act on an unfinished rollout whose own pods are sick


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """Whether a node can be the cause: NotReady, or under which pressure."""

    name: str
    ready: bool
    pressures: tuple[str, ...] = ()  # MemoryPressure, DiskPressure, PIDPressure


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFailure:
    """The answer to the last write of an attempt, when it was a definite refusal of the API server."""

    attempt: str
    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWrite:
    """The answer to the last write of an attempt, when the API server took it: its object as stored from then on.

    That may be another state than was sent: an admission adds to it, caps it, or changes it back.
    """

    attempt: str
    state: PostState  # of the fields that the answer shows


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """How the last delivery to the policy's webhook went."""

    delivered: bool
    message: str = ""
    id: str = ""  # of the notice; empty: of the only one that there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A named value for what we know. Unknown is None, and means no action."""

    settings: Settings
    remediation: Remediation
    steps: tuple[Step, ...]
    to_pin: tuple[PinnedStep, ...] = ()  # made by hand and not looked at yet: the Runbook's steps as written
    invalid_steps: str = ""  # why the pinned steps cannot be read; then there are none
    policy: Policy | None  # None: deleted
    workload: Workload | None  # None: deleted
    signals: tuple[Signal, ...] = ()  # those that hold now or will (holds_at), evaluated on fresh reads
    revisions: tuple[Revision, ...] = ()  # the target's, newest revision first
    pods: tuple[Pod, ...] = ()  # the target's
    records: tuple[RevisionRecord, ...] = ()  # the target's
    budget: Budget | None = None  # None: missing or unreadable, which means full
    epoch: int = 0  # ours
    claims: tuple[Entry, ...] = ()  # to an observing one: what the others would have reserved
    scope: Scope | None = None
    nodes: Mapping[str, NodeHealth] = field(default_factory=dict)  # of the sick pods
    missing_references: tuple[
        str, ...
    ] = ()  # Secrets and ConfigMaps that are gone and that the last healthy template names
    absent_references: Mapping[str, str] = field(default_factory=dict)  # `configmap/x` of a template on record -> why
    namespace_suspended: str = ""  # the reason in the namespace's annotation
    autoscalers: tuple[Autoscaler, ...] = ()  # what owns this target's replicas; read where it matters only
    covered: bool = True  # the policy, as it is now, is still for this workload
    inherited: tuple[Evidence, ...] = ()  # alerts that the Remediation which this one continues has not seen resolved
    older_open: str = ""  # another Remediation of this target that may act, older than this one
    older_escalated: str = ""  # one that people have: it does nothing any more but take back what is due
    action: ActionTraits = field(default_factory=ActionTraits)  # of the current step
    clock_age_seconds: float = 0.0  # since the last sample of the API server's time
    never_sent: frozenset[str] = frozenset()  # attempts intended by this process and not sent yet
    failure: WriteFailure | None = None
    stored: StoredWrite | None = None
    answered_marks: frozenset[str | None] = frozenset()  # of this remediation's mark on the workload, None: its removal
    delivery: DeliveryResult | None = None
    alerts_known_at: datetime | None = None  # last successful contact with Alertmanager
    queries_known_at: datetime | None = None  # since when each query of the policy's triggers has been answered
    leading_for: timedelta | None = None  # this replica; None: it does not matter, as for people who look
    readings: Mapping[Question, Reading] = field(default_factory=dict)  # what the present verification asks

    @property
    def is_settling_in(self) -> bool:
        """Whether this replica leads since a moment ago: what it has not heard yet, others may not have been asked."""
        return self.leading_for is not None and self.leading_for < SETTLED_AFTER

    def autoscaler(self, bounds: Bounds) -> Autoscaler | None:
        """The very autoscaler whose bounds these are, as it is now; None where it is gone or was made anew."""
        wanted = (bounds.kind, bounds.name, bounds.uid)
        found = (each for each in self.autoscalers if (each.bounds.kind, each.bounds.name, each.bounds.uid) == wanted)
        return next(found, None)

    @property
    def target(self) -> WorkloadRef:
        """The key of the target, which outlives its uid."""
        return self.remediation.target
