"""Which templates are Bad, and so never a goal again: derived at every look, so a crash loses nothing (TRAPS 1).

Bad is what an undo left and what was never healthy; or what an undo left and whose absence healed.
"""

from datetime import datetime

from platelet.model.effects import MarkRevision
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.revision import RevisionRecord
from platelet.model.situation import Situation


def condemned(situation: Situation, status: RemediationStatus, now: datetime) -> tuple[MarkRevision, ...]:
    """The records that this remediation has proven Bad and that do not say so yet."""
    left = {
        each.pre.template_hash: each for each in status.attempts if each.post.template_hash and each.phase == "Done"
    }
    return tuple(
        MarkRevision(
            namespace=situation.target.namespace,
            record=each.name,
            resource_version=each.resource_version,
            health="Bad",
            at=now,
        )
        for each in situation.records
        if each.template_hash in left and each.health != "Bad" and _is_proven(each, left[each.template_hash])
    )


def _is_proven(record: RevisionRecord, undo: Attempt) -> bool:
    return not record.ever_healthy or undo.verdict == "Recovered"
