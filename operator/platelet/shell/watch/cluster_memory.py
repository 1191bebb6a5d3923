"""What is remembered of the cluster for decisions: of each kind that a look reads, what its stream showed last."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from platelet.model.workload import KINDS, Kind, Pod, WorkloadRef
from platelet.shell.kube import CONTROLLER_REVISIONS, NAMESPACES, NODES, REPLICA_SETS, Resource
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.object_memory import ObjectMemory
from platelet.shell.watch.stored_versions import StoredVersions
from platelet.shell.watch.typed_objects import TypedObjects

STREAMED = (REPLICA_SETS, CONTROLLER_REVISIONS, NAMESPACES, NODES)
"""The kinds that are streamed for decisions alone, beside pods and workloads."""

OwnerKey = tuple[str, str, str, str]
"""Namespace, kind, name and uid of what controls pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMemory:
    """One memory of each kind; of pods, what their stream has made of them."""

    workloads: Mapping[Kind, ObjectMemory] = field(default_factory=lambda: {kind: ObjectMemory() for kind in KINDS})
    objects: Mapping[Resource, ObjectMemory] = field(
        default_factory=lambda: {resource: ObjectMemory() for resource in STREAMED}
    )
    streams: StreamMemory = field(default_factory=StreamMemory)  # the streams' own records, by name
    knows_workloads: Callable[[Kind], bool] = lambda _kind: False  # all of a kind, as of a moment ago
    pods_of: Callable[[OwnerKey], Sequence[Pod]] = lambda _owner: ()
    knows_pods: Callable[[], bool] = lambda: False  # all that there are, as of a moment ago
    remediations: StoredVersions = field(default_factory=StoredVersions)
    typed: TypedObjects = field(default_factory=TypedObjects)

    def template_of(self, target: WorkloadRef) -> str | None:
        """The hash of a workload's template as it is remembered; None where the API server must be asked."""
        stored = self.workloads[target.kind].get(target.namespace, target.name)
        return self.typed.workload(target.kind, stored).template_hash if stored is not None else None
