"""Temporary changes are taken back when they are due, or when the alert has resolved, if the value is still ours.

The obligation lives on the attempt's budget entry, so it outlives its Remediation: whichever Remediation of the target
is open carries it out, as an attempt `<attempt id>/back` that is reserved but not counted.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import guards
from platelet.core import belonging, escalating, meaning, record
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.budget import Entry
from platelet.model.effects import Reserve, Settle
from platelet.model.intent import PostState
from platelet.model.remediation import Attempt, RemediationStatus
from platelet.model.signal import TOLD
from platelet.model.situation import Situation

_TRIES = 3
_SILENT_FOR = timedelta(minutes=5)  # polls are a minute apart: an alert untold for so long does not fire


def pending(situation: Situation) -> tuple[Entry, ...]:
    """What is still to be taken back on this target."""
    if situation.budget is None:
        return ()
    return tuple(
        entry
        for entry in situation.budget.status.entries
        if entry.target == situation.target and entry.take_back and not entry.take_back.done and _took_effect(entry)
    )


def is_known(situation: Situation) -> bool:
    """Whether the budget can tell what is owed: a replaced one cannot, until our epoch and what is owed are on it."""
    return situation.budget is not None and situation.budget.status.epoch == situation.epoch


def next_due(situation: Situation) -> datetime | None:
    """When the earliest of them is due by time."""
    return min((e.take_back.due_at for e in pending(situation) if e.take_back and e.take_back.due_at), default=None)


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """Take back what is due; None when nothing is.

    Waits for a verification that runs, while people have suspended us, and while the time is not known.
    """
    leaving = situation.budget.leaving(now) if situation.budget else None
    if leaving == "Drop":
        return _drop(situation, status, now)
    due = _due(situation, status, now)
    if due is None or guards.first_denial(situation, now, guards.FOR_TAKING_BACK) is not None:
        return None
    tried, back = tries(status, due.id)
    if tried and tried[-1].phase == "Done":
        return Decision(status=status, effects=(_settled(due, now),))
    owner = _new_owner(due, situation)
    if owner or not _is_still_ours(due, situation):
        return _leave_alone(situation, status, due, owner, now)
    if len(tried) >= _TRIES:
        return _give_up(situation, status, due, tried[-1], now)
    if missing := reservation(situation, back, due.policy, now):
        return Decision(status=status, effects=(missing,))
    return Decision(status=_intend(situation, status, due, back, now))


def say_what_holds_it_up(situation: Situation, status: RemediationStatus, now: datetime) -> RemediationStatus:
    """Note, once for each cause, why something that is due stays for now; the next resync asks again."""
    dropped = situation.budget is not None and situation.budget.leaving(now) == "Drop"
    denied = guards.first_denial(situation, now, guards.FOR_TAKING_BACK)
    if dropped or denied is None or _due(situation, status, now) is None:
        return status
    denial, message = denied[1], record.clip(f"due, and not taken back yet: {denied[1].message}")
    if any((each.by, each.message) == ("takeBack", message) for each in status.decisions):
        return status
    return record.note(status, now, step="", by="takeBack", reason=denial.reason, message=message)


def tries(status: RemediationStatus, attempt: str) -> tuple[list[Attempt], str]:
    """The take-backs of an attempt that this Remediation has tried, and the id of the next one."""
    tried = [each for each in status.attempts if each.id.startswith(f"{attempt}/back")]
    return tried, f"{attempt}/back" + (f"/{len(tried) + 1}" if tried else "")


def reservation(situation: Situation, back: str, policy: str, now: datetime) -> Reserve | None:
    """What puts the take-back of this id on the budget; None when it is there already."""
    entries = situation.budget.status.entries if situation.budget else ()
    if any(each.id == back for each in entries):
        return None
    entry = Entry(
        id=back, kind="TakeBack", target=situation.target, policy=policy, epoch=situation.epoch, reserved_at=now
    )
    return Reserve(entry=entry, situation=situation)


def let_go(situation: Situation, now: datetime) -> tuple[Settle, ...]:
    """The target was deleted, and its temporary changes with it: one that is created anew has replicas of its own."""
    return tuple(_settled(each, now) for each in pending(situation))


def _is_still_ours(entry: Entry, situation: Situation) -> bool:
    back, workload = entry.take_back, situation.workload
    if back is None or workload is None or back.uid not in ("", workload.uid):
        return False
    return meaning.present(situation, back.ours) == back.ours


def _new_owner(entry: Entry, situation: Situation) -> str:
    back = entry.take_back
    if back is None:
        return ""
    return belonging.new_owner(situation, back.ours, forced=belonging.is_forced(situation, entry.policy))


def _give_up(situation: Situation, status: RemediationStatus, due: Entry, last: Attempt, now: datetime) -> Decision:
    """People must do it: the obligation ends, and they are told."""
    message = f"the temporary scale was not taken back in {_TRIES} attempts: {last.message}"
    told = escalating.escalate(situation, record.let_go(status, due.id), reasons.NOT_TAKEN_BACK, message, now)
    return replace(told, effects=(_settled(due, now), *told.effects))


def _drop(situation: Situation, status: RemediationStatus, now: datetime) -> Decision | None:
    """People remove platelet and let its temporary changes stay: the obligations end."""
    owed = pending(situation)
    if not owed:
        return None
    message = "people let it stay: platelet is about to be removed"
    noted = record.note(status, now, step="", by="takeBack", reason=reasons.NOT_TAKEN_BACK, message=message)
    noted = record.let_go(noted, *(each.id for each in owed))
    return Decision(status=noted, effects=tuple(_settled(each, now) for each in owed))


def _took_effect(entry: Entry) -> bool:
    return entry.outcome in ("Done", "Unknown")


def _due(situation: Situation, status: RemediationStatus, now: datetime) -> Entry | None:
    """What is due on a target that is there; nothing while a verification runs."""
    if status.state == "Verifying" or situation.workload is None:
        return None
    leaving = situation.budget is not None and situation.budget.leaving(now) is not None
    return next((each for each in pending(situation) if leaving or _is_due(each, status, now)), None)


def _is_due(entry: Entry, status: RemediationStatus, now: datetime) -> bool:
    back = entry.take_back
    if back is None:
        return False
    alerts = [each for each in status.evidence if each.source in TOLD]
    heard = bool(alerts) or (status.opened_at is not None and now - status.opened_at > _SILENT_FOR)
    resolved = heard and all(each.resolved_at for each in alerts)
    return (back.due_at is not None and back.due_at <= now) or (back.when_resolved and resolved)


def _settled(entry: Entry, now: datetime) -> Settle:
    return Settle(attempt=entry.id, at=now, taken_back=True)


def _leave_alone(situation: Situation, status: RemediationStatus, due: Entry, owner: str, now: datetime) -> Decision:
    ours = due.take_back.ours if due.take_back else PostState()
    found = meaning.present(situation, ours)
    now_there = say(found) if found else "what we changed is gone"
    why = f"{now_there}, not our {say(ours)}, or it was created anew"
    message = f"not taken back: {f'{owner} owns it by now' if owner else why}"
    noted = record.note(status, now, step="", by="takeBack", reason=reasons.NOT_OURS_ANYMORE, message=message)
    return Decision(status=record.let_go(noted, due.id), effects=(_settled(due, now),))


def _intend(situation: Situation, status: RemediationStatus, due: Entry, back: str, now: datetime) -> RemediationStatus:
    back_to = due.take_back
    if situation.workload is None or back_to is None:
        return status
    attempt = Attempt(
        id=back,
        kind="TakeBack",
        step=status.step,
        action="scale",
        summary=f"take back the temporary scale: from {say(back_to.ours)} to {say(back_to.before)}",
        intended_at=now,
        pre=meaning.pin(situation.workload, meaning.written_autoscaler(situation, back_to.ours)),
        post=back_to.before,
    )
    noted = record.note(
        status, now, step=status.step_name, by="takeBack", reason=reasons.INTENDED, message=attempt.summary
    )
    return record.put_attempt(noted, attempt)


def say(state: PostState) -> str:
    """Say a number of replicas, or bounds of it, to people."""
    bounds = state.autoscaler
    return f"{state.replicas} replicas" if bounds is None else f"{bounds} replicas of {bounds.kind} {bounds.name}"
