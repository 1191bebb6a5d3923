"""What an undo has shown of the template that it left: derived at every look, so a crash loses nothing (TRAPS 1).

Bad: the undo healed. Suspect: it is not known to have healed, or did not: the cause may have been elsewhere. Neither is
a goal; a template that people release again proves itself anew (`core.history`).
"""

from datetime import datetime

from platelet.model.effects import MarkRevision
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.revision import Health, RevisionRecord
from platelet.model.situation import Situation


def condemned(situation: Situation, status: RemediationStatus, now: datetime) -> tuple[MarkRevision, ...]:
    """The records whose template an undo of this remediation has left, and that do not say what follows from it."""
    undos = [each for each in status.attempts if each.post.template_hash and each.phase == "Done"]
    left = {each.pre.template_hash: each for each in undos}
    found = ((record, _shown(record, left.get(record.template_hash), situation)) for record in situation.records)
    return tuple(
        MarkRevision(
            namespace=situation.target.namespace,
            record=record.name,
            resource_version=record.resource_version,
            health=health,
            at=now,
        )
        for record, health in found
        if health is not None
    )


def _shown(record: RevisionRecord, undo: Attempt | None, situation: Situation) -> Health | None:
    """What is to be marked; None where nothing is new, or the template is live again and speaks for itself."""
    live = situation.workload.template_hash if situation.workload is not None else ""
    if undo is None or record.template_hash == live or _is_newer(record, undo):
        return None
    health: Health = "Bad" if undo.verdict == "Recovered" else "Suspect"
    return health if record.health not in ("Bad", health) else None


def _is_newer(record: RevisionRecord, undo: Attempt) -> bool:
    """Whether people have released it again since the undo: what it showed then is judged by what it shows now."""
    return record.last_release > (undo.outcome_at or undo.intended_at)
