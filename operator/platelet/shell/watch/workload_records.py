"""From a line of a workload stream to the little that tells whether to look again."""

from dataclasses import dataclass, field

import msgspec

from platelet.shell.watch import object_memory
from platelet.shell.watch.object_memory import ObjectRecord
from platelet.shell.watch.stream import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRecord:
    """A workload as its stream remembers it. What acts on it reads the object itself, by a quorum read."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    replicas: int = 1  # wanted; of a DaemonSet, the nodes that should run its pod
    available_replicas: int = 0
    deleting: bool = False
    unavailable: bool = False  # by its own word: a Deployment says whether too many pods are missing
    whole: ObjectRecord | None = field(default=None, repr=False, compare=False)


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _Meta(_Struct):
    namespace: str
    name: str
    uid: str
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class _Spec(_Struct):
    replicas: int | None = None


class _Condition(_Struct):
    type: str = ""
    status: str = ""


class _Status(_Struct):
    conditions: list[_Condition] | None = None
    available_replicas: int = 0
    desired_number_scheduled: int | None = None  # this and the next are a DaemonSet's words
    number_available: int = 0


class _Workload(_Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Workload).decode


def reduce(raw: bytes) -> Seen[WorkloadRecord]:
    """Read one workload of any kind. Raises msgspec.ValidationError for a malformed one."""
    workload = _decode(raw)
    meta, status = workload.metadata, workload.status
    nodes = status.desired_number_scheduled
    replicas = workload.spec.replicas if nodes is None else nodes
    record = WorkloadRecord(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        generation=meta.generation,
        labels=meta.labels or {},
        replicas=1 if replicas is None else replicas,
        available_replicas=status.available_replicas or status.number_available,
        deleting=bool(meta.deletion_timestamp),
        unavailable=any(
            condition.type == "Available" and condition.status != "True" for condition in status.conditions or ()
        ),
        whole=object_memory.reduce(raw).record,
    )
    return Seen((meta.namespace, meta.name), meta.resource_version, record)
