"""After recovery: a fault that comes back within `reopenWithin` goes to the next step; else the incident is closed."""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import checks
from platelet.core import continuing, escalating, meaning, record, taking_back
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Reopen with the next step, wait for what is to be taken back, or close."""
    if situation.policy is None:
        return Decision(status=status, again_at=min(_due(situation, now), default=None))
    if any(each.holds_at <= now for each in situation.signals) and not _is_another_incident(situation, status):
        return _reopen(situation, status, now)
    again_at = [each.holds_at for each in situation.signals if each.holds_at > now]
    watched_until = _watched_until(status, situation.policy.limits.reopen_within, now)
    if watched_until > now:
        return Decision(status=status, again_at=min([watched_until, *again_at, *_due(situation, now)]))
    if not taking_back.is_known(situation):
        return Decision(status=status)  # whether something is to be taken back is not known: at the next look
    if taking_back.pending(situation):
        waiting = replace(status, message="recovered; a temporary change is still to be taken back")
        return Decision(status=waiting, again_at=min([*again_at, *_due(situation, now)], default=None))
    return Decision(status=record.close(status, reasons.RECOVERED, status.message, now))


def _is_another_incident(situation: Situation, status: RemediationStatus) -> bool:
    """Whether people have released something else meanwhile: `core.opening` opens a new Remediation for it."""
    live = situation.workload.template_hash if situation.workload else None
    return live not in (meaning.expected_template(status), *meaning.undone_templates(status))


def _due(situation: Situation, now: datetime) -> list[datetime]:
    """When a take-back falls due. One that is due already waits for people or for the clock, not for a moment."""
    due = taking_back.next_due(situation)
    return [due] if due and due > now else []


def _watched_until(status: RemediationStatus, reopen_within: timedelta, now: datetime) -> datetime:
    since = [moment for moment in (status.recovered_at, status.taken_back_at) if moment]
    return max(since) + reopen_within if since else now


def _reopen(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """The same step once more if the fault followed our own take-back; else the next one.

    If others have changed back what we wrote, they fight us, or know better: people decide (TRAPS 14).
    """
    if reverted := _how_reverted(situation, status):
        text = f"{reverted}: {situation.signals[0].message}"
        return escalating.escalate(situation, status, reasons.REVERTED_BY_OTHERS, text, now)
    again = status.taken_back_at is not None and not status.reapplied
    step = status.step if again else continuing.next_step(status)
    message = situation.signals[0].message
    status = record.note(status, now, step=status.step_name, by="monitoring", reason=reasons.RECURRED, message=message)
    status = record.set_condition(status, "Recovered", reasons.RECURRED, message, now, true=False)
    if status.taken_back_at is not None and status.reapplied:
        text = f"came back after the temporary change was taken back twice: {message}"
        return escalating.escalate(situation, status, reasons.RECURRED, text, now)
    status = replace(status, step=step, reapplied=again or status.reapplied, taken_back_at=None)
    return Decision(status=record.enter(status, "Waiting", reasons.RECURRED, message))


def _how_reverted(situation: Situation, status: RemediationStatus) -> str:
    """How the target shows that others have taken our act back since it helped; empty if not, or if we did."""
    live = situation.workload.template_hash if situation.workload else ""
    if live in meaning.undone_templates(status) and live != meaning.expected_template(status):
        return f"others have put back the template {live}, which was undone"
    acts = [each for each in status.attempts if each.kind == "Act" and each.phase == "Done"]
    if not acts or status.taken_back_at is not None:
        return ""
    return checks.how_reverted(situation, acts[-1])
