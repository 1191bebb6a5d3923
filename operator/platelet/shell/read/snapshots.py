"""One workload with all that belongs to it, as of one moment."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from platelet.api.readers import attestations
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.revision import RevisionRecord
from platelet.model.snapshot import Snapshot
from platelet.model.workload import Pod, Revision, WorkloadRef
from platelet.shell.kube import Reads
from platelet.shell.read.quorum import Quorum
from platelet.shell.read.sources import Source

SettlePods = Callable[[Sequence[Pod]], tuple[Pod, ...]]
"""Holds the times that kubelets tell against what is remembered of the pods."""


async def read_snapshot(
    kube: Reads,
    target: WorkloadRef,
    home: str | None = OPERATOR_NAMESPACE,
    *,
    settle: SettlePods = tuple,
    with_records: bool = True,
) -> Snapshot:
    """Read a workload, its revisions (newest first), its pods and its revision records, by quorum.

    `home` is the operator's namespace, where it has attested their health; None for people who may not look there: the
    records then say themselves how healthy they are, which is no ground to act on. Without `settle` the times of pods
    are taken as their kubelets told them; `with_records=False` is for who does not need them. Raises ApiError.
    """
    return await read_from(Quorum(kube), target, home, settle=settle, with_records=with_records)


async def read_from(
    source: Source,
    target: WorkloadRef,
    home: str | None = OPERATOR_NAMESPACE,
    *,
    settle: SettlePods = tuple,
    with_records: bool = True,
) -> Snapshot:
    """The same, from a source."""
    records = await _records(source, target, home) if with_records else ()
    family = await source.family(target)
    if family is None:
        return Snapshot(workload=None, records=records)
    stored, (owned, found_pods) = family
    pods = settle(found_pods)
    revisions = sorted(
        (source.typed.revision(target.kind, revision, pods) for revision in owned),
        key=lambda revision: -revision.number,
    )
    return Snapshot(
        workload=source.typed.workload(target.kind, stored),
        revisions=tuple(revisions),
        pods=pods,
        records=tuple(_not_younger(record, revisions, pods) for record in records),
    )


async def renew_records(snapshot: Snapshot, source: Source, target: WorkloadRef, home: str) -> Snapshot:
    """The same moment, with the records as they are now. Raises ApiError."""
    records = await _records(source, target, home)
    return replace(
        snapshot, records=tuple(_not_younger(record, snapshot.revisions, snapshot.pods) for record in records)
    )


def _not_younger(record: RevisionRecord, revisions: Sequence[Revision], pods: Sequence[Pod]) -> RevisionRecord:
    """A template is at least as old as what has run it, and its last release as what runs it, whatever is on record."""
    mine = [revision for revision in revisions if revision.template_hash == record.template_hash]
    first_seen, released_at = min([record.first_seen, *(revision.created_at for revision in mine)]), record.released_at
    if released_at is not None:
        labels = {revision.revision_hash for revision in mine if revision.revision_hash}
        made = (pod.created_at for pod in pods if pod.revision_hash in labels and not pod.deleting)
        released_at = min([released_at, *made])
    if (first_seen, released_at) == (record.first_seen, record.released_at):
        return record
    return replace(record, first_seen=first_seen, released_at=released_at)


async def _records(source: Source, target: WorkloadRef, home: str | None) -> tuple[RevisionRecord, ...]:
    stored = await source.records(target)
    records = [source.typed.record(entry) for entry in stored if not attestations.is_attestation(entry)]
    ours = tuple(record for record in records if record is not None and record.target == target)
    if home is None or not ours:
        return ours
    attested = await source.attested(target, home)
    return tuple(attestations.attest(record, attested) for record in ours)
