"""What the streams know now, by name: enough to go on with, never enough to say that something is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from platelet.model.workload import Kind, Pod, WorkloadRef
from platelet.shell.kube.journal import Journal
from platelet.shell.watch.stream import Key
from platelet.shell.watch.workload_records import WorkloadRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMemory:
    """Live views of the streams' records. A stream may lag, so what is missing here is asked of the API server."""

    workloads: Mapping[Kind, Mapping[Key, WorkloadRecord]] = field(default_factory=dict)
    changes: Mapping[Kind, Journal[Key]] = field(default_factory=dict)  # of the workloads
    pods: Mapping[Key, Pod] = field(default_factory=dict)

    def workload(self, target: WorkloadRef) -> WorkloadRecord | None:
        """The workload as its stream saw it last."""
        return self.workloads.get(target.kind, {}).get((target.namespace, target.name))

    def pod(self, namespace: str, name: str) -> Pod | None:
        """The pod as the stream saw it last."""
        return self.pods.get((namespace, name))
