"""What people are told of an incident: it began, what was done, that it helped, that it is theirs, and its end.

Events tell all of it, best effort. A policy's webhook is for escalations and questions; once it was told of an incident
it is told what follows, and above all the end, at least once each: what it has not taken is kept in `status.notices`,
also when the Remediation is closed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from platelet import sinks
from platelet.core import delivering, record
from platelet.core.decision import Decision
from platelet.model import reasons
from platelet.model.effects import Deliver, Effect
from platelet.model.escalation import MAX_NOTICES, NoticeKind, PendingNotice
from platelet.model.policy import DAY
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation

_SETTLED = ("Escalated", "Closed")  # automation has ended


def hear(situation: Situation, now: datetime) -> Situation:
    """Account how the last delivery of a pending notice went; what was taken is forgotten."""
    remediation, status = situation.remediation, situation.remediation.status
    if not status.notices:
        return situation
    accounted = (
        delivering.account(each, _render(situation, status, each).id, situation.delivery, now)
        for each in status.notices
    )
    heard = replace(status, notices=tuple(each for each in accounted if not each.delivered))
    return replace(situation, remediation=replace(remediation, status=heard))


def announce(  # noqa: PLR0913 - a notice has these parts
    status: RemediationStatus, kind: NoticeKind, reason: str, message: str, now: datetime, occasion: str = ""
) -> RemediationStatus:
    """Keep a notice for the policy's webhook until it is delivered. The oldest makes room."""
    pending = PendingNotice(kind=kind, occasion=occasion, reason=reason, message=record.clip(message), at=now)
    return replace(status, notices=(*status.notices, pending)[-MAX_NOTICES:])


def announce_end(status: RemediationStatus, now: datetime) -> RemediationStatus:
    """Let whoever was told of a closed incident hear of its end."""
    if not _was_told(status):
        return status
    return announce(status, "Resolved", status.reason, status.message, now)


def tell(situation: Situation, decision: Decision, now: datetime) -> Decision:
    """Add to a decision what has become true by it: Events, notices for the webhook, and the condition Settled."""
    before, status = situation.remediation.status, decision.status
    acts = situation.remediation.spec.mode != "Observe"
    events = tuple(_events(situation, before, status, now)) if acts else ()
    if acts:
        status = _announce_what_follows(before, status, now)
    status = _settle(before, status, now)
    told = replace(decision, status=status, effects=(*decision.effects, *events))
    return deliver(situation, told, now)


def recovered(situation: Situation, status: RemediationStatus, now: datetime) -> Decision:
    """The target is well after what was done."""
    well = notice(situation, status, "Recovered", reasons.RECOVERED, status.message, now)
    return Decision(status=status, effects=sinks.publish(well))


def held(situation: Situation, decision: Decision, reason: str, message: str, now: datetime) -> Decision:
    """It waits for something common: an Event, and the webhook hears of it although nothing was asked or escalated."""
    status = announce(decision.status, "Held", reason, message, now, reason)
    events = sinks.publish(notice(situation, status, "Held", reason, record.clip(message), now))
    return replace(decision, status=status, effects=(*decision.effects, *events))


def deliver(situation: Situation, decision: Decision, now: datetime) -> Decision:
    """Add the delivery that is due, one at a time and in order; nothing is kept where no webhook is."""
    status, policy = decision.status, situation.policy
    if status.notices and (policy is None or not policy.has_webhook or _is_too_late(status, now)):
        status = replace(status, notices=())
    effects = (*decision.effects, *_failures(situation, status, now))
    decision = replace(decision, status=status, effects=effects)
    if not status.notices or _waits_for_the_first(status) or any(isinstance(each, Deliver) for each in effects):
        return decision
    first = status.notices[0]
    if delivering.is_due(first, policy, now):
        due = sinks.deliver(_render(situation, status, first))
        return replace(decision, effects=(*effects, *due))
    times = [each for each in (decision.again_at, first.retry_at) if each is not None]
    return replace(decision, again_at=min(times, default=None))


def _events(
    situation: Situation, before: RemediationStatus, after: RemediationStatus, now: datetime
) -> Iterator[Effect]:
    """The beginning and the end. What lies between is told where it is decided."""
    signal = situation.remediation.spec.signal
    if signal.source == "takeBack":
        return
    if before.opened_at is None and after.opened_at is not None:
        yield from sinks.publish(notice(situation, after, "Opened", signal.reason, signal.message, now))
    if before.state != "Closed" and after.state == "Closed":
        yield from sinks.publish(notice(situation, after, "Resolved", after.reason, after.message, now))


def _announce_what_follows(before: RemediationStatus, after: RemediationStatus, now: datetime) -> RemediationStatus:
    if _was_told(before):
        after = _announce_progress(before, after, now)
    return announce_end(after, now) if before.state != "Closed" and after.state == "Closed" else after


def _announce_progress(before: RemediationStatus, after: RemediationStatus, now: datetime) -> RemediationStatus:
    done = {each.id for each in before.attempts if each.phase == "Done"}
    for attempt in after.attempts:
        if attempt.phase == "Done" and attempt.id not in done:
            occasion = attempt.id.partition("/")[2]
            after = announce(after, "Acted", attempt.action, attempt.summary, now, occasion)
    if after.state == "Monitoring" and before.state != "Monitoring":
        acts = [each.id.partition("/")[2] for each in after.attempts if each.kind == "Act"]
        after = announce(after, "Recovered", after.reason, after.message, now, acts[-1] if acts else "")
    return after


def _was_told(status: RemediationStatus) -> bool:
    """Whether a webhook may know of the incident: by a question, an escalation, or what holds it."""
    told, held = status.escalation, status.held
    if held is not None and held.told_at is not None and not held.by_another:
        return True
    return status.approval is not None or (told is not None and (not told.silent or told.told > 1))


def _settle(before: RemediationStatus, after: RemediationStatus, now: datetime) -> RemediationStatus:
    """Keep the condition on which `kubectl wait` ends either way."""
    settled = after.state in _SETTLED
    known = any(each.type == "Settled" for each in after.conditions)
    if after.state == before.state and known == settled:
        return after
    if not settled and not known:
        return after
    return record.set_condition(after, "Settled", after.reason, after.message, now, true=settled)


def _waits_for_the_first(status: RemediationStatus) -> bool:
    """Whether the question or the escalation itself comes first."""
    told, asked = status.escalation, status.approval
    if status.state == "Escalated" and told is not None:
        return not told.silent and not told.delivered
    return status.state == "AwaitingApproval" and asked is not None and not asked.delivered


def _is_too_late(status: RemediationStatus, now: datetime) -> bool:
    return status.closed_at is not None and now - status.closed_at >= DAY


def _failures(situation: Situation, status: RemediationStatus, now: datetime) -> tuple[Effect, ...]:
    """An Event when a delivery has failed twice: whoever is on call is not told otherwise."""
    result = situation.delivery
    if result is None or result.delivered:
        return ()
    if not any(delivering.failed_twice(each, now) for each in delivering.undelivered(status)):
        return ()
    text = f"the policy's webhook was not told, and is tried again: {result.message}"
    return sinks.publish(notice(situation, status, "NotDelivered", reasons.NOT_DELIVERED, text, now))


def _render(situation: Situation, status: RemediationStatus, pending: PendingNotice) -> sinks.Notice:
    kind, occasion = pending.kind, pending.occasion
    return notice(situation, status, kind, pending.reason, pending.message, pending.at, occasion)


def notice(  # noqa: PLR0913 - a notice has these parts
    situation: Situation,
    status: RemediationStatus,
    kind: NoticeKind,
    reason: str,
    message: str,
    at: datetime,
    occasion: str = "",
) -> sinks.Notice:
    """Make what a sink is told: the incident as `status` has it."""
    return sinks.Notice(
        kind=kind,
        remediation=replace(situation.remediation, status=status),
        workload=situation.workload,
        policy=situation.policy,
        reason=reason,
        message=message,
        at=at,
        occasion=occasion,
    )
