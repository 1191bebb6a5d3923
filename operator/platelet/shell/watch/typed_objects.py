"""Kubernetes' objects as values of the model, each of their states read once."""

from collections.abc import Sequence

import structlog

from platelet.api.readers import records, workloads
from platelet.model.revision import RevisionRecord
from platelet.model.workload import Kind, Pod, Revision, Workload
from platelet.shell.kube import Json
from platelet.shell.kube.stored import UNREADABLE
from platelet.shell.kube.versions import Versions

log = structlog.get_logger("platelet.sight")


class TypedObjects:
    """Makes values of stored objects, once for each of their states, whether a stream or an answer brought them."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._workloads: Versions[Workload] = Versions()
        self._revisions: Versions[Revision] = Versions()
        self._records: Versions[RevisionRecord | None] = Versions()

    def workload(self, kind: Kind, stored: Json) -> Workload:
        """A workload of this kind."""
        return self._workloads.of(stored, lambda it: workloads.read_workload(kind, it))

    def revision(self, kind: Kind, stored: Json, pods: Sequence[Pod]) -> Revision:
        """A ReplicaSet, or a ControllerRevision of another kind, and how many of the workload's `pods` are of it."""
        if kind == "Deployment":
            return self._revisions.of(stored, workloads.read_replica_set)
        revision = self._revisions.of(stored, lambda it: workloads.read_controller_revision(kind, it, ()))
        return workloads.recount(revision, pods)

    def record(self, stored: Json) -> RevisionRecord | None:
        """A revision record of ours; None for what others put under our labels."""
        return self._records.of(stored, _read_record)


def _read_record(stored: Json) -> RevisionRecord | None:
    try:
        record = records.read_record(stored)
        ours = records.is_ours(record)
    except UNREADABLE:
        ours = False
    if not ours:
        metadata = stored["metadata"]
        log.warning("not a revision record of ours", namespace=metadata.get("namespace"), name=metadata.get("name"))
        return None
    return record
