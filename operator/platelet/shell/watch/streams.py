"""The streams that are always followed, leading or not: pods, workloads of each kind, and what decisions remember."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from platelet.model.workload import KINDS, Kind, Pod
from platelet.shell.kube import PODS, REMEDIATION_METADATA, WORKLOADS, Resource
from platelet.shell.kube.clock import boot_time
from platelet.shell.telemetry.metrics import Metrics
from platelet.shell.watch import object_memory, pod_records, stored_versions, workload_records
from platelet.shell.watch.cluster_memory import STREAMED, ClusterMemory, OwnerKey
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.object_memory import ObjectMemory, ObjectRecord
from platelet.shell.watch.stored_versions import StoredVersions
from platelet.shell.watch.stream import BELIEVED, Key, TypedStream, Watches
from platelet.shell.watch.workload_records import WorkloadRecord


class Streams:
    """One stream of each resource, by the name that metrics use, and what they remember for decisions."""

    def __init__(
        self,
        watches: Watches,
        metrics: Metrics,
        on_pod: Callable[[Key, Pod | None], None],
        on_workload: Callable[[Kind, Key, WorkloadRecord | None], None],
        pods_of: Callable[[OwnerKey], Sequence[Pod]],
    ) -> None:
        """`on_pod` and `on_workload` hear of each change; None means deleted. `pods_of` is what is made of the pods.

        Nothing is opened without those of `needed`; without the others a decision costs more requests.
        """
        pods = TypedStream(watches, PODS, pod_records.reduce, on_pod, on_restart=_counted(metrics, PODS.plural))
        objects = {resource: ObjectMemory() for resource in STREAMED}
        workloads = {kind: ObjectMemory() for kind in KINDS}
        followed = {kind: _follow(watches, metrics, kind, on_workload, workloads[kind]) for kind in KINDS}
        self.needed: Mapping[str, TypedStream[Any]] = {
            PODS.plural: pods,
            **{WORKLOADS[kind].plural: stream for kind, stream in followed.items()},
        }
        others: dict[str, TypedStream[Any]] = {
            resource.plural: _remember(watches, metrics, resource, memory) for resource, memory in objects.items()
        }
        remediations = _follow_remediations(watches, metrics)
        others[REMEDIATION_METADATA.plural] = remediations
        self.by_name: Mapping[str, TypedStream[Any]] = {**self.needed, **others}
        self.memory = ClusterMemory(
            workloads=workloads,
            objects=objects,
            streams=_views(followed, pods),
            knows_workloads=lambda kind: is_current(followed[kind]),
            pods_of=pods_of,
            knows_pods=lambda: is_current(pods),
            remediations=StoredVersions(
                of=remediations.records, changes=remediations.changes, are_known=lambda: is_current(remediations)
            ),
        )
        for name, stream in self.by_name.items():
            metrics.stream_silence.labels(stream=name).set_function(_silence_of(stream))


def is_current(stream: TypedStream[Any]) -> bool:
    """Whether it has listed everything, and still speaks."""
    return stream.synced and not stream.silent(BELIEVED)


def _views(followed: Mapping[Kind, TypedStream[WorkloadRecord]], pods: TypedStream[Pod]) -> StreamMemory:
    return StreamMemory(
        workloads={kind: stream.records for kind, stream in followed.items()},
        changes={kind: stream.changes for kind, stream in followed.items()},
        pods=pods.records,
    )


def _follow_remediations(watches: Watches, metrics: Metrics) -> TypedStream[int]:
    return TypedStream(
        watches,
        REMEDIATION_METADATA,
        stored_versions.reduce,
        lambda _key, _version: None,
        on_restart=_counted(metrics, REMEDIATION_METADATA.plural),
    )


def _follow(
    watches: Watches,
    metrics: Metrics,
    kind: Kind,
    on_change: Callable[[Kind, Key, WorkloadRecord | None], None],
    memory: ObjectMemory,
) -> TypedStream[WorkloadRecord]:
    def take(key: Key, record: WorkloadRecord | None) -> None:
        memory.see(key, record.whole if record is not None else None)
        on_change(kind, key, record)

    name = WORKLOADS[kind].plural
    stream = TypedStream(watches, WORKLOADS[kind], workload_records.reduce, take, on_restart=_counted(metrics, name))
    memory.follow(lambda: is_current(stream))
    return stream


def _remember(
    watches: Watches, metrics: Metrics, resource: Resource, memory: ObjectMemory
) -> TypedStream[ObjectRecord]:
    name = resource.plural
    stream = TypedStream(watches, resource, object_memory.reduce, memory.see, on_restart=_counted(metrics, name))
    memory.follow(lambda: is_current(stream))
    return stream


def _counted(metrics: Metrics, name: str) -> Callable[[str], None]:
    return lambda reason: metrics.on_stream_restart(name, reason)


def _silence_of(stream: TypedStream[Any]) -> Callable[[], float]:
    return lambda: boot_time() - stream.last_activity
