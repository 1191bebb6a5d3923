"""Temporary changes are taken back when they are due, or when the alert has resolved, if the value is still ours.

The obligation lives on the attempt's budget entry, so it outlives its Remediation: whichever Remediation of the target
is open carries it out, as an attempt `<attempt id>/back` that is reserved but not counted.
"""

from dataclasses import replace
from datetime import datetime

from platelet.core import meaning, record
from platelet.core.decision import Decision
from platelet.guards import suspended
from platelet.model import reasons
from platelet.model.budget import Entry
from platelet.model.effects import Reserve, Settle
from platelet.model.remediation import Attempt, PostState, RemediationStatus
from platelet.model.situation import Situation


def pending(situation: Situation) -> tuple[Entry, ...]:
    """What is still to be taken back on this target."""
    if situation.budget is None:
        return ()
    return tuple(
        entry
        for entry in situation.budget.status.entries
        if entry.target == situation.target and entry.take_back and not entry.take_back.done and _took_effect(entry)
    )


def next_due(situation: Situation) -> datetime | None:
    """When the earliest of them is due by time."""
    return min((e.take_back.due_at for e in pending(situation) if e.take_back and e.take_back.due_at), default=None)


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Take back what is due; None when nothing is. Waits while people have suspended us."""
    due = next((each for each in pending(situation) if _is_due(each, status, now)), None)
    if due is None or situation.workload is None or suspended.deny(situation, now) is not None:
        return None
    back = f"{due.id}/back"
    if any(each.id == back and each.phase != "Intended" for each in status.attempts):
        return Decision(status=status, effects=(_settled(due, now),))
    if due.take_back and situation.workload.replicas != due.take_back.replicas_set:
        return _leave_alone(situation, status, due, now)
    reservation = _reservation(situation, back)
    if reservation is None:
        entry = Entry(
            id=back, kind="TakeBack", target=due.target, policy=due.policy, epoch=situation.epoch, reserved_at=now
        )
        return Decision(status=status, effects=(Reserve(entry=entry, situation=situation),))
    return Decision(status=_intend(situation, status, due, now))


def _took_effect(entry: Entry) -> bool:
    return entry.outcome in ("Done", "Unknown")


def _is_due(entry: Entry, status: RemediationStatus, now: datetime) -> bool:
    back = entry.take_back
    if back is None:
        return False
    alerts = [each for each in status.evidence if each.source == "alert"]
    resolved = bool(alerts) and all(each.resolved_at for each in alerts)
    return (back.due_at is not None and back.due_at <= now) or (back.when_resolved and resolved)


def _reservation(situation: Situation, back: str) -> Entry | None:
    entries = situation.budget.status.entries if situation.budget else ()
    return next((each for each in entries if each.id == back), None)


def _settled(entry: Entry, now: datetime) -> Settle:
    return Settle(attempt=entry.id, at=now, taken_back=True)


def _leave_alone(situation: Situation, status: RemediationStatus, due: Entry, now: datetime) -> Decision:
    replicas = situation.workload.replicas if situation.workload else 0
    ours = due.take_back.replicas_set if due.take_back else 0
    message = f"not taken back: replicas is {replicas}, no longer our {ours}"
    noted = record.note(status, now, step="", by="takeBack", reason=reasons.NOT_OURS_ANYMORE, message=message)
    return Decision(status=noted, effects=(_settled(due, now),))


def _intend(situation: Situation, status: RemediationStatus, due: Entry, now: datetime) -> RemediationStatus:
    if situation.workload is None or due.take_back is None:
        return status
    before, ours = due.take_back.replicas_before, due.take_back.replicas_set
    attempt = Attempt(
        id=f"{due.id}/back",
        kind="TakeBack",
        step=status.step,
        action="scale",
        summary=f"take back the temporary scale: {ours} to {before} replicas",
        intended_at=now,
        pre=meaning.pin(situation.workload),
        post=PostState(replicas=before),
    )
    noted = record.note(
        status, now, step=status.step_name, by="takeBack", reason=reasons.INTENDED, message=attempt.summary
    )
    return replace(record.put_attempt(noted, attempt))
