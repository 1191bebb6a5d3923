"""The arrow ACT: one write per attempt, and what its answer, a crash or a lost answer leaves (DESIGN 3.2).

At most one effect per attempt id, whoever sends it: a write goes out only while the target still means what the attempt
was planned on, with the resourceVersion just read. The answer of a write is the object as stored: what became of it
follows from that alone, and an object that differs at the next look was changed by somebody else since. A process that
does not know whether it already sent the write sends it again only if the generation proves that nothing was written.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import sinks
from platelet.core import escalating, meaning, record, telling, withdrawing
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.durations import format_duration
from platelet.model.effects import Write
from platelet.model.intent import PostState
from platelet.model.remediation import Attempt, Phase, RemediationStatus, Verifying
from platelet.model.situation import Situation
from platelet.model.workload import Workload

_SEND_WITHIN = timedelta(minutes=2)  # a decision that is older than this is not carried out any more


def unfinished(status: RemediationStatus) -> Attempt | None:
    """The attempt whose intent is on record and whose outcome is not."""
    return next((each for each in status.attempts if each.phase == "Intended"), None)


def decide(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> Decision:
    """Send the pinned write, or record what became of it."""
    workload = situation.workload
    sent = attempt.id not in situation.never_sent
    if situation.stored is not None and situation.stored.attempt == attempt.id:
        return _answered(situation, status, attempt, situation.stored.state, now)
    if meaning.landed(situation, attempt):
        return _done(situation, status, attempt, "the target is as intended", now)
    if situation.failure is not None and situation.failure.attempt == attempt.id:
        message = f"the API server refused: {situation.failure.code} {situation.failure.message}"
        return _end(status, attempt, "Refused", reasons.REFUSED, message, now)
    if workload is None or workload.uid != attempt.pre.uid:
        return _lost(status, attempt, "the target was deleted or re-created", now, sent=sent)
    if not meaning.same_meaning(situation, attempt):
        return _lost(status, attempt, "someone else changed the target in between", now, sent=sent)
    if sent and not meaning.untouched(situation, attempt):
        return _lost(status, attempt, "the target was written meanwhile, whether by us cannot be told", now, sent=True)
    if now - attempt.intended_at > _SEND_WITHIN:
        return _lost(status, attempt, f"it could not be sent within {format_duration(_SEND_WITHIN)}", now, sent=sent)
    if why := withdrawing.why_not_sent(situation, status, attempt, now):
        return _lost(status, attempt, f"it is not sent: {why}", now, sent=sent)
    return Decision(status=status, effects=(_write(situation, attempt, workload),))


def _answered(
    situation: Situation, status: RemediationStatus, attempt: Attempt, stored: PostState, now: datetime
) -> Decision:
    """The API server took the write: done with what it stored, unless that is what was there before."""
    made = meaning.as_stored(attempt, stored)
    left = stored.template_hash if stored.template_hash != attempt.pre.template_hash else None
    kept = replace(attempt, post=made, left_template=left or "")
    if made == attempt.post:
        return _done(situation, status, kept, "the target is as intended", now)
    if made == meaning.as_before(attempt):
        message = "the API server took the write and changed it back: an admission of this cluster does not let it be"
        return _end(status, attempt, "Refused", reasons.REFUSED, message, now)
    message = f"an admission of this cluster changed what was written: {_difference(attempt.post, made)}"
    return _done(situation, status, kept, message, now)


def _difference(sent: PostState, made: PostState) -> str:
    """Say what was stored, and what was sent."""
    if made.autoscaler != sent.autoscaler:
        return f"the bounds are {made.autoscaler}, not {sent.autoscaler}"
    if made.replicas != sent.replicas:
        return f"replicas is {made.replicas}, not {sent.replicas}"
    if made.template_hash != sent.template_hash:
        return f"the template is {made.template_hash}, not {sent.template_hash}"
    return "the stamp of the restart is another one"


def _done(situation: Situation, status: RemediationStatus, attempt: Attempt, message: str, now: datetime) -> Decision:
    done = _end(status, attempt, "Done", reasons.WRITTEN, message, now)
    if attempt.kind == "TakeBack" and meaning.present(situation, attempt.post) == meaning.as_before(attempt):
        text = f"{attempt.summary}: others have changed it back at once"
        return escalating.escalate(situation, done.status, reasons.REVERTED_BY_OTHERS, text, now)
    return replace(done, effects=sinks.publish(_notice(situation, done.status, attempt, now)))


def _notice(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> sinks.Notice:
    return telling.notice(situation, status, "Acted", attempt.action, attempt.summary, now)


def _write(situation: Situation, attempt: Attempt, workload: Workload) -> Write:
    autoscaler = meaning.written_autoscaler(situation, attempt.post)
    return Write(
        attempt=attempt.id,
        target=situation.target,
        uid=autoscaler.bounds.uid if autoscaler else workload.uid,
        resource_version=autoscaler.resource_version if autoscaler else workload.resource_version,
        post=attempt.post,
    )


def _lost(status: RemediationStatus, attempt: Attempt, message: str, now: datetime, *, sent: bool) -> Decision:
    if sent:
        return _end(status, attempt, "Unknown", reasons.UNKNOWN_OUTCOME, message, now)
    return _end(status, attempt, "Superseded", reasons.SUPERSEDED, message, now)


def _end(  # noqa: PLR0913 - an outcome has these parts
    status: RemediationStatus, attempt: Attempt, phase: Phase, reason: str, message: str, now: datetime
) -> Decision:
    text = record.clip(message)
    ended = replace(attempt, phase=phase, outcome_at=now, message=text)
    status = record.put_attempt(status, ended)
    status = record.note(status, now, step=status.step_name, by=attempt.action, reason=reason, message=text)
    if attempt.kind == "TakeBack":
        return Decision(status=replace(status, taken_back_at=now) if phase == "Done" and not status.undoing else status)
    if phase == "Done":
        status = record.enter(status, "Verifying", reason, attempt.summary)
        return Decision(status=replace(status, verifying=Verifying(started_at=now)))
    if phase == "Refused":
        status = replace(status, step=status.step + 1)
    return Decision(status=record.enter(status, "Waiting", reason, text))
