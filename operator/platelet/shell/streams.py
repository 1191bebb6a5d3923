"""The streams that are always followed, leading or not: pods, and workloads of each kind."""

from collections.abc import Callable, Mapping
from typing import Any

from platelet.model.workload import KINDS, Kind, Pod
from platelet.shell import pod_records, workload_records
from platelet.shell.clock import boot_time
from platelet.shell.kube import PODS, WORKLOADS
from platelet.shell.metrics import Metrics
from platelet.shell.stream import Key, TypedStream, Watches
from platelet.shell.workload_records import WorkloadRecord


class Streams:
    """One stream of each resource, by the name that metrics and health use."""

    def __init__(
        self,
        watches: Watches,
        metrics: Metrics,
        on_pod: Callable[[Key, Pod | None], None],
        on_workload: Callable[[Kind, Key, WorkloadRecord | None], None],
    ) -> None:
        """`on_pod` and `on_workload` hear of each change; None means deleted."""
        pods = TypedStream(watches, PODS, pod_records.reduce, on_pod, on_restart=_counted(metrics, PODS.plural))
        self.workloads = {kind: _follow(watches, metrics, kind, on_workload) for kind in KINDS}
        self.by_name: Mapping[str, TypedStream[Any]] = {
            PODS.plural: pods,
            **{WORKLOADS[kind].plural: stream for kind, stream in self.workloads.items()},
        }
        for name, stream in self.by_name.items():
            metrics.stream_silence.labels(stream=name).set_function(_silence_of(stream))


def _follow(
    watches: Watches, metrics: Metrics, kind: Kind, on_change: Callable[[Kind, Key, WorkloadRecord | None], None]
) -> TypedStream[WorkloadRecord]:
    return TypedStream(
        watches,
        WORKLOADS[kind],
        workload_records.reduce,
        lambda key, record: on_change(kind, key, record),
        on_restart=_counted(metrics, WORKLOADS[kind].plural),
    )


def _counted(metrics: Metrics, name: str) -> Callable[[str], None]:
    return lambda reason: metrics.on_stream_restart(name, reason)


def _silence_of(stream: TypedStream[Any]) -> Callable[[], float]:
    return lambda: boot_time() - stream.last_activity
