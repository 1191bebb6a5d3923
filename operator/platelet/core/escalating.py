"""The arrow ESCALATE: hand the incident to people, and notice when they have mended it."""

from dataclasses import replace
from datetime import datetime, timedelta

from platelet import checks, sinks
from platelet.core import delivering, record
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Effect
from platelet.model.remediation import EscalationRecord, RemediationStatus
from platelet.model.situation import Situation
from platelet.model.workload import Workload

_FLASH = timedelta(seconds=10)  # a crash loop is well for a moment in each turn (TRAPS 40)
_STABLE_FOR = timedelta(minutes=1)


def escalate(situation: Situation, status: RemediationStatus, reason: str, message: str, now: datetime) -> Decision:
    """Stop automation for this incident and tell people. An observing policy tells nobody."""
    text = record.clip(message)
    told = replace(
        record.enter(record.withdraw_question(record.resolve(status, now, "request"), text), "Escalated", reason, text),
        escalation=EscalationRecord(reason=reason, message=text, at=now),
    )
    told = record.note(told, now, step=status.step_name, by="escalation", reason=reason, message=text)
    told = record.set_condition(told, "Escalated", reason, text, now)
    return Decision(status=told, effects=sinks.publish(_notice(situation, told, now)), again_at=now)


def stop(status: RemediationStatus, message: str, now: datetime) -> Decision:
    """Stop automation for this incident because its step says so: on record, and nobody is called."""
    text = record.clip(message)
    stopped = replace(
        record.enter(status, "Escalated", reasons.STOPPED, text),
        escalation=EscalationRecord(reason=reasons.STOPPED, message=text, at=now, silent=True),
    )
    stopped = record.note(stopped, now, step=status.step_name, by="onFailure", reason=reasons.STOPPED, message=text)
    return Decision(status=stopped, again_at=now)


def decide(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """Keep people's marks in place until the target has been well for a while, then remove them and close."""
    status = _account_delivery(situation, status, now)
    if situation.workload is None:
        return Decision(status=record.close(status, reasons.TARGET_GONE, "the target was deleted", now))
    since = checks.well_since(situation.workload, situation.revisions, situation.pods)
    settles_at = since + _FLASH if since and not situation.signals else None
    status = replace(status, healthy_since=_healthy_since(situation, situation.workload, status, since, now))
    well_at = status.healthy_since + stable_for(situation) if status.healthy_since else None
    if well_at and well_at <= now:
        return _let_go(situation, status, now)
    told = status.escalation
    marks = () if told and (told.annotated or told.silent) else sinks.annotate(_notice(situation, status, now))
    if told and not told.annotated and not told.silent and not marks:  # it is there: set once, not fought for
        status = replace(status, escalation=replace(told, annotated=True))
    effects = [*marks, *_delivery(situation, status, now)]
    retry_at = status.escalation.retry_at if status.escalation else None
    times = [each for each in (well_at, settles_at, retry_at) if each and each > now]
    return Decision(status=status, effects=tuple(effects), again_at=min(times, default=None))


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
    step = min(situation.remediation.status.step, len(situation.steps) - 1)
    return situation.steps[step].verify.stable_for if situation.steps else _STABLE_FOR


def _let_go(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    removal = sinks.remove_annotation(_notice(situation, status, now))
    if removal:
        return Decision(status=status, effects=removal)
    return Decision(
        status=record.close(status, reasons.RESOLVED_BY_PEOPLE, "the target is well again after the escalation", now)
    )


def _account_delivery(situation: Situation, status: RemediationStatus, now: datetime) -> RemediationStatus:
    told = status.escalation
    return replace(status, escalation=delivering.account(told, situation.delivery, now)) if told else status


def _delivery(situation: Situation, status: RemediationStatus, now: datetime) -> tuple[Effect, ...]:
    told = status.escalation
    if told is None or told.silent or not delivering.is_due(told, situation.policy, now):
        return ()
    return sinks.deliver(_notice(situation, status, now))


def _notice(situation: Situation, status: RemediationStatus, now: datetime) -> sinks.Notice:
    told = status.escalation
    return sinks.Notice(
        kind="Escalated",
        remediation=replace(situation.remediation, status=status),
        workload=situation.workload,
        policy=situation.policy,
        reason=told.reason if told else status.reason,
        message=told.message if told else status.message,
        at=told.at if told else now,
    )
