"""The place on the ActionBudget for the next attempt of the present step: its id, and whether it still fits."""

from datetime import datetime

from platelet import changes
from platelet.model.budget import Entry
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def open_reservation(situation: Situation, status: RemediationStatus) -> Entry | None:
    """The place that this leader holds on the budget for the current step, not yet used by an attempt."""
    known = {attempt.id for attempt in status.attempts}
    prefix = f"{situation.remediation.uid}/{status.step}/"
    entries = situation.budget.status.entries if situation.budget else ()
    return next(
        (
            entry
            for entry in entries
            if entry.id.startswith(prefix)
            and entry.kind == "Act"
            and entry.outcome is None
            and entry.epoch == situation.knowledge.epoch
            and entry.id not in known
        ),
        None,
    )


def _numbers(situation: Situation, status: RemediationStatus, since: datetime | None = None) -> list[int]:
    """The numbers n of the attempts and reservations of the current step, of all or of those made after `since`."""
    prefix = f"{situation.remediation.uid}/{status.step}/"
    entries = situation.budget.status.entries if situation.budget else ()
    made = [(entry.id, entry.reserved_at) for entry in entries]
    made += [(attempt.id, attempt.intended_at) for attempt in status.attempts]
    ids = [identity for identity, at in made if since is None or at >= since]
    tails = [attempt.removeprefix(prefix) for attempt in ids if attempt.startswith(prefix)]
    return [int(tail) for tail in tails if tail.isdigit()]


def next_id(situation: Situation, status: RemediationStatus) -> str:
    """The id of the next attempt: Remediation, step, and a number that no place and no attempt of it has had."""
    number = max(_numbers(situation, status), default=0) + 1
    return f"{situation.remediation.uid}/{status.step}/{number}"


def tries(situation: Situation, status: RemediationStatus) -> int:
    """How often the current step was tried since it was reached, or since people handed the incident back."""
    held = open_reservation(situation, status)
    return len(set(_numbers(situation, status, status.handed_back_at))) - (1 if held else 0)


def is_as_reserved(reserved: Entry, situation: Situation) -> bool:
    """Whether what would be lent under this place would still be put back as it is now."""
    lent = reserved.revert
    return lent is None or all(changes.is_as_before(change, situation) for change in lent.changes)
