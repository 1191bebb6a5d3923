"""Temporary changes are reverted when they are due, or when the alert has resolved, if the value is still ours.

The obligation lives on the attempt's budget entry, so it outlives its Remediation: whichever Remediation of the target
is open carries it out, as an attempt `<attempt id>/back` that is reserved but not counted.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import changes, guards
from platelet.core import escalating, record, revert_attempts, target_state
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.budget import Entry
from platelet.model.effects import Settle
from platelet.model.intent import ObjectRef, PinnedChange
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.rules import Moment
from platelet.model.signal import TOLD
from platelet.model.situation import Situation
from platelet.model.verdict import Refusal
from platelet.model.workload import WorkloadRef

_TRIES = 3
_READABLE_WITHIN = timedelta(minutes=10)
_NOT_OURS = (reasons.NOT_OURS_ANYMORE, reasons.NOT_REVERSIBLE)
_SOON = timedelta(seconds=30)  # longer than it takes from a read to the decision on it
_SILENT_FOR = timedelta(minutes=5)  # polls are a minute apart: an alert untold for so long does not fire


def pending(situation: Situation) -> tuple[Entry, ...]:
    """What is still to be reverted on this target."""
    if situation.budget is None:
        return ()
    return tuple(
        entry
        for entry in situation.budget.status.entries
        if entry.target == situation.target and entry.revert and not entry.revert.done and _took_effect(entry)
    )


def is_known(situation: Situation) -> bool:
    """Whether the budget can tell what is owed: a replaced one cannot, until our epoch and what is owed are on it."""
    return situation.budget is not None and situation.budget.status.epoch == situation.knowledge.epoch


def next_due(situation: Situation) -> datetime | None:
    """When the earliest of them is due by time."""
    return min((e.revert.due_at for e in pending(situation) if e.revert and e.revert.due_at), default=None)


def may_be_due(situation: Situation, now: datetime) -> bool:
    """Whether something on this target is to be reverted, or will be in a moment; true where that is in doubt."""
    status = situation.remediation.status
    if status.state == "Verifying":
        return False
    if situation.budget is not None and situation.budget.leaving(now) is not None:
        return True
    fires = any(fact.source in TOLD and fact.resolved_at is None for fact in status.evidence)
    lent = [entry.revert for entry in pending(situation) if entry.revert is not None]
    return any(
        (back.due_at is not None and back.due_at <= now + _SOON) or (back.when_resolved and not fires) for back in lent
    )


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Revert what is due; None when nothing is.

    Waits for a verification that runs, while people have suspended us, and while the time is not known.
    """
    leaving = situation.budget.leaving(now) if situation.budget else None
    if leaving == "Drop":
        return _drop(situation, status, now)
    due = _due(situation, status, now)
    if due is None or guards.first_denial(situation, now, Moment.REVERT) is not None:
        return None
    tried, back = revert_attempts.tries(status, due.id)
    if tried and tried[-1].phase == "Done":
        return Decision(status=status, effects=(_settled(due, now),))
    unknown = _why_unknown(due, situation)
    if unknown and not _is_overdue(due, now):
        return None
    planned = Refusal(reason=reasons.REFUSED, message=unknown) if unknown else _plan(due, situation, now)
    if isinstance(planned, Refusal) and planned.reason in _NOT_OURS:
        return _leave_alone(status, due, planned, now)
    if isinstance(planned, Refusal):
        return _give_up(situation, status, due, f"was not reverted: {planned.message}", now)
    if len(tried) >= _TRIES:
        return _give_up(situation, status, due, f"was not reverted in {_TRIES} attempts: {tried[-1].message}", now)
    if missing := revert_attempts.reservation(situation, back, due.policy, now):
        return Decision(status=status, effects=(missing,))
    return Decision(status=_intend(situation, status, due, planned, now))


def say_what_holds_it_up(situation: Situation, status: RemediationStatus, now: datetime) -> RemediationStatus:
    """Note, once for each cause, why something that is due stays for now; the next resync asks again."""
    dropped = situation.budget is not None and situation.budget.leaving(now) == "Drop"
    denied, due = guards.first_denial(situation, now, Moment.REVERT), _due(situation, status, now)
    unknown = _why_unknown(due, situation) if due is not None else ""
    if dropped or due is None or (denied is None and not unknown):
        return status
    reason, why = (denied[1].reason, denied[1].message) if denied is not None else (reasons.REFUSED, unknown)
    message = record.clip(f"due, and not reverted yet: {why}")
    if any((decision.by, decision.message) == ("revert", message) for decision in status.decisions):
        return status
    return record.note(status, now, step="", by="revert", reason=reason, message=message)


def let_go(situation: Situation, now: datetime) -> tuple[Settle, ...]:
    """The target was deleted, and its temporary changes with it: one that is created anew has replicas of its own."""
    return tuple(_settled(entry, now) for entry in pending(situation))


def _plan(due: Entry, situation: Situation, now: datetime) -> tuple[PinnedChange, ...] | Refusal:
    """The changes that put back what is still ours of what was lent; or why there is nothing."""
    lent, workload = due.revert, situation.snapshot.workload
    if lent is None or workload is None:
        return Refusal(reason=reasons.NOT_OURS_ANYMORE, message="there is nothing to revert")
    if lent.uid not in ("", workload.uid):
        return Refusal(reason=reasons.NOT_OURS_ANYMORE, message=f"{situation.target} was created anew")
    return revert_attempts.plan(lent.changes, due.policy, situation, now)


def _give_up(situation: Situation, status: RemediationStatus, due: Entry, why: str, now: datetime) -> Decision:
    """People must do it: the obligation ends, and they are told."""
    message = f"the temporary {due.revert.action if due.revert is not None else ''} {why}"
    escalated = escalating.escalate(situation, record.let_go(status, due.id), reasons.NOT_REVERTED, message, now)
    return replace(escalated, effects=(_settled(due, now), *escalated.effects))


def _drop(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """People remove platelet and let its temporary changes stay: the obligations end."""
    owed = pending(situation)
    if not owed:
        return None
    message = "people let it stay: platelet is about to be removed"
    noted = record.note(status, now, step="", by="revert", reason=reasons.NOT_REVERTED, message=message)
    noted = record.let_go(noted, *(entry.id for entry in owed))
    return Decision(status=noted, effects=tuple(_settled(entry, now) for entry in owed))


def _took_effect(entry: Entry) -> bool:
    return entry.outcome in ("Done", "Unknown")


def _due(situation: Situation, status: RemediationStatus, now: datetime) -> Entry | None:
    """What is due on a target that is there; nothing while a verification runs."""
    if status.state == "Verifying" or situation.snapshot.workload is None:
        return None
    leaving = situation.budget is not None and situation.budget.leaving(now) is not None
    due = (entry for entry in pending(situation) if leaving or _is_due(entry, status, now))
    free = [entry for entry in due if not _is_built_upon(entry, situation)]
    return min(free, key=lambda entry: bool(_why_unknown(entry, situation)), default=None)


def _why_unknown(entry: Entry, situation: Situation) -> str:
    """Why it is not known whether what is lent is still ours; empty where that can be told."""
    lent = entry.revert.changes if entry.revert is not None else ()
    return next((why for change in lent if (why := changes.why_unknown(change, situation))), "")


def _is_overdue(entry: Entry, now: datetime) -> bool:
    """Whether people should hear of it by now: what an API server refuses in its first moments, it allows later."""
    due_at = entry.revert.due_at if entry.revert is not None else None
    return due_at is not None and now - due_at > _READABLE_WITHIN


def _is_built_upon(entry: Entry, situation: Situation) -> bool:
    """Whether something was lent later on the same fields of an object, which goes first: it puts back what this made.

    Else this would be no longer ours when its time comes, and what the later one puts back would stay for good.
    """
    entries = situation.budget.status.entries if situation.budget is not None else ()
    later = (
        other
        for other in entries
        if other.target.namespace == entry.target.namespace and other.reserved_at > entry.reserved_at
    )
    fields = _lent_fields(entry)
    return any(not fields.isdisjoint(_lent_fields(other)) for other in later)


def _lent_fields(entry: Entry) -> frozenset[tuple[WorkloadRef | ObjectRef, str]]:
    """The fields that are lent by an entry, and on which objects; none where nothing is to be reverted any more."""
    lent = entry.revert
    if lent is None or lent.done or entry.outcome not in (None, "Done", "Unknown"):
        return frozenset()
    return frozenset(
        (change.object or entry.target, name) for change in lent.changes for name in changes.lasting_fields(change)
    )


def _is_due(entry: Entry, status: RemediationStatus, now: datetime) -> bool:
    back = entry.revert
    if back is None:
        return False
    alerts = [fact for fact in status.evidence if fact.source in TOLD]
    heard = bool(alerts) or (status.opened_at is not None and now - status.opened_at > _SILENT_FOR)
    resolved = heard and all(alert.resolved_at for alert in alerts)
    return (back.due_at is not None and back.due_at <= now) or (back.when_resolved and resolved)


def _settled(entry: Entry, now: datetime) -> Settle:
    return Settle(attempt=entry.id, at=now, reverted=True)


def _leave_alone(status: RemediationStatus, due: Entry, refusal: Refusal, now: datetime) -> Decision:
    message = f"not reverted: {refusal.message}"
    noted = record.note(status, now, step="", by="revert", reason=refusal.reason, message=message)
    return Decision(status=record.let_go(noted, due.id), effects=(_settled(due, now),))


def _intend(
    situation: Situation, status: RemediationStatus, due: Entry, planned: tuple[PinnedChange, ...], now: datetime
) -> RemediationStatus:
    if situation.snapshot.workload is None or due.revert is None:
        return status
    action, ours, before = due.revert.action, changes.say_all(planned, before=True), changes.say_all(planned)
    attempt = Attempt(
        id=revert_attempts.tries(status, due.id)[1],
        kind="Revert",
        step=status.step,
        action=action,
        summary=record.clip(f"revert the temporary {action}: from {ours} to {before}"),
        intended_at=now,
        pre=target_state.pin(situation.snapshot.workload),
        changes=planned,
    )
    return revert_attempts.intend(status, attempt, status.step_name, "revert")
