"""Sight: one workload with all that belongs to it, read at one moment. Fresh quorum reads, never a watch's cache."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from platelet.api import attestations, lenient
from platelet.api import pods as pod_contract
from platelet.api import records as record_contract
from platelet.api import workloads as workload_contract
from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.model.revision import RevisionRecord
from platelet.model.workload import Pod, Revision, Workload, WorkloadRef
from platelet.shell.kube import CONTROLLER_REVISIONS, PODS, REPLICA_SETS, WORKLOADS, Json, Kube, NotFound
from platelet.shell.survey import UNREADABLE

log = structlog.get_logger("platelet.sight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A workload with what belongs to it. `workload` is None when it does not exist."""

    workload: Workload | None
    revisions: tuple[Revision, ...] = ()
    pods: tuple[Pod, ...] = ()
    records: tuple[RevisionRecord, ...] = ()


SettlePods = Callable[[Sequence[Pod]], tuple[Pod, ...]]
"""Holds the times that kubelets tell against what is remembered of the pods."""


async def see(
    kube: Kube,
    target: WorkloadRef,
    home: str | None = OPERATOR_NAMESPACE,
    *,
    settle: SettlePods = tuple,
    with_records: bool = True,
) -> Sight:
    """Read a workload, its revisions (newest first), its pods and its revision records.

    `home` is the operator's namespace, where it has attested their health; None for people who may not look there: the
    records then say themselves how healthy they are, which is no ground to act on. Without `settle` the times of pods
    are taken as their kubelets told them; `with_records=False` is for who does not need them. Raises ApiError.
    """
    try:
        stored = await kube.get(WORKLOADS[target.kind], target.namespace, target.name)
    except NotFound:
        return Sight(workload=None, records=await _records(kube, target, home) if with_records else ())
    workload = workload_contract.read_workload(target.kind, stored)
    labels = _selector_text(workload.selector)
    kept_in = REPLICA_SETS if target.kind == "Deployment" else CONTROLLER_REVISIONS
    stored_revisions, stored_pods, records = await asyncio.gather(
        kube.list(kept_in, target.namespace, labels=labels),
        kube.list(PODS, target.namespace, labels=labels),
        _records(kube, target, home) if with_records else _no_records(),
    )
    owned = [each for each in stored_revisions if _controller(each) == workload.uid]
    owners = {each["metadata"]["uid"] for each in owned} if target.kind == "Deployment" else {workload.uid}
    pods = settle([pod_contract.read_pod(each) for each in stored_pods if _controller(each) in owners])
    revisions = sorted((_revision(target, each, pods) for each in owned), key=lambda each: -each.number)
    return Sight(
        workload=workload,
        revisions=tuple(revisions),
        pods=pods,
        records=tuple(_not_younger(each, revisions, pods) for each in records),
    )


def _not_younger(record: RevisionRecord, revisions: Sequence[Revision], pods: Sequence[Pod]) -> RevisionRecord:
    """A template is at least as old as what has run it, and its last release as what runs it, whatever is on record."""
    mine = [each for each in revisions if each.template_hash == record.template_hash]
    record = replace(record, first_seen=min([record.first_seen, *(each.created_at for each in mine)]))
    if record.released_at is None:
        return record
    labels = {each.revision_hash for each in mine if each.revision_hash}
    made = (pod.created_at for pod in pods if pod.revision_hash in labels and not pod.deleting)
    return replace(record, released_at=min([record.released_at, *made]))


def _revision(target: WorkloadRef, stored: Json, pods: Sequence[Pod]) -> Revision:
    if target.kind == "Deployment":
        return workload_contract.read_replica_set(stored)
    return workload_contract.read_controller_revision(target.kind, stored, pods)


async def _records(kube: Kube, target: WorkloadRef, home: str | None) -> tuple[RevisionRecord, ...]:
    stored = await kube.list(CONTROLLER_REVISIONS, target.namespace, labels=record_contract.record_selector(target))
    records = [_record(each, target) for each in stored if not attestations.is_attestation(each)]
    ours = tuple(each for each in records if each is not None)
    if home is None or not ours:
        return ours
    attested = await kube.list(CONTROLLER_REVISIONS, home, labels=attestations.attestation_selector(target))
    return tuple(attestations.attest(each, attested) for each in ours)


def _record(stored: Json, target: WorkloadRef) -> RevisionRecord | None:
    """One of ours; what others put under our labels is passed over."""
    try:
        record = record_contract.read_record(stored)
        ours = record.target == target and record_contract.is_ours(record)
    except UNREADABLE:
        ours = False
    if not ours:
        log.warning("not a revision record of ours", target=str(target), name=stored["metadata"].get("name"))
        return None
    return record


async def _no_records() -> tuple[RevisionRecord, ...]:
    return ()


def _selector_text(selector: Mapping[str, Any]) -> str:
    """The equality part of a label selector: more than enough, since owners are compared afterwards."""
    return ",".join(f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items()))


def _controller(stored: Json) -> str:
    owner = lenient.read_owner(stored)
    return owner.uid if owner is not None else ""
