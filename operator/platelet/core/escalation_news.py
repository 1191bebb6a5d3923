"""What people who have an incident do not know yet: a graver severity, another kind of symptom, that it came back.

Each is told once. Automation has stopped for the incident all the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet import checks
from platelet.model import reasons, severity
from platelet.model.durations import format_duration
from platelet.model.escalation import MAX_SYMPTOMS, EscalationRecord
from platelet.model.remediation import RemediationStatus
from platelet.model.signal import SHOWN, TOLD, Evidence, Signal
from platelet.model.situation import Situation

_QUIET_ENOUGH = timedelta(hours=1)  # what comes back after such a while is news
_NAMED = 3  # symptoms in one message
Fact = Signal | Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be told, and what people know then."""

    reason: str
    message: str
    known: EscalationRecord


def acquaint(escalation: EscalationRecord, situation: Situation, status: RemediationStatus) -> EscalationRecord:
    """Note what people know by the escalation itself: all that was on record by then."""
    facts: list[Fact] = [*situation.signals, *status.evidence]
    return _with(escalation, [fact for fact in facts if fact.source in (*SHOWN, *TOLD)])


def find(situation: Situation, status: RemediationStatus, now: datetime) -> News | None:
    """Find what is new since people were told last; None: nothing. Once they know it, it is not found again."""
    escalation = status.escalation
    if escalation is None:
        return None
    if not escalation.token:  # an older version has not noted what people know: all that is on record
        escalation = acquaint(escalation, situation, status)
    shown = [signal for signal in situation.signals if _holds(signal, now)]
    facts: list[Fact] = [*shown, *_of_others(situation, status, now)]
    room = len(escalation.symptoms) < MAX_SYMPTOMS
    others = [fact for fact in facts if room and fact.reason not in escalation.symptoms]
    graver = [fact for fact in facts if severity.rank(fact.severity) > severity.rank(escalation.severity)]
    known = replace(_with(escalation, facts), told=escalation.told + 1)
    if graver:
        worst = max(graver, key=lambda fact: severity.rank(fact.severity))
        text = f"it is graver now, {worst.severity}: {_say([worst, *others])}"
        return News(reason=reasons.GRAVER, message=text, known=known)
    if others:
        return News(reason=reasons.NEW_SYMPTOM, message=f"something else is wrong, too: {_say(others)}", known=known)
    if shown and status.quiet_since is not None and now - status.quiet_since >= _QUIET_ENOUGH:
        quiet = format_duration(timedelta(seconds=int((now - status.quiet_since).total_seconds())))
        return News(reason=reasons.RECURRED, message=f"it came back after {quiet}: {_say(shown)}", known=known)
    return None


def _holds(signal: Signal, now: datetime) -> bool:
    return signal.source in (*SHOWN, *TOLD) and signal.counts(now)


def _of_others(situation: Situation, status: RemediationStatus, now: datetime) -> Iterator[Evidence]:
    """What another policy's trigger has shown: it counts while the target is not well."""
    workload = situation.snapshot.workload
    if workload is None or checks.is_well(workload, situation.snapshot.revisions, situation.snapshot.pods):
        return
    for fact in status.evidence:
        if fact.source in SHOWN and fact.resolved_at is None and (fact.holds_at is None or fact.holds_at <= now):
            yield fact


def _with(escalation: EscalationRecord, facts: Sequence[Fact]) -> EscalationRecord:
    symptoms = tuple(dict.fromkeys([*escalation.symptoms, *(fact.reason for fact in facts)]))
    worst = max((escalation.severity, *(fact.severity for fact in facts)), key=severity.rank)
    return replace(escalation, symptoms=symptoms[:MAX_SYMPTOMS], severity=worst)


def _say(facts: Sequence[Fact]) -> str:
    named = {fact.reason: f"{fact.reason}: {fact.message}" for fact in reversed(facts)}
    words = list(reversed(named.values()))
    more = f"; and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return "; ".join(words[:_NAMED]) + more
