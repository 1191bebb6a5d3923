"""What follows when the API server will not store what was decided: a webhook, a size, a field that it does not admit.

Without a record nothing is done (I3). So the place of an intent that cannot be stored is given back, that it may not
hold up others, and people are told by a status that says no more than that.
"""

from dataclasses import replace
from datetime import datetime

from platelet.core import escalating, settling
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Settle
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def decide(situation: Situation, wanted: RemediationStatus, why: str, now: datetime, *, refused: bool) -> Decision:
    """Give back and tell. `refused`: it was surely not stored; else it may be yet, so what is given back stays used."""
    stored = situation.remediation.status
    given_back = _given_back(situation, wanted, now, refused=refused)
    if stored.state in ("Escalated", "Closed"):
        return Decision(status=stored, effects=given_back)
    message = f"what was decided ({wanted.reason}) cannot be put on record: {why}"
    told = escalating.escalate(situation, stored, reasons.NOT_RECORDED, message, now)
    return replace(told, effects=(*given_back, *told.effects))


def _given_back(situation: Situation, wanted: RemediationStatus, now: datetime, *, refused: bool) -> tuple[Settle, ...]:
    known = {each.id for each in situation.remediation.status.attempts}
    intents = {each.id for each in wanted.attempts if each.phase == "Intended" and each.id not in known}
    entries = situation.budget.status.entries if situation.budget is not None else ()
    held = (each for each in entries if each.id in intents and each.kind == "Act" and each.outcome is None)
    return tuple(replace(settling.abandon(each, now), refunded=refused) for each in held)
