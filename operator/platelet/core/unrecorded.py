"""What follows when the API server will not store what was decided: a webhook, a size, a field that it does not admit.

Without a record nothing is done (I3). So the place of an intent that cannot be stored is given back, that it may not
hold up others, and people are told by a status that says no more than that.
"""

from dataclasses import replace
from datetime import datetime

from platelet.core import escalating, notices, settlements
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Settle
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def decide(situation: Situation, wanted: RemediationStatus, why: str, now: datetime, *, refused: bool) -> Decision:
    """Give back and tell. `refused`: it was surely not stored; else it may be yet, so what is given back stays used."""
    stored = _opened(situation.remediation.status, wanted)
    given_back = _given_back(situation, wanted, now, refused=refused)
    if stored.state in ("Escalated", "Closed"):
        return Decision(status=stored, effects=given_back)
    message = f"what was decided ({wanted.reason}) cannot be put on record: {why}"
    decision = notices.tell(situation, escalating.escalate(situation, stored, reasons.NOT_RECORDED, message, now), now)
    return replace(decision, effects=(*given_back, *decision.effects))


def _opened(stored: RemediationStatus, wanted: RemediationStatus) -> RemediationStatus:
    """The stored status, with its opening if that could not be stored either."""
    if stored.opened_at is not None:
        return stored
    return replace(
        stored,
        opened_at=wanted.opened_at,
        observed_generation=wanted.observed_generation,
        target_uid=wanted.target_uid,
        steps=wanted.steps,
        step=wanted.step,
        step_name=wanted.step_name,
        evidence=wanted.evidence,
    )


def _given_back(situation: Situation, wanted: RemediationStatus, now: datetime, *, refused: bool) -> tuple[Settle, ...]:
    known = {attempt.id for attempt in situation.remediation.status.attempts}
    intents = {attempt.id for attempt in wanted.attempts if attempt.phase == "Intended" and attempt.id not in known}
    entries = situation.budget.status.entries if situation.budget is not None else ()
    held = (entry for entry in entries if entry.id in intents and entry.kind == "Act" and entry.outcome is None)
    return tuple(replace(settlements.abandon(entry, now), refunded=refused) for entry in held)
