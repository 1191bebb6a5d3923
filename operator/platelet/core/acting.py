"""The arrow ACT: one write per attempt, and what its answer, a crash or a lost answer leaves (DESIGN 3.2).

At most one effect per attempt id, whoever sends it: a write goes out only while the target still means what the attempt
was planned on, with the resourceVersion just read. The answer of a write is the object as stored: what became of it
follows from that alone, and an object that differs at the next look was changed by somebody else since. A process that
does not know whether it already sent the write sends it again only if the generation proves that nothing was written.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import changes
from platelet.changes import kept_values
from platelet.core import escalating, record, target_state, withdrawals
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.durations import format_duration, say_time
from platelet.model.effects import Write
from platelet.model.intent import PinnedChange
from platelet.model.remediation import Attempt, Phase, RemediationStatus
from platelet.model.situation import Situation, StoredWrite, WriteFailure
from platelet.model.verdict import Refusal
from platelet.model.verifying import Verifying

_SEND_WITHIN = timedelta(minutes=2)  # a decision that is older than this is not carried out any more


def unfinished(status: RemediationStatus) -> Attempt | None:
    """The attempt whose intent is on record and whose outcome is not."""
    return next((attempt for attempt in status.attempts if attempt.phase == "Intended"), None)


def decide(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> Decision:
    """Send the pinned write, or record what became of it."""
    workload = situation.snapshot.workload
    shows = changes.of(attempt.present).shows_its_outcome
    sent = attempt.write_id not in situation.own_writes.never_sent and not shows
    if situation.own_writes.stored is not None and situation.own_writes.stored.attempt == attempt.write_id:
        return _answered(situation, status, attempt, situation.own_writes.stored, now)
    if target_state.landed(situation, attempt):
        return _done(situation, status, attempt, "the target is as intended", now)
    failure = _failure(situation, attempt)
    if failure is not None and not failure.passes:
        message = f"the API server refused: {failure.code} {failure.message}" if failure.code else failure.message
        return _end(status, attempt, "Refused", reasons.REFUSED, message, now)
    if workload is None or workload.uid != attempt.pre.uid:
        return _lost(status, attempt, "the target was deleted or re-created", now, sent=sent)
    if not target_state.same_meaning(situation, attempt):
        return _lost(status, attempt, "someone else changed the target in between", now, sent=sent)
    if sent and not target_state.untouched(situation, attempt):
        return _lost(status, attempt, "the target was written meanwhile, whether by us cannot be told", now, sent=True)
    if now - attempt.intended_at > _SEND_WITHIN:
        text = f"it could not be sent within {format_duration(_SEND_WITHIN)}{_why_turned_away(failure)}"
        return _lost(status, attempt, text, now, sent=sent)
    if why := withdrawals.why_not_sent(situation, status, attempt, now):
        return _lost(status, attempt, f"it is not sent: {why}", now, sent=sent)
    if failure is not None:
        until = say_time(attempt.intended_at + _SEND_WITHIN)
        text = record.clip(f"it is tried again until {until}{_why_turned_away(failure)}")
        status = replace(status, reason=reasons.TURNED_AWAY, message=text)
    return _write(situation, status, attempt, now)


def _failure(situation: Situation, attempt: Attempt) -> WriteFailure | None:
    """The API server's definite refusal of the present write, if there was one."""
    failure = situation.own_writes.failure
    return failure if failure is not None and failure.attempt == attempt.write_id else None


def _why_turned_away(failure: WriteFailure | None) -> str:
    return f"; the API server turned it away: {failure.message}" if failure is not None else ""


def _answered(
    situation: Situation, status: RemediationStatus, attempt: Attempt, stored: StoredWrite, now: datetime
) -> Decision:
    """The API server took the write: done with what it stored, unless that is what was there before."""
    sent = attempt.present
    left = stored.template_hash if stored.template_hash != attempt.pre.template_hash else None
    kept = replace(_with_present(attempt, replace(sent, meant=stored.values)), left_template=left or "")
    if stored.values == sent.meant:
        return _done(situation, status, kept, "the target is as intended", now)
    if stored.values == sent.before:
        message = "the API server took the write and changed it back: an admission of this cluster does not let it be"
        return _end(status, attempt, "Refused", reasons.REFUSED, message, now)
    return _done(situation, status, kept, changes.of(sent).say_stored(sent, stored.values), now)


def _with_present(attempt: Attempt, change: PinnedChange) -> Attempt:
    """The attempt with another pin of its present change."""
    made = attempt.made
    return replace(attempt, changes=(*attempt.changes[:made], change, *attempt.changes[made + 1 :]))


def _done(situation: Situation, status: RemediationStatus, attempt: Attempt, message: str, now: datetime) -> Decision:
    """The present change is made: its attempt goes on with the next one, or has come to its end."""
    if attempt.made + 1 < len(attempt.changes):
        return _go_on(situation, status, attempt, message, now)
    done = _end(status, attempt, "Done", reasons.WRITTEN, message, now)
    if attempt.kind == "Revert" and any(changes.is_as_before(change, situation) for change in attempt.changes):
        text = f"{attempt.summary}: others have changed it back at once"
        return escalating.escalate(situation, done.status, reasons.REVERTED_BY_OTHERS, text, now)
    return done


def _go_on(situation: Situation, status: RemediationStatus, attempt: Attempt, message: str, now: datetime) -> Decision:
    """Pin the next change to its object as it is now: what was written just before may have been the same one.

    That it still means what it meant at the plan is asked when it is sent, as of every change.
    """
    number, following = attempt.made + 1, attempt.changes[attempt.made + 1]
    text = f"change {number} of {len(attempt.changes)} is made: {message}"
    status = record.note(
        status, now, step=status.step_name, by=attempt.action, reason=reasons.WRITTEN, message=record.clip(text)
    )
    live = changes.as_it_is(following, situation)
    begun = replace(attempt, made=number)
    if live is not None:
        begun = _with_present(begun, replace(following, version=live.version))
    return Decision(status=record.put_attempt(status, begun))


def _write(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> Decision:
    change = attempt.present
    live = changes.as_it_is(change, situation)
    if live is None:
        return Decision(status=status)
    patch = changes.of(change).patch(change, live, situation)
    if isinstance(patch, Refusal):
        return _end(status, attempt, "Refused", patch.reason, patch.message, now)
    kept = kept_values.find(situation, change.record)
    write = Write(id=attempt.write_id, target=situation.target, change=change, patch=patch, kept=kept)
    return Decision(status=status, effects=(write,))


def _lost(status: RemediationStatus, attempt: Attempt, message: str, now: datetime, *, sent: bool) -> Decision:
    if sent:
        return _end(status, attempt, "Unknown", reasons.UNKNOWN_OUTCOME, message, now)
    return _end(status, attempt, "Superseded", reasons.SUPERSEDED, message, now)


def _end(  # noqa: PLR0913 - an outcome has these parts
    status: RemediationStatus, attempt: Attempt, phase: Phase, reason: str, message: str, now: datetime
) -> Decision:
    text = record.clip(message)
    if attempt.made and phase != "Done":
        return _end_half_way(status, attempt, phase, reason, text, now)
    ended = replace(attempt, phase=phase, outcome_at=now, message=text)
    status = record.put_attempt(status, ended)
    status = record.note(status, now, step=status.step_name, by=attempt.action, reason=reason, message=text)
    if attempt.kind == "Revert":
        return Decision(status=replace(status, reverted_at=now) if phase == "Done" and not status.reverting else status)
    if phase == "Done" or (phase == "Unknown" and changes.is_at_most_once(attempt)):
        status = record.enter(status, "Verifying", reason, attempt.summary)
        return Decision(status=replace(status, verifying=Verifying(started_at=now)))
    if phase == "Refused":
        status = replace(status, step=status.step + 1)
    return Decision(status=record.enter(status, "Waiting", reason, text))


def _end_half_way(  # noqa: PLR0913 - an outcome has these parts
    status: RemediationStatus, attempt: Attempt, phase: Phase, reason: str, message: str, now: datetime
) -> Decision:
    """Some changes of it are made and one came to nothing: what is made is reverted, and the next step follows.

    It counts as an attempt whose outcome nobody knows: something of it is in effect, and nothing may be refunded.
    """
    text = record.clip(f"change {attempt.made + 1} of {len(attempt.changes)} was not made: {message}")
    if phase != "Unknown" and not changes.is_reversible(attempt.changes[: attempt.made]):
        done = replace(attempt, changes=attempt.changes[: attempt.made], made=attempt.made - 1)
        return _end(status, done, "Done", reason, text, now)  # what is made stays: it is proven, or not
    ended = replace(attempt, phase="Unknown", outcome_at=now, message=text)
    if phase != "Unknown":  # the present change is surely not in effect
        ended = replace(ended, changes=attempt.changes[: attempt.made], made=attempt.made - 1)
    status = record.put_attempt(status, ended)
    status = record.note(status, now, step=status.step_name, by=attempt.action, reason=reason, message=text)
    if attempt.kind == "Revert":
        return Decision(status=status)
    failed = replace(status, reverting=attempt.id, step=status.step + 1)
    return Decision(status=record.enter(failed, "Waiting", reason, text))
