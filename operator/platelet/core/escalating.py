"""The arrow ESCALATE: hand the incident to people, and notice when they have mended it.

An escalated incident is let go when the target is well and somebody has changed something of it, or when nothing was
wrong for hours: what comes back meanwhile is still the same incident, and no ladder begins anew for it (TRAPS 25).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.core import (
    acknowledgements,
    escalation_news,
    incident_notices,
    notices,
    record,
    retry_requests,
    since_escalation,
    target_state,
)
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.durations import format_duration
from platelet.model.escalation import EscalationRecord
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation
from platelet.model.workload import Workload

QUIET_FOR = timedelta(hours=4)  # what nobody changed is let go only then: it may come back (TRAPS 25)
_FLASH = timedelta(seconds=10)  # a crash loop is well for a moment in each turn (TRAPS 40)
_STABLE_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How an escalated incident will end, and when, if nothing fails until then."""

    reason: str
    message: str
    at: datetime


def escalate(situation: Situation, status: RemediationStatus, reason: str, message: str, now: datetime) -> Decision:
    """Stop automation for this incident and tell people. An observing policy tells nobody."""
    text = record.clip(message)
    escalated = replace(
        record.enter(record.withdraw_question(record.resolve(status, now, "request"), text), "Escalated", reason, text),
        escalation=_hand_over(situation, status, reason, text, now),
    )
    escalated = record.note(escalated, now, step=status.step_name, by="escalation", reason=reason, message=text)
    escalated = record.set_condition(escalated, "Escalated", reason, text, now)
    return Decision(status=escalated, again_at=now)


def stop(situation: Situation, status: RemediationStatus, message: str, now: datetime) -> Decision:
    """Stop automation for this incident because its step says so: on record, and nobody is called."""
    text = record.clip(message)
    stopped = replace(
        record.enter(status, "Escalated", reasons.STOPPED, text),
        escalation=replace(_hand_over(situation, status, reasons.STOPPED, text, now), silent=True),
    )
    stopped = record.note(stopped, now, step=status.step_name, by="onFailure", reason=reasons.STOPPED, message=text)
    return Decision(status=stopped, again_at=now)


def _hand_over(
    situation: Situation, status: RemediationStatus, reason: str, message: str, now: datetime
) -> EscalationRecord:
    times = status.escalation.told + 1 if status.escalation is not None else 1
    handed_over = EscalationRecord(
        reason=reason,
        message=message,
        at=now,
        handed_over=since_escalation.pin(situation),
        told=times,
        occasion=str(times) if times > 1 else "",
        token=retry_requests.make_token(situation, times, now),
    )
    return escalation_news.acquaint(handed_over, situation, status)


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Keep people's marks in place until the incident may be let go, then remove them and close."""
    if situation.snapshot.workload is None:
        return Decision(status=record.close(status, reasons.TARGET_GONE, "the target was deleted", now))
    since = target_state.well_since(situation, status)
    by = retry_requests.requester(situation, status)
    if by:
        return _hand_back(situation, status, by, now)
    news = escalation_news.find(situation, status, now)
    status = replace(
        status,
        quiet_since=_quiet_since(situation, status, since, now),
        healthy_since=_healthy_since(situation, situation.snapshot.workload, status, since, now),
    )
    sick = since_escalation.is_sick_after_all(situation, status, now)
    if sick:
        return _take_up_again(situation, status, sick, now)
    anew = since_escalation.fails_anew(situation, status)
    if anew:
        message = f"something else was released, and it is this that fails now: {anew}"
        return _let_go(situation, status, Release(reason=reasons.CANCELLED, message=message, at=now), now)
    release = foresee_release(situation, status)
    if release is not None and release.at <= now and since is not None:
        return _let_go(situation, status, release, now)
    if news is not None:
        return _tell_again(situation, status, news, now)
    settles_at = since + _FLASH if since and not situation.signals else None
    times = [moment for moment in (release and release.at, settles_at) if moment and moment > now]
    return Decision(status=status, again_at=min(times, default=None))


def _take_up_again(situation: Situation, status: RemediationStatus, why: str, now: datetime) -> Decision:
    """Begin with the ladder after all: nothing was done so far, since nothing was wrong."""
    message = record.clip(f"there is something wrong now: {why}")
    removal = notices.take_marks_off(situation, status, now)
    again = retry_requests.resume(status, reasons.SICK_AFTER_ALL, message)
    again = record.note(
        again, now, step=status.step_name, by="escalation", reason=reasons.SICK_AFTER_ALL, message=message
    )
    again = record.set_condition(again, "Escalated", reasons.SICK_AFTER_ALL, message, now, true=False)
    return Decision(status=again, effects=removal, again_at=now)


def _hand_back(situation: Situation, status: RemediationStatus, by: str, now: datetime) -> Decision:
    """A person lets us try again; where nothing is wrong any more, they have mended it."""
    well = status.healthy_since is not None
    again = retry_requests.begin_anew(situation, acknowledgements.of_escalation(status, by), by, now)
    asked = any(fact.source in ("request", "check") and fact.resolved_at is None for fact in again.evidence)
    if well and not situation.signals and not asked:
        message = f"{by} handed it back, and the target is well"
        return _let_go(situation, status, Release(reason=reasons.RESOLVED_BY_PEOPLE, message=message, at=now), now)
    return Decision(status=again, effects=notices.take_marks_off(situation, status, now), again_at=now)


def _tell_again(situation: Situation, status: RemediationStatus, news: escalation_news.News, now: datetime) -> Decision:
    """Call people again. The first escalation stays as it is, so does the mark on the workload."""
    status = record.note(status, now, step=status.step_name, by="escalation", reason=news.reason, message=news.message)
    known, occasion = news.known, str(news.known.told)
    if status.escalation is not None and status.escalation.is_acknowledged:  # who has heard may be gone
        known = replace(known, called_anew_at=now, called_anew_as=occasion)
    status = replace(status, escalation=known, quiet_since=None, message=record.clip(news.message))
    again = incident_notices.make(situation, status, "Escalated", news.reason, news.message, now, occasion=occasion)
    return Decision(status=status, again_at=now, notices=(again,))


def foresee_release(situation: Situation, status: RemediationStatus) -> Release | None:
    """How it will be let go: soon after somebody has changed something of the target, else after hours; None: not yet.

    A runbook by hand begins nothing by itself when its fault comes back, so it need not be kept.
    """
    escalation = status.escalation
    if status.healthy_since is not None:
        at = status.healthy_since + stable_for(situation)
        changed = since_escalation.changed_by_others(situation, status)
        # As an older version left it, it cannot be told.
        if changed or escalation is None or escalation.handed_over is None:
            text = f"the target is well again; since the escalation somebody has changed {changed or 'something of it'}"
            return Release(reason=reasons.RESOLVED_BY_PEOPLE, message=text, at=at)
        if situation.remediation.spec.by_hand:
            return Release(reason=reasons.RESOLVED_BY_ITSELF, message="the target is well", at=at)
    if status.quiet_since is not None:
        text = f"nothing was wrong for {format_duration(QUIET_FOR)}, and nobody has changed anything of the target"
        return Release(reason=reasons.RESOLVED_BY_ITSELF, message=text, at=status.quiet_since + QUIET_FOR)
    return None


def _quiet_since(
    situation: Situation, status: RemediationStatus, since: datetime | None, now: datetime
) -> datetime | None:
    """Since when no signal holds, seen at a look, from a moment on when it was well; new pods do not disturb it."""
    if any(signal.holds_at <= now for signal in situation.signals):
        return None
    begins = since is not None and now - since >= _FLASH and not situation.signals
    return status.quiet_since or (now if begins else None)


def _healthy_since(
    situation: Situation, workload: Workload, status: RemediationStatus, since: datetime | None, now: datetime
) -> datetime | None:
    """Since when the target is well again, seen at a look; a restart between two looks begins anew.

    Removing our own mark makes a generation that is not observed for a moment (TRAPS 47): it says nothing about health.
    """
    if situation.signals:
        return None
    if since is None:
        return status.healthy_since if workload.observed_generation < workload.generation else None
    if now - since < _FLASH:
        return None
    return status.healthy_since if status.healthy_since and status.healthy_since >= since else now


def stable_for(situation: Situation) -> timedelta:
    """How long the target must be well to be let go: what the step asks that was reached last."""
    step = min(situation.remediation.status.step, len(situation.ladder.steps) - 1)
    return situation.ladder.steps[step].verify.stable_for if situation.ladder.steps else _STABLE_FOR


def _let_go(situation: Situation, status: RemediationStatus, release: Release, now: datetime) -> Decision:
    removal = notices.take_marks_off(situation, status, now)
    if removal:
        return Decision(status=status, effects=removal)
    return Decision(status=record.close(status, release.reason, release.message, now))
