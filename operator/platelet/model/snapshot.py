"""One workload with all that belongs to it, as read at one moment."""

from dataclasses import dataclass

from platelet.model.revision import RevisionRecord
from platelet.model.workload import Pod, Revision, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A workload with what belongs to it. `workload` is None when it does not exist."""

    workload: Workload | None
    revisions: tuple[Revision, ...] = ()
    pods: tuple[Pod, ...] = ()
    records: tuple[RevisionRecord, ...] = ()
