"""What an undo has shown of the template that it left: derived at every look, so a crash loses nothing (TRAPS 1).

Bad: the undo healed. Suspect: it is not known to have healed, or did not: the cause may have been elsewhere. Neither is
a goal; a template that people release again proves itself anew (`core.history`).
"""

from datetime import datetime

from platelet.model.effects import MarkRevision
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.revision import Health, RevisionRecord
from platelet.model.situation import Situation


def marks(situation: Situation, status: RemediationStatus, now: datetime) -> tuple[MarkRevision, ...]:
    """The records whose template an undo of this remediation has left, and that do not say what follows from it."""
    done = [attempt for attempt in status.attempts if attempt.phase == "Done"]
    left = {change.abandons: attempt for attempt in done for change in attempt.changes if change.abandons}
    records = situation.snapshot.records
    shown = ((record, _shown(record, left.get(record.template_hash), situation)) for record in records)
    return tuple(
        MarkRevision(
            namespace=situation.target.namespace,
            record=record.name,
            resource_version=record.resource_version,
            health=health,
            at=now,
        )
        for record, health in shown
        if health is not None
    )


def _shown(record: RevisionRecord, undo: Attempt | None, situation: Situation) -> Health | None:
    """The mark to set; None: nothing is new, or the template is live again and shows by itself how it is."""
    live = situation.snapshot.workload.template_hash if situation.snapshot.workload is not None else ""
    if undo is None or record.template_hash == live or _is_newer(record, undo):
        return None
    health: Health = "Bad" if undo.verdict == "Recovered" else "Suspect"
    return health if record.health not in ("Bad", health) else None


def _is_newer(record: RevisionRecord, undo: Attempt) -> bool:
    """Whether people have released it again since the undo: what it showed then is judged by what it shows now."""
    return record.last_release > (undo.outcome_at or undo.intended_at)
