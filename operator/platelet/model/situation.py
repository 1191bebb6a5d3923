"""The situation: everything that one decision may know, read at one moment from the API server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from platelet.model.alert import Alert
from platelet.model.autoscaler import Autoscaler, Bounds
from platelet.model.blocking import FiringAlert, Running
from platelet.model.budget import Budget, Entry
from platelet.model.config_map import KnownConfigMap
from platelet.model.intent import ObjectRef, Values
from platelet.model.log_tail import LogTail
from platelet.model.node_room import Room
from platelet.model.policy import ActionTraits, Policy, Scope, Settings, Step
from platelet.model.reading import Question, Reading
from platelet.model.remediation import Attempt, PinnedStep, Remediation
from platelet.model.signal import Evidence, Signal
from platelet.model.snapshot import Snapshot
from platelet.model.workload import WorkloadRef

SETTLED_AFTER = timedelta(minutes=2)  # longer than a query's interval and a poll of Alertmanager


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

    @property
    def passes(self) -> bool:
        """Whether it was only turned away for now (429): too many requests, or a PodDisruptionBudget that says no."""
        return self.code == 429  # noqa: PLR2004 - an HTTP status


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWrite:
    """The answer to the last write of an attempt, when the API server took it: its object as stored from then on.

    That may be another state than was sent: an admission adds to it, caps it, or changes it back.
    """

    attempt: str
    values: Values  # of the fields that were written
    template_hash: str | None = None  # of the target's template; None: the answer does not show it


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """How one try to tell a sink went."""

    id: str  # of the notification, which `sink` completes
    sink: str
    number: int = 1  # which try
    delivered: bool
    message: str = ""
    permanent: bool = False  # another try cannot help
    retry_after: timedelta | None = None  # how long the place asks not to be called again
    receipt: str = ""  # by what the place knows what it was told


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The steps of the incident's Runbook, or what is wrong with them. Its status says which is the current one."""

    steps: tuple[Step, ...] = ()
    to_pin: tuple[PinnedStep, ...] = ()  # made by hand and not looked at yet: the Runbook's steps as written
    invalid: str = ""  # why the pinned steps cannot be read; then there are none

    def traits(self, position: int) -> ActionTraits:
        """What guards must know of the action at a position; of nothing where there is no step."""
        return self.steps[position].traits if position < len(self.steps) else ActionTraits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What lies around the target, read where it may matter only."""

    scope: Scope | None = None
    nodes: Mapping[str, NodeHealth] = field(default_factory=dict)  # of the sick pods
    missing_references: tuple[str, ...] = ()
    """Secrets and ConfigMaps that are gone and that the last healthy template names."""
    absent_references: Mapping[str, str] = field(default_factory=dict)  # `configmap/x` of a template on record -> why
    namespace_suspended: str = ""  # the reason in the namespace's annotation
    autoscalers: tuple[Autoscaler, ...] = ()  # what owns this target's replicas
    objects: Mapping[ObjectRef, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Further objects that changes write, as stored. One that was looked for and is not here does not exist."""
    unreadable: frozenset[ObjectRef] = frozenset()  # of these: we may not read them any more, so nothing is known
    running: Mapping[str, tuple[Running, ...]] = field(default_factory=dict)
    """What runs of what a `blockWhile` asks for, by its selector. What may not be read is not here: unknown."""
    lists: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict, repr=False)
    """All objects of a kind, by its plural, in the target's namespace. What may not be read is not here: unknown."""

    rooms: Mapping[str, Room] = field(default_factory=dict)
    """Whether a node can hold what the plan in sight would have made, by its placement's key; empty: not asked yet."""

    def autoscaler(self, bounds: Bounds) -> Autoscaler | None:
        """The very autoscaler whose bounds these are, as it is now; None where it is gone or was made anew."""
        wanted = (bounds.kind, bounds.name, bounds.uid)
        known = {
            (autoscaler.bounds.kind, autoscaler.bounds.name, autoscaler.bounds.uid): autoscaler
            for autoscaler in self.autoscalers
        }
        return known.get(wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherIncidents:
    """What other Remediations mean for this one."""

    inherited: tuple[Evidence, ...] = ()  # alerts that the one which this one continues has not seen resolved
    older_open: str = ""  # another of this target that may act, older than this one
    younger_acting: str = ""  # a younger one of this target whose act is under way, or is being verified
    older_escalated: str = ""  # one that people have: it does nothing any more but revert what is due
    attempts: tuple[Attempt, ...] = ()  # theirs on this target, also of those that are closed
    claims: tuple[Entry, ...] = ()  # to an observing one: what the others would have reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """How far the process can be sure of what it sees, and what it was told by others than the API server."""

    epoch: int = 0  # the leader's, as this replica took it
    leading_for: timedelta | None = None  # this replica; None: it does not matter, as for people who look
    clock_age_seconds: float = 0.0  # since the last sample of the API server's time
    alerts_known_at: datetime | None = None  # last successful contact with Alertmanager
    queries_known_at: datetime | None = None  # since when each query of the policy's triggers has been answered
    config_maps: tuple[KnownConfigMap, ...] = ()  # what was just read of those that the template names, for people
    log_tail: LogTail | None = None  # what was just read of a log, for people
    job_log_tail: LogTail | None = None  # likewise, of the Job that a step has started
    readings: Mapping[Question, Reading] = field(default_factory=dict)  # what checks, steps and brakes ask now
    firing: Mapping[FiringAlert, tuple[Alert, ...]] = field(default_factory=dict)
    """What fires of the alerts that a `blockWhile` asks for. One of which that is not known is not here."""

    @property
    def is_settling_in(self) -> bool:
        """Whether this replica leads since a moment ago: what it has not heard yet, others may not have been asked."""
        return self.leading_for is not None and self.leading_for < SETTLED_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWrites:
    """What this process remembers of what it has sent for the incident; it dies with the process."""

    never_sent: frozenset[str] = frozenset()  # attempts intended by this process and not sent yet
    failure: WriteFailure | None = None
    stored: StoredWrite | None = None
    results: tuple[DeliveryResult, ...] = ()  # of tries to tell sinks
    in_flight: frozenset[tuple[str, str]] = frozenset()  # id and sink of what is being told


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A named value for what we know, in parts. Unknown is None, and means no action."""

    settings: Settings
    remediation: Remediation
    ladder: Ladder
    policy: Policy | None  # None: deleted
    covered: bool = True  # the policy, as it is now, is still for this workload
    snapshot: Snapshot
    signals: tuple[Signal, ...] = ()  # those that hold now or will (holds_at), evaluated on fresh reads
    budget: Budget | None = None  # None: missing or unreadable, which means full
    surroundings: Surroundings = field(default_factory=Surroundings)
    others: OtherIncidents = field(default_factory=OtherIncidents)
    knowledge: Knowledge = field(default_factory=Knowledge)
    own_writes: OwnWrites = field(default_factory=OwnWrites)

    @property
    def target(self) -> WorkloadRef:
        """The key of the target, which outlives its uid."""
        return self.remediation.target
