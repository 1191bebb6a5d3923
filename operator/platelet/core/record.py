"""Pure edits of a Remediation's status: every list is bounded and says how many were dropped."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from platelet.api.kinds import conditions
from platelet.core import alert_episodes
from platelet.model import alert
from platelet.model.remediation import (
    MAX_ATTEMPTS,
    MAX_DECISIONS,
    MAX_EVIDENCE,
    Attempt,
    DecisionRecord,
    Remediation,
    RemediationStatus,
    State,
    Waiting,
)
from platelet.model.signal import Evidence, Source

_SEEN_AGAIN = timedelta(hours=1)  # that an alert still fires is written at most this often
_SHORT, _TEXT = 256, 1024
Item = TypeVar("Item")


def clip(text: str, length: int = _TEXT) -> str:
    """Cut a text to what the CRD admits."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _keep_newest(items: Sequence[Item], most: int) -> tuple[tuple[Item, ...], int]:
    dropped = max(0, len(items) - most)
    return tuple(items[dropped:]), dropped


def note(  # noqa: PLR0913 - a decision has these parts
    status: RemediationStatus, now: datetime, *, step: str, by: str, reason: str, message: str
) -> RemediationStatus:
    """Add a decision to the trace. The same reason in a row is counted on the same line, without a new text."""
    last = status.decisions[-1] if status.decisions else None
    if last and (last.step, last.by, last.reason) == (step, by, reason):
        if last.message == clip(message):
            return status
        repeated = replace(last, message=clip(message), last_at=now, count=last.count + 1)
        return replace(status, decisions=(*status.decisions[:-1], repeated))
    record = DecisionRecord(
        step=clip(step, _SHORT), by=by, reason=reason, message=clip(message), first_at=now, last_at=now
    )
    kept, dropped = _keep_newest((*status.decisions, record), MAX_DECISIONS)
    return replace(status, decisions=kept, decisions_dropped=status.decisions_dropped + dropped)


def wait(  # noqa: PLR0913 - a refusal has these parts
    status: RemediationStatus, now: datetime, *, step: str, by: str, reason: str, message: str, until: datetime | None
) -> RemediationStatus:
    """Say why nothing is done, and until when."""
    old = status.waiting
    if old and old.until and old.until > now and (old.by, old.reason, old.message) == (by, reason, clip(message)):
        until = old.until  # the same "no" that only says "again in a while" is not written again until then
    waiting = Waiting(by=by, reason=reason, message=clip(message), until=until)
    noted = note(status, now, step=step, by=by, reason=reason, message=message)
    return replace(noted, waiting=waiting, reason=reason, message=clip(message))


def enter(status: RemediationStatus, state: State, reason: str, message: str) -> RemediationStatus:
    """Move to another state; what belonged to the old one is cleared."""
    return replace(
        status,
        state=state,
        reason=reason,
        message=clip(message),
        waiting=None,
        waiting_since=None,
        verifying=None,
        healthy_since=None,
        quiet_since=None,
    )


def set_condition(  # noqa: PLR0913 - a condition has these parts
    status: RemediationStatus, kind: str, reason: str, message: str, now: datetime, *, true: bool = True
) -> RemediationStatus:
    """Set one of the conditions that `kubectl wait` reads: Recovered, Escalated, Settled, Closed."""
    changed = conditions.set_condition(
        status.conditions, kind, "True" if true else "False", reason, clip(message), now, status.observed_generation
    )
    return replace(status, conditions=changed)


def withdraw_question(status: RemediationStatus, why: str) -> RemediationStatus:
    """Nobody has to answer any more to the plan that was shown."""
    asked = status.approval
    if asked is None or not asked.is_open:
        return status
    return replace(status, approval=replace(asked, answer="Void", message=clip(why)))


def void_approval(status: RemediationStatus, why: str) -> RemediationStatus:
    """An approval that was given and not used holds no more; nor does a question that is open."""
    asked = status.approval
    used = asked is not None and any(attempt.id == asked.attempt for attempt in status.attempts)
    if asked is None or asked.answer not in (None, "Approved") or used:
        return status
    return replace(status, approval=replace(asked, answer="Void", message=clip(why)))


def put_attempt(status: RemediationStatus, attempt: Attempt) -> RemediationStatus:
    """Add an attempt, or replace the one with the same id."""
    others = [other for other in status.attempts if other.id != attempt.id]
    position = next((i for i, stored in enumerate(status.attempts) if stored.id == attempt.id), len(others))
    kept, dropped = _keep_newest([*others[:position], attempt, *others[position:]], MAX_ATTEMPTS)
    return replace(status, attempts=kept, attempts_dropped=status.attempts_dropped + dropped)


def attempts_anew(status: RemediationStatus) -> tuple[Attempt, ...]:
    """The attempts since people last handed the incident back: what was tried before counts no more."""
    since = status.handed_back_at
    return tuple(attempt for attempt in status.attempts if since is None or attempt.intended_at >= since)


def has_acted(status: RemediationStatus) -> bool:
    """Whether an act, other than the reverting of one, is in effect or may be."""
    return any(attempt.kind == "Act" and attempt.may_have_landed for attempt in status.attempts)


def let_go(status: RemediationStatus, *attempts: str) -> RemediationStatus:
    """Nothing is owed any more for these attempts, although what they lent was not reverted."""
    kept, _ = _keep_newest(tuple(dict.fromkeys((*status.let_go, *attempts))), MAX_ATTEMPTS)
    return replace(status, let_go=kept)


def merge_evidence(status: RemediationStatus, fact: Evidence) -> RemediationStatus:
    """Merge one fact by its fingerprint, an alert by that of its labels. Unchanged when it says nothing new."""
    known = [evidence for evidence in status.evidence if alert_episodes.is_same_fact(fact, evidence)]
    if not known:
        return _add_evidence(status, fact)
    if any(alert_episodes.ends(fact, evidence) for evidence in known):
        return _edit_evidence(
            status, lambda evidence: _merged(evidence, fact) if _is_ended(evidence, fact) else evidence
        )
    if any(alert_episodes.is_late(fact, evidence) for evidence in known):
        return status
    latest = alert_episodes.latest(known)
    if alert_episodes.is_newer(fact, latest):
        since = fact.first_seen
        return _add_evidence(
            _edit_evidence(status, lambda evidence: _over(evidence, since) if evidence is latest else evidence), fact
        )
    quiet = fact.source != "alert" or fact.last_seen - latest.last_seen < _SEEN_AGAIN
    if fact.resolved_at is None and latest.resolved_at is None and quiet:
        return status  # a known fact that still holds says nothing new: it is not written per resync
    return _edit_evidence(status, lambda evidence: _merged(evidence, fact) if evidence is latest else evidence)


def with_opening_evidence(remediation: Remediation) -> RemediationStatus:
    """Its status; before its first look the evidence that opened it is in its spec alone."""
    status, signal = remediation.status, remediation.spec.signal
    if status.opened_at is not None or signal.source in ("revert", "request"):
        return status
    return merge_evidence(status, signal)


def holds(status: RemediationStatus, fact: Evidence) -> bool:
    """Whether it is on record as present: what is told of it belongs here, whatever else it matches."""
    return any(known.resolved_at is None and alert_episodes.is_same_fact(fact, known) for known in status.evidence)


def _merged(known: Evidence, fact: Evidence) -> Evidence:
    returned = known.resolved_at is not None
    return replace(
        known,
        first_seen=fact.first_seen if returned else known.first_seen,
        holds_at=fact.holds_at if returned else known.holds_at,
        last_seen=max(known.last_seen, fact.last_seen),
        count=known.count + 1,
        message=fact.message or known.message,
        resolved_at=fact.resolved_at,
        suppressed_at=None if returned else known.suppressed_at,
    )


def _is_ended(known: Evidence, fact: Evidence) -> bool:
    return alert_episodes.is_same_fact(fact, known) and alert_episodes.ends(fact, known)


def _over(known: Evidence, at: datetime) -> Evidence:
    return replace(known, resolved_at=known.resolved_at or max(at, known.first_seen))


def _edit_evidence(status: RemediationStatus, edit: Callable[[Evidence], Evidence]) -> RemediationStatus:
    return replace(status, evidence=tuple(edit(fact) for fact in status.evidence))


def end_evidence(status: RemediationStatus, names: Mapping[str, Sequence[str]], at: datetime) -> RemediationStatus:
    """What these name is over (`alert_episodes.by_labels`): alerts with their earlier starts, and queries' facts."""

    def end(fact: Evidence) -> Evidence:
        if fact.resolved_at is not None or not alert_episodes.is_among(fact, names):
            return fact
        return replace(_over(fact, at), last_seen=max(at, fact.last_seen))  # the sender's clock may lead

    return _edit_evidence(status, end)


def suppress(
    status: RemediationStatus, suppressed: Collection[str], active: Collection[str], now: datetime
) -> RemediationStatus:
    """Mark the firing alerts that are silenced or inhibited, and lift the mark of those that are active again.

    Both are told by fingerprint of the labels. An alert that is in neither keeps its mark: it may have resolved.
    """
    return _edit_evidence(status, lambda evidence: _suppressed(evidence, suppressed, active, now))


def _suppressed(fact: Evidence, suppressed: Collection[str], active: Collection[str], now: datetime) -> Evidence:
    if fact.source != "alert" or fact.resolved_at is not None:
        return fact
    return replace(fact, suppressed_at=suppressed_since(fact, suppressed, active, now))


def suppressed_since(
    fact: Evidence, suppressed: Collection[str], active: Collection[str], now: datetime
) -> datetime | None:
    """Since when Alertmanager keeps an alert from us that fires, as far as it says anything of it now."""
    name = alert.fingerprint_of(fact.fingerprint)
    if name in active:
        return None
    return fact.suppressed_at or now if name in suppressed else fact.suppressed_at


def resolve(status: RemediationStatus, now: datetime, *sources: Source) -> RemediationStatus:
    """What these sources said is over: what they say from now on is a new episode, with a beginning of its own."""
    evidence = (
        replace(fact, resolved_at=now) if fact.source in sources and fact.resolved_at is None else fact
        for fact in status.evidence
    )
    return replace(status, evidence=tuple(evidence))


def _add_evidence(status: RemediationStatus, fact: Evidence) -> RemediationStatus:
    """Make room by forgetting the oldest resolved fact. What has not resolved is never forgotten for a new one."""
    if len(status.evidence) < MAX_EVIDENCE:
        return replace(status, evidence=(*status.evidence, fact))
    resolved = next((fact for fact in status.evidence if fact.resolved_at is not None), None)
    if resolved is None:
        return replace(status, evidence_dropped=max(1, status.evidence_dropped))
    kept = tuple(fact for fact in status.evidence if fact is not resolved)
    return replace(status, evidence=(*kept, fact), evidence_dropped=status.evidence_dropped + 1)


def close(status: RemediationStatus, reason: str, message: str, now: datetime) -> RemediationStatus:
    """Close the incident. Nothing is written afterwards."""
    closed = replace(enter(withdraw_question(status, message), "Closed", reason, message), closed_at=now)
    closed = set_condition(closed, "Closed", reason, message, now)
    closed = set_condition(closed, "Settled", reason, message, now)
    if any(condition.type == "Escalated" and condition.status == "True" for condition in closed.conditions):
        closed = set_condition(closed, "Escalated", reason, message, now, true=False)
    return closed
