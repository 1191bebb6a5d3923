"""After recovery: a fault that comes back within `reopenWithin` goes to the next step; else the incident is closed."""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import changes
from platelet.core import due_reverts, earlier_incidents, escalating, record, target_state
from platelet.core.decision import Decision
from platelet.model import reasons, windows
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.situation import Situation


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Reopen with the next step, wait for what is to be reverted, or close."""
    if situation.policy is None:
        return Decision(status=status, again_at=min(_due(situation, now), default=None))
    if any(signal.holds_at <= now for signal in situation.signals) and not _is_another_incident(situation, status):
        return _reopen(situation, status, now)
    again_at = [signal.holds_at for signal in situation.signals if signal.holds_at > now]
    watched_until = _watched_until(status, situation.policy.limits.reopen_within, now)
    if watched_until > now:
        return Decision(status=status, again_at=min([watched_until, *again_at, *_due(situation, now)]))
    if not due_reverts.is_known(situation):
        return Decision(status=status)  # whether something is to be reverted is not known: at the next look
    if due_reverts.pending(situation):
        waiting = replace(status, message="recovered; a temporary change is still to be reverted")
        return Decision(status=waiting, again_at=min([*again_at, *_due(situation, now)], default=None))
    return Decision(status=record.close(status, reasons.RECOVERED, status.message, now))


def _is_another_incident(situation: Situation, status: RemediationStatus) -> bool:
    """Whether people have released something else meanwhile: `core.opening` opens a new Remediation for it."""
    live = situation.snapshot.workload.template_hash if situation.snapshot.workload else None
    return live not in (target_state.expected_template(status), *target_state.replaced_templates(status))


def _due(situation: Situation, now: datetime) -> list[datetime]:
    """When a revert falls due. One that is due already waits for people or for the clock, not for a moment."""
    due = due_reverts.next_due(situation)
    return [due] if due and due > now else []


def _watched_until(status: RemediationStatus, reopen_within: timedelta, now: datetime) -> datetime:
    since = [moment for moment in (status.recovered_at, status.reverted_at) if moment]
    return max(since) + reopen_within if since else now


def _reopen(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """The same step once more if the fault followed our own revert; else the next one.

    If others have changed back what we wrote, they fight us, or know better: people decide (TRAPS 14).
    """
    if reverted := _how_reverted(situation, status):
        text = f"{reverted}: {situation.signals[0].message}"
        return escalating.escalate(situation, status, reasons.REVERTED_BY_OTHERS, text, now)
    again = status.reverted_at is not None and not status.reapplied
    step = status.step if again else earlier_incidents.next_step(status)
    message = situation.signals[0].message
    status = record.note(status, now, step=status.step_name, by="monitoring", reason=reasons.RECURRED, message=message)
    status = record.set_condition(status, "Recovered", reasons.RECURRED, message, now, true=False)
    if status.reverted_at is not None and status.reapplied:
        text = f"came back after the temporary change was reverted twice: {message}"
        return escalating.escalate(situation, status, reasons.RECURRED, text, now)
    status = replace(status, step=step, reapplied=again or status.reapplied, reverted_at=None)
    return Decision(status=record.enter(status, "Waiting", reasons.RECURRED, message))


def _how_reverted(situation: Situation, status: RemediationStatus) -> str:
    """How the target shows that others have reverted our act since it helped; empty if not, or if we did."""
    live = situation.snapshot.workload.template_hash if situation.snapshot.workload else ""
    if live in target_state.replaced_templates(status) and live != target_state.expected_template(status):
        return f"others have put back the template {live}, which was undone"
    acts = [attempt for attempt in status.attempts if attempt.kind == "Act" and attempt.phase == "Done"]
    if not acts or status.reverted_at is not None or _have_reverted(status, acts[-1]):
        return ""
    return changes.how_changed_back(acts[-1], situation)


def _have_reverted(status: RemediationStatus, act: Attempt) -> bool:
    """Whether we have, since its step failed: what came back then is no doing of others."""
    done = [attempt for attempt in status.attempts if attempt.kind == "Revert" and attempt.phase == "Done"]
    return any(windows.origin_of(attempt.id) == act.id for attempt in done)
