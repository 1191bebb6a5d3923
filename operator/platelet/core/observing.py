"""Mode Observe: say what would be done, and do nothing; closed when the signal is gone."""

from datetime import datetime

from platelet.core import approving, record, waiting
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from platelet.model.verdict import Deny, Refusal


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Plan the first step that applies and ask every guard, without a reservation."""
    if not situation.signals:
        acted = any(each.reason == reasons.WOULD_HAVE_ACTED for each in status.decisions)
        reason = reasons.WOULD_HAVE_ACTED if acted else reasons.RESOLVED_BY_ITSELF
        return Decision(status=record.close(status, reason, status.message, now))
    rung = waiting.find_rung(situation, status, now)
    if rung is None:
        message = "would escalate: no step of the runbook applies"
        noted = record.wait(
            status, now, step="", by="runbook", reason=reasons.NO_STEP_LEFT, message=message, until=None
        )
        return Decision(status=noted)
    if isinstance(rung.plan, Deny | Refusal):
        until = rung.plan.retry_at if isinstance(rung.plan, Deny) else None
        by, reason = rung.denied_by or rung.action.key, rung.plan.reason
        message = f"would not act: {rung.plan.message}"
    else:
        until, by, reason = None, rung.action.key, reasons.WOULD_HAVE_ACTED
        asks = approving.why_needed(situation, rung.step, rung.action.traits)
        message = f"would {rung.plan.summary}" + (f", once a person approves: {asks}" if asks else "")
    noted = record.wait(rung.status, now, step=rung.step.name, by=by, reason=reason, message=message, until=until)
    return Decision(status=noted, again_at=until)
