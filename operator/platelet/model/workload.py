"""What is known of a workload and its pods at one moment: read from the API, reduced to what decisions need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from platelet.model.durations import CAMEL

Kind = Literal["Deployment"]
KINDS: tuple[Kind, ...] = ("Deployment",)
Name = Annotated[str, Field(min_length=1, max_length=253)]


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
    """The controlling owner of an object (ownerReferences with controller: true)."""

    api_version: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment as read. `template` may carry plaintext secrets: never log or store it outside revision records."""

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
    replicas: int  # wanted; spec.replicas, which is absent at 0 in some encodings and defaults to 1
    template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    template_hash: str  # of the template without pod-template-hash and restartedAt
    restart_stamp: str = ""  # kubectl.kubernetes.io/restartedAt of the template
    status_replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # type -> (status, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSet:
    """One generation of a Deployment's pods. `revision` is deployment.kubernetes.io/revision, 0 if unreadable."""

    name: str
    uid: str
    revision: int
    replicas: int
    created_at: datetime
    template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    template_hash: str
    pod_template_hash: str = ""  # the label that its pods carry


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container's status, init containers included."""

    name: str
    ready: bool = False
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod reduced to what triggers, guards and checks read."""

    namespace: str
    name: str
    uid: str
    created_at: datetime
    phase: str = ""
    owner: Owner | None = None
    pod_template_hash: str = ""
    node: str = ""
    deleting: bool = False
    ready: bool = False
    ready_changed_at: datetime | None = None  # when the Ready condition last changed; None before it was ever set
    unschedulable: str = ""  # message of PodScheduled=False, else empty
    containers: tuple[Container, ...] = ()
