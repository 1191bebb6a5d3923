"""The arrow ACT: one write per attempt, and what a crash or a lost answer leaves (DESIGN 3.2).

At most one effect per attempt id, whoever sends it: a write goes out only while the target still means what the attempt
was planned on, with the resourceVersion just read. A process that does not know whether it already sent the write sends
it again only if the generation proves that nothing was written.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import sinks
from platelet.core import meaning, record
from platelet.core.decision import Decision
from platelet.guards import maintenance_window, suspended
from platelet.model import reasons
from platelet.model.durations import format_duration
from platelet.model.effects import Write
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
    if meaning.landed(situation, attempt):
        done = _end(status, attempt, "Done", reasons.WRITTEN, "the target is as intended", now)
        return replace(done, effects=sinks.publish(_notice(situation, done.status, attempt, now)))
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
    stopping = suspended.deny_take_back if attempt.kind == "TakeBack" else suspended.deny
    stopped = stopping(situation, now) if sent else None
    if stopped is None and attempt.kind == "Act" and situation.policy is not None:
        stopped = maintenance_window.deny(situation, now)  # one that began after the decision
    if stopped is not None:
        return _lost(status, attempt, f"it is not sent: {stopped.message}", now, sent=sent)
    return Decision(status=status, effects=(_write(situation, attempt, workload),))


def _notice(situation: Situation, status: RemediationStatus, attempt: Attempt, now: datetime) -> sinks.Notice:
    return sinks.Notice(
        kind="Acted",
        remediation=replace(situation.remediation, status=status),
        workload=situation.workload,
        policy=situation.policy,
        reason=attempt.action,
        message=attempt.summary,
        at=now,
    )


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
