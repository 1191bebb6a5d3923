"""After recovery: a fault that comes back within `reopenWithin` goes to the next step; else the incident is closed."""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet.core import escalating, record, taking_back
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Reopen with the next step, wait for what is to be taken back, or close."""
    if situation.policy is None:
        return Decision(status=status, again_at=taking_back.next_due(situation))
    if any(each.holds_at <= now for each in situation.signals):
        return _reopen(situation, status, now)
    again_at = [each.holds_at for each in situation.signals]
    watched_until = _watched_until(status, situation.policy.limits.reopen_within, now)
    if watched_until > now:
        return Decision(status=status, again_at=min([watched_until, *again_at, *_due(situation)]))
    if situation.budget is None:
        return Decision(status=status)  # whether something is to be taken back is not known: at the next look
    if taking_back.pending(situation):
        waiting = replace(status, message="recovered; a temporary change is still to be taken back")
        return Decision(status=waiting, again_at=min([*again_at, *_due(situation)], default=None))
    return Decision(status=record.close(status, reasons.RECOVERED, status.message, now))


def _due(situation: Situation) -> list[datetime]:
    due = taking_back.next_due(situation)
    return [due] if due else []


def _watched_until(status: RemediationStatus, reopen_within: timedelta, now: datetime) -> datetime:
    since = [moment for moment in (status.recovered_at, status.taken_back_at) if moment]
    return max(since) + reopen_within if since else now


def _reopen(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """The same step once more if the fault followed our own take-back; else the next one."""
    again = status.taken_back_at is not None and not status.reapplied
    step = status.step if again else status.step + 1
    message = situation.signals[0].message
    status = record.note(status, now, step=status.step_name, by="monitoring", reason=reasons.RECURRED, message=message)
    status = record.set_condition(status, "Recovered", reasons.RECURRED, message, now, true=False)
    if status.taken_back_at is not None and status.reapplied:
        text = f"came back after the temporary change was taken back twice: {message}"
        return escalating.escalate(situation, status, reasons.RECURRED, text, now)
    status = replace(status, step=step, reapplied=again or status.reapplied, taken_back_at=None)
    return Decision(status=record.enter(status, "Waiting", reasons.RECURRED, message))
