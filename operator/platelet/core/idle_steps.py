"""Steps that write nothing: no brake is asked about them, and what they come to is what they say."""

from datetime import datetime

from platelet.core import escalating
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.policy import Step
from platelet.model.remediation import RemediationStatus
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Deny, Plan, Refusal


def plan(action: Action, step: Step, situation: Situation, now: datetime) -> Plan | Refusal | Deny:
    """Plan it; a plan to do nothing yet is a no until its end."""
    planned = action.plan(step.settings, situation, now)
    if isinstance(planned, Refusal) or planned.pause is None:
        return planned
    pause = planned.pause
    return Deny(reason=pause.reason, message=pause.message, retry_at=pause.until, look_at=pause.look_at)


def end(
    situation: Situation, status: RemediationStatus, step: Step, refusal: Refusal, now: datetime
) -> Decision | None:
    """Where the step says that what it came to ends the ladder; None where the next step follows."""
    if refusal.outcome == "Inconclusive" and step.on_inconclusive == "Escalate":
        return escalating.escalate(situation, status, reasons.INCONCLUSIVE, refusal.message, now)
    if refusal.outcome == "Failed" and step.on_failure == "Escalate":
        return escalating.escalate(situation, status, refusal.reason, refusal.message, now)
    if refusal.outcome == "Failed" and step.on_failure == "Stop":
        return escalating.stop(situation, status, refusal.message, now)
    return None
