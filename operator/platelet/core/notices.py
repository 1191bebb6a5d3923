"""What people are told of an incident: it began, what was done, that it helped, that it is theirs, and its end.

What has become true is seen by comparing the status with what was stored. A sink that keeps what it is told is also
told what still holds: a question that is open, an escalation that people have. What it has not taken stays on the
status, also when the Remediation is closed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from platelet import sinks
from platelet.core import (
    acknowledgements,
    addressees,
    answers,
    calls,
    deliveries,
    healing,
    levels,
    record,
    renewals,
)
from platelet.core.decision import Decision
from platelet.core.incident_notices import make
from platelet.model import reasons
from platelet.model.durations import format_time
from platelet.model.effects import Correlation, Effect
from platelet.model.notice import Notice
from platelet.model.notification import Notification
from platelet.model.policy import DAY
from platelet.model.remediation import RemediationStatus
from platelet.model.situation import Situation

_SETTLED = ("Escalated", "Closed")  # automation has ended


def hear(situation: Situation, now: datetime) -> Situation:
    """Take in how the last tries went, and who has let us know that they have heard."""
    remediation = situation.remediation
    status = remediation.status
    if not status.notifications:
        return situation
    heard = replace(status, notifications=deliveries.account(status.notifications, situation.own_writes.results, now))
    heard = acknowledgements.hear(remediation, situation.policy, heard, now)
    return replace(situation, remediation=replace(remediation, status=heard))


def tell(situation: Situation, decision: Decision, now: datetime) -> Decision:
    """Add to a decision what is told by it: what has become true, what still is, and the condition Settled."""
    before, after = situation.remediation.status, _settle(situation.remediation.status, decision.status, now)
    decision = replace(decision, status=after)
    if situation.remediation.spec.mode == "Observe":
        return send(situation, replace(decision, notices=()), now)
    news = (*_changes(situation, before, after, now), *decision.notices)
    return send(situation, replace(decision, notices=news), now)


def send(situation: Situation, decision: Decision, now: datetime) -> Decision:
    """Turn a decision's notices, and what sinks have not taken so far, into effects: in order for each sink."""
    status, effects = _offer(situation, acknowledgements.of_answer(decision.status), decision.notices, now)
    notifications = {(notification.id, notification.sink): notification for notification in status.notifications}
    for waiting in deliveries.due(status.notifications, situation.own_writes.in_flight, now):
        notice = _notice_of(situation, status, waiting)
        rendered, renderings = deliveries.render(waiting, notice, situation.remediation.holder, now)
        notifications[rendered.id, rendered.sink] = rendered
        effects = (*effects, *renderings)
    status = _keep(status, tuple(notifications.values()), status.notifications_dropped)
    times = [decision.again_at, deliveries.next_due(status.notifications, situation.own_writes.in_flight, now)]
    if situation.remediation.spec.mode != "Observe":
        times += [level.at for level in levels.coming(situation.policy, levels.calling(status), now)]
        renewal = renewals.find(situation.policy, status, now)
        times.append(renewal.next_at if renewal is not None else None)
        times.append(healing.next_at(situation, status, now))
    return replace(
        decision,
        status=status,
        effects=(*decision.effects, *effects),
        again_at=min(filter(None, times), default=None),
        notices=(),
    )


def take_marks_off(situation: Situation, status: RemediationStatus, now: datetime) -> tuple[Effect, ...]:
    """Remove what sinks have left on objects, unless that was answered: who puts it back is not fought."""
    occasion = status.escalation.occasion if status.escalation is not None else ""
    over = make(situation, status, "Resolved", status.reason, status.message, now, occasion)
    answered = {(result.id, result.sink) for result in situation.own_writes.results if result.delivered}
    correlation = Correlation(holder=situation.remediation.holder, id=over.id, sink="")
    return tuple(
        deliveries.as_effect(rendered, replace(correlation, sink=sink.name))
        for sink in sinks.SINKS
        if sink.marks and (over.id, sink.name) not in answered
        for rendered in sink.render(over)
    )


def announce_end(status: RemediationStatus, uid: str, now: datetime) -> RemediationStatus:
    """Let the sinks that were told of an incident hear that it was closed, where nobody looks at it."""
    ledger = deliveries.Ledger(notifications=status.notifications, dropped=status.notifications_dropped)
    for sink in dict.fromkeys(notification.sink for notification in status.notifications):
        over = Notification(
            id=f"{uid}/resolved",
            sink=sink,
            kind="Resolved",
            reason=status.reason,
            message=record.clip(status.message),
            at=now,
        )
        ledger = deliveries.put(ledger, over)
    return replace(status, notifications=ledger.notifications, notifications_dropped=ledger.dropped)


def _changes(
    situation: Situation, before: RemediationStatus, after: RemediationStatus, now: datetime
) -> Iterator[Notice]:
    """What has become true, in the order of an incident's life."""
    signal = situation.remediation.spec.signal
    if before.opened_at is None and after.opened_at is not None and signal.source != "revert":
        yield make(situation, after, "Opened", signal.reason, signal.message, now)
    yield from _announcements(situation, before, after)
    yield from answers.find(situation, before, after, now)
    done = {attempt.id for attempt in before.attempts if attempt.phase == "Done"}
    for attempt in after.attempts:
        if attempt.phase == "Done" and attempt.id not in done:
            yield make(situation, after, "Acted", attempt.action, attempt.summary, now, _short(attempt.id))
    if after.state == "Monitoring" and before.state != "Monitoring" and before.opened_at is not None:
        acts = [_short(attempt.id) for attempt in after.attempts if attempt.kind == "Act"]
        yield make(situation, after, "Recovered", reasons.RECOVERED, after.message, now, acts[-1] if acts else "")
    yield from _calls(situation, before, after, now)
    if before.state != "Closed" and after.state == "Closed" and signal.source != "revert":
        yield make(situation, after, "Resolved", after.reason, after.message, now)


def _announcements(situation: Situation, before: RemediationStatus, after: RemediationStatus) -> Iterator[Notice]:
    """What steps have said: each of these decisions is a notice, known by its step and its time."""
    known = {(decision.step, decision.first_at) for decision in before.decisions}
    for decision in after.decisions:
        if decision.reason == reasons.ANNOUNCED and (decision.step, decision.first_at) not in known:
            at, occasion = decision.first_at, f"{decision.step}/{format_time(decision.first_at)}"
            yield make(situation, after, "Announced", decision.reason, decision.message, at, occasion)


def _calls(
    situation: Situation, before: RemediationStatus, after: RemediationStatus, now: datetime
) -> Iterator[Notice]:
    """A question or an escalation that was not there before."""
    known = {call.id for call in calls.that_hold(situation, before, now)}
    yield from (call for call in calls.that_hold(situation, after, now) if call.id not in known)


def _offer(
    situation: Situation, status: RemediationStatus, news: tuple[Notice, ...], now: datetime
) -> tuple[RemediationStatus, tuple[Effect, ...]]:
    """Bring the notifications up to date: what is new, what no sink is to be told any more, what is too late."""
    observes = situation.remediation.spec.mode == "Observe"
    holding = () if observes else tuple(calls.that_hold(situation, status, now))
    standing = [call.id for call in holding]
    wanted = tuple(old for old in status.notifications if _is_wanted(situation, status, old))
    ledger = deliveries.Ledger(notifications=wanted, dropped=status.notifications_dropped)
    effects: list[Effect] = []
    for new in (*news, *_failures(situation, status, now)):
        ledger, renderings = deliveries.offer(ledger, new, standing=standing)
        effects += renderings
    for call in holding:  # also to a sink that is new; where it is news, it has just been told
        ledger, _ = deliveries.offer(ledger, call, is_news=False, standing=standing)
    in_flight = situation.own_writes.in_flight
    over = [
        old.id
        for old in ledger.notifications
        if _is_over(status, old, standing) and not (old.kind == "Healing" and (old.id, old.sink) in in_flight)
    ]  # what holds back a page and is on its way comes before what ends that
    notifications = deliveries.stop(ledger.notifications, over, "Withdrawn")
    if status.closed_at is not None and now - status.closed_at >= DAY:
        notifications = deliveries.stop(notifications, [old.id for old in notifications], "GivenUp")
    return _keep(status, notifications, ledger.dropped), tuple(effects)


def _keep(status: RemediationStatus, notifications: tuple[Notification, ...], dropped: int) -> RemediationStatus:
    """The status with these; itself where it has them, as at most looks."""
    if (notifications, dropped) == (status.notifications, status.notifications_dropped):
        return status
    return replace(status, notifications=notifications, notifications_dropped=dropped)


def _is_wanted(situation: Situation, status: RemediationStatus, notification: Notification) -> bool:
    """Whether it is on record, or its sink is still to be told: nothing is kept for nobody, nor in mode Observe."""
    if notification.state != "Pending":
        return True
    if situation.remediation.spec.mode == "Observe":
        return False
    return addressees.find(_notice_of(situation, status, notification), notification.sink) is not None


def _is_over(status: RemediationStatus, notification: Notification, standing: list[str]) -> bool:
    """Whether it calls people to something that is no longer so: who hears of it late would only hear of the end."""
    if notification.kind == "Escalated":
        return status.state != "Escalated"
    if notification.kind == "ApprovalNeeded":
        call = levels.calling(status)
        return call is None or not notification.asks(call.known_as)
    return notification.kind in ("Acknowledged", "Ongoing", "Healing") and notification.id not in standing


def _notice_of(situation: Situation, status: RemediationStatus, kept: Notification) -> Notice:
    known = make(situation, status, kept.kind, kept.reason, kept.message, kept.at, kept.occasion)
    hold = healing.find(situation, status, kept.at) if kept.kind == "Healing" else None
    return replace(known, level=kept.level, until=hold.until if hold is not None else None)


def _failures(situation: Situation, status: RemediationStatus, now: datetime) -> Iterator[Notice]:
    """What has just failed twice: whoever is on call is not told otherwise."""
    for failed in status.notifications:
        if deliveries.has_just_failed(failed, now):
            then = "refuses it" if failed.state == "GivenUp" else "was not told, and is tried again"
            text = f"the policy's {failed.sink} {then}: {failed.error}"
            yield make(situation, status, "NotDelivered", reasons.NOT_DELIVERED, text, now, failed.sink)


def _settle(before: RemediationStatus, after: RemediationStatus, now: datetime) -> RemediationStatus:
    """Keep the condition on which `kubectl wait` ends either way."""
    settled = after.state in _SETTLED
    known = any(condition.type == "Settled" for condition in after.conditions)
    if after.state == before.state and known == settled:
        return after
    if not settled and not known:
        return after
    return record.set_condition(after, "Settled", after.reason, after.message, now, true=settled)


def _short(attempt: str) -> str:
    """The id of an attempt without the Remediation's uid."""
    return attempt.partition("/")[2]
