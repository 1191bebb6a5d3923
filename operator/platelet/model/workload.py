"""What is known of a workload and its pods at one moment: read from the API, reduced to what decisions need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL

Kind = Literal["Deployment", "StatefulSet", "DaemonSet"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Name = Annotated[str, Field(min_length=1, max_length=253)]

ROLLOUT_COMPLETE = "NewReplicaSetAvailable"  # reasons of the condition Progressing (deployment_util.go)
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
LONGEST_START = timedelta(hours=1)  # what has not started by then hangs, whatever its deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRef:
    """Which workload: the key of limits and of the ladder, whatever its uid."""

    kind: Kind
    namespace: Name
    name: Name

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind.lower()}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose object it is, by ownerReferences: the controlling owner; of a workload, else a custom resource."""

    api_version: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A workload as read. `template` may carry plaintext secrets: never log or store it outside revision records."""

    ref: WorkloadRef
    uid: str
    resource_version: str
    generation: int
    observed_generation: int
    created_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, Any] = field(default_factory=dict)  # spec.selector
    owner: Owner | None = None
    paused: bool = False
    deleting: bool = False
    replicas: int  # wanted: spec.replicas, which defaults to 1; of a DaemonSet, the nodes that should run its pod
    template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    template_hash: str  # of the template without pod-template-hash and restartedAt
    restart_stamp: str = ""  # kubectl.kubernetes.io/restartedAt of the template
    template_manager: str = ""  # the field manager, other than platelet, that wrote to the template last, if known
    status_replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # type -> (status, reason)
    cannot_create: str = ""  # why no pods can be made: the message of ReplicaFailure=True
    condition_times: Mapping[str, datetime] = field(default_factory=dict)  # type -> when its status last changed
    on_delete: bool = False  # updateStrategy OnDelete: a pod gets the template when somebody deletes the old one
    ordered: bool = False  # StatefulSet with OrderedReady: pods one by one, each waits for the one before
    first_ordinal: int = 0  # of a StatefulSet's pods
    partition: int = 0  # StatefulSet: so many of its first pods keep the template that they have
    current_revision: str = ""  # StatefulSet: where its last complete rollout led
    update_revision: str = ""  # StatefulSet: where its present rollout leads
    progress_deadline: timedelta = timedelta(minutes=10)  # a rollout without progress for so long is stuck

    @property
    def start_grace(self) -> timedelta:
        """How long the first start of a pod may take: a rollout's deadline, unless that is as good as none."""
        return min(self.progress_deadline, LONGEST_START)

    @property
    def held_replicas(self) -> int:
        """How many pods no rollout replaces: those below the partition, and with OnDelete all."""
        return self.replicas if self.on_delete else min(self.partition, self.replicas)

    @property
    def makes_no_pods(self) -> bool:
        """Whether each pod of a rollout is refused: by a quota, Pod Security, a webhook."""
        return bool(self.cannot_create) and self.updated_replicas == 0 and self.replicas > 0 and not self.rolled_out

    @property
    def is_short(self) -> bool:
        """Whether fewer pods are available than wanted, by the controller's word on the present spec."""
        return not self.deleting and self.available_replicas < self.replicas

    @property
    def rolled_out(self) -> bool:
        """Whether the rollout of the live template was complete once, by the controller's word; a DaemonSet has none.

        Pods that are refused afterwards (a quota that was lowered, say) are no fault of the template.
        """
        if self.ref.kind == "StatefulSet":
            return self.current_revision == self.update_revision
        return self.conditions.get("Progressing", ("", ""))[1] == ROLLOUT_COMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One generation of a workload's pods: a ReplicaSet of a Deployment, a ControllerRevision of the other kinds."""

    name: str
    uid: str
    number: int  # what `kubectl rollout history` calls the revision; 0 if unreadable
    earlier_numbers: tuple[int, ...] = ()  # what it was called before it was rolled out again, oldest first
    replicas: int  # pods: wanted by a ReplicaSet; there, with a ControllerRevision
    created_at: datetime
    template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    template_hash: str
    revision_hash: str = ""  # the value of the label that its pods carry


def newest_revision_hash(workload: Workload, revisions: Iterable[Revision]) -> str:
    """The label that the pods of the live template carry; empty while its revision does not exist yet."""
    live = [revision for revision in revisions if revision.template_hash == workload.template_hash]
    return max(live, key=lambda revision: revision.number).revision_hash if live else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container's status, init containers included."""

    name: str
    image: str = ""  # as the template names it, until it is pulled
    init: bool = False  # runs to its end before the others start; a sidecar (restartPolicy: Always) does not
    ready: bool = False
    started: bool | None = None  # False: its startup probe has not passed yet; None: the kubelet does not say
    restarts: int = 0
    state: Literal["waiting", "running", "terminated", "unknown"] = "unknown"
    reason: str = ""  # of the waiting or terminated state
    message: str = ""
    exit_code: int | None = None  # of a terminated state
    started_at: datetime | None = None  # of the running or terminated state
    finished_at: datetime | None = None  # of the terminated state
    last_reason: str = ""  # of lastState.terminated
    last_exit_code: int | None = None
    last_started_at: datetime | None = None
    last_finished_at: datetime | None = None

    @property
    def is_starting(self) -> bool:
        """Whether its first run goes on and is not yet what the pod is for."""
        return self.state == "running" and self.restarts == 0 and (self.init or self.started is False)

    @property
    def has_done_its_work(self) -> bool:
        """Whether it is an init container that has ended well: the only ended ones that the kubelet calls ready."""
        return self.state == "terminated" and self.ready and self.exit_code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod reduced to what triggers, guards and checks read."""

    namespace: str
    name: str
    uid: str
    created_at: datetime
    resource_version: str = ""  # of a fresh read; empty from a stream, where a version alone is no change
    phase: str = ""
    owner: Owner | None = None
    revision_hash: str = ""  # label pod-template-hash or controller-revision-hash
    node: str = ""
    deleting: bool = False
    gone_by: datetime | None = None  # of one that is being deleted: when its grace is over (deletionTimestamp)
    finalizers: tuple[str, ...] = ()  # of one that is being deleted: what it waits for, whatever the kubelet does
    ready: bool = False
    ready_changed_at: datetime | None = None  # when the Ready condition last changed; None before it was ever set
    clock_leads: bool = False  # its node told times of the future: they were taken for when they were first seen
    unschedulable: str = ""  # message of PodScheduled=False, else empty
    containers: tuple[Container, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether its workload relies on it (Kubernetes' own IsPodActive): not being deleted, and not over.

        Over is Succeeded or Failed: evicted, shut down with its node, refused by the kubelet. No controller of a
        Deployment ever deletes such pods, and they are nobody's symptom.
        """
        return not self.deleting and self.phase not in ("Succeeded", "Failed")

    @property
    def is_starting(self) -> bool:
        """Whether its first start goes on: an init container runs, or a startup probe has not passed yet.

        How long a startup probe may take is bounded by the probe itself: once it has failed, the kubelet restarts the
        container, and the pod starts no more.
        """
        return self.is_active and not self.ready and any(container.is_starting for container in self.containers)
