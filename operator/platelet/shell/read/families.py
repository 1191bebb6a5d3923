"""What belongs to a workload: its revisions, and the pods of these; found by selector and by owner."""

from collections.abc import Sequence
from typing import Protocol

from platelet.api.readers import lenient
from platelet.api.readers import pods as pod_contract
from platelet.model.workload import Pod, Workload, WorkloadRef
from platelet.shell.kube import CONTROLLER_REVISIONS, REPLICA_SETS, Json, Resource
from platelet.shell.watch.cluster_memory import OwnerKey
from platelet.shell.watch.typed_objects import TypedObjects

Below = tuple[Sequence[Json], Sequence[Pod]]
"""What a workload controls: its ReplicaSets or ControllerRevisions as they are stored, and the pods of these."""

Family = tuple[Json, Below]
"""A workload as it is stored, and what it controls."""


class ReadsBelow(Protocol):
    """Reads a workload, and what such a workload controls. Each may raise ApiError."""

    @property
    def typed(self) -> TypedObjects:
        """Makes the model's values of stored objects."""

    async def workload(self, target: WorkloadRef) -> Json | None:
        """The object itself; None: there is none."""

    async def below(self, workload: Workload) -> Below:
        """What it controls."""


async def read_in_turn(source: ReadsBelow, target: WorkloadRef) -> Family | None:
    """Read the workload first, then what its own selector finds; None: there is no such workload."""
    stored = await source.workload(target)
    return None if stored is None else (stored, await source.below(source.typed.workload(target.kind, stored)))


def shows_the_live_template(typed: TypedObjects, workload: Workload, revisions: Sequence[Json]) -> bool:
    """Whether the newest of these revisions has the live template: then no newer revision is missing."""
    read = [typed.revision(workload.ref.kind, stored, ()) for stored in revisions]
    newest = max(read, key=lambda revision: revision.number, default=None)
    return newest is not None and newest.template_hash == workload.template_hash


def owned_pods(pods: Sequence[Json], workload: Workload, revisions: Sequence[Json]) -> list[Pod]:
    """Read those of the pods that the workload controls, directly or by one of these revisions."""
    owners = {uid for *_, uid in owner_keys(workload, revisions)}
    return [pod_contract.read_pod(pod) for pod in pods if controller_uid(pod) in owners]


def revision_resource(workload: Workload) -> Resource:
    """The kind of object that holds its revisions."""
    return REPLICA_SETS if workload.ref.kind == "Deployment" else CONTROLLER_REVISIONS


def owner_keys(workload: Workload, revisions: Sequence[Json]) -> list[OwnerKey]:
    """The controllers of its pods: a Deployment's ReplicaSets; for other kinds the workload itself."""
    ref = workload.ref
    if ref.kind != "Deployment":
        return [(ref.namespace, ref.kind, ref.name, workload.uid)]
    named = ((revision["metadata"]["name"], revision["metadata"]["uid"]) for revision in revisions)
    return [(ref.namespace, REPLICA_SETS.kind, name, uid) for name, uid in named]


def selector_text(workload: Workload) -> str:
    """The equality part of its selector, as a LIST takes it."""
    return ",".join(f"{key}={value}" for key, value in sorted((workload.selector.get("matchLabels") or {}).items()))


def controller_uid(stored: Json) -> str:
    """The uid of an object's controller; empty if it has none."""
    owner = lenient.read_owner(stored)
    return owner.uid if owner is not None else ""
