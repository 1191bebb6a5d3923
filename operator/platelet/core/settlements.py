"""What the ActionBudget must still be told about ended attempts: derived at every look, so a crash loses nothing."""

from collections.abc import Iterable
from datetime import datetime

from platelet.model import windows
from platelet.model.budget import Entry
from platelet.model.effects import Settle
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.situation import Situation


def unsettled(situation: Situation, status: RemediationStatus, now: datetime) -> tuple[Settle, ...]:
    """The outcomes that the budget's entries of this remediation lack."""
    if situation.budget is None or situation.budget.status.epoch != situation.knowledge.epoch:
        return ()  # unreadable, or another leader's
    prefix = f"{situation.remediation.uid}/"
    attempts = {attempt.id: attempt for attempt in status.attempts}
    settlements = []
    for entry in situation.budget.status.entries:
        if entry.id.startswith(prefix) or entry.id in attempts:  # a revert may be another remediation's attempt
            settlement = _settle(entry, attempts.get(entry.id), situation, status, now)
            settlements += [settlement] if settlement else []
    return (*settlements, *_put_back(situation.budget.status.entries, status, now))


def _put_back(entries: Iterable[Entry], status: RemediationStatus, now: datetime) -> list[Settle]:
    """What was lent and is back before its time, by a step: whoever writes the same value later, it is not ours."""
    put_back = {attempt for known in status.attempts for attempt in known.put_back}
    owed = [entry for entry in entries if entry.revert is not None and not entry.revert.done]
    return [Settle(attempt=entry.id, at=now, reverted=True) for entry in owed if entry.id in put_back]


def _settle(
    entry: Entry, attempt: Attempt | None, situation: Situation, status: RemediationStatus, now: datetime
) -> Settle | None:
    if attempt is None:
        if entry.kind == "Revert":  # whichever remediation of the target carries it out settles it
            of_failed_step = status.reverting and entry.id.startswith(f"{status.reverting}/back")
            over = _is_moot(entry, situation) and not of_failed_step
        else:
            over = entry.epoch != situation.knowledge.epoch or status.state in ("Closed", "Escalated")
        return abandon(entry, now) if entry.outcome is None and over else None
    if attempt.phase == "Intended":
        return None
    over = attempt.verdict is not None or attempt.phase != "Done" or attempt.kind == "Revert"
    over = over or status.state == "Closed"
    used_after_all = entry.outcome == "Abandoned" and attempt.may_have_landed
    if entry.outcome is None or used_after_all:
        return Settle(
            attempt=entry.id,
            outcome=attempt.phase,
            at=attempt.outcome_at or now,
            refunded=attempt.phase == "Refused",
            verified=over,
            made=attempt.changes if entry.revert is not None and attempt.phase == "Done" else (),
        )
    return Settle(attempt=entry.id, at=now, verified=True) if over and entry.settled_at is None else None


def _is_moot(entry: Entry, situation: Situation) -> bool:
    """Whether nothing is left to be reverted under this reservation."""
    origin = windows.origin_of(entry.id)
    entries = situation.budget.status.entries if situation.budget else ()
    return not any(entry.id == origin and entry.revert and not entry.revert.done for entry in entries)


def abandon(entry: Entry, now: datetime) -> Settle:
    """A reservation without an intent: nothing was written under it, and nothing ever will be. Not refunded."""
    return Settle(attempt=entry.id, outcome="Abandoned", at=now, verified=True)
