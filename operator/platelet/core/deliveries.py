"""Notifications: each sink is told in order, and again, less and less often, until it has taken what it is told.

Pure edits of a list that is kept on a Remediation or on a policy. A sink that takes nothing holds up no other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet import sinks
from platelet.core import addressees, levels, record, wording
from platelet.model import reasons
from platelet.model.effects import Annotate, Correlation, Deliver, Effect, Rendered
from platelet.model.notice import Notice
from platelet.model.notification import CALLS, MAX_NOTIFICATIONS, MOST_OF_A_SINK, Holder, Notification, State
from platelet.model.request import Request
from platelet.model.rules import Sink
from platelet.model.situation import DeliveryResult

_RETRY = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
_SHORT = 256
InFlight = Collection[tuple[str, str]]
"""The id and the sink of each notification that is being told at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The notifications of one object, and how many were dropped to make room."""

    notifications: tuple[Notification, ...]
    dropped: int = 0
    most: int = MOST_OF_A_SINK  # of each sink


def offer(
    ledger: Ledger, notice: Notice, *, is_news: bool = True, standing: Collection[str] = ()
) -> tuple[Ledger, tuple[Effect, ...]]:
    """Offer a notice to each sink: kept once where the sink keeps it; told now, if it is news, where it does not.

    What is in `standing` holds still, and is never dropped to make room: it would be told again.
    """
    effects: list[Effect] = []
    for sink, addressed in addressees.of(notice):
        if sink.kept:
            ledger = put(ledger, _notification(addressed, sink), standing=standing)
        elif is_news:
            effects += [rendered for rendered in sink.render(addressed) if not isinstance(rendered, Request)]
    return ledger, tuple(effects)


def put(ledger: Ledger, new: Notification, *, standing: Collection[str] = ()) -> Ledger:
    """Add one, unless it is there. The oldest of the same sink makes room: what it has taken first, calls last.

    Of all sinks together there are no more than a status can hold; what finds no room is not added.
    """
    kept, dropped = list(ledger.notifications), ledger.dropped
    if any((old.id, old.sink) == (new.id, new.sink) for old in kept):
        return ledger
    while True:
        crowd = [old for old in kept if old.sink == new.sink]
        if len(crowd) < ledger.most:
            crowd = kept
            if len(crowd) < MAX_NOTIFICATIONS:
                break
        droppable = [old for old in crowd if old.id not in standing]
        if not droppable:
            break
        kept.remove(min(droppable, key=lambda old: (old.state == "Pending", old.kind in CALLS)))
        dropped += 1
    if len(kept) >= MAX_NOTIFICATIONS:
        return ledger
    return replace(ledger, notifications=(*kept, new), dropped=dropped)


def account(
    notifications: Sequence[Notification], results: Sequence[DeliveryResult], now: datetime
) -> tuple[Notification, ...]:
    """Record how the last try of each went, and when it is tried again. A result that is known already adds nothing."""
    by_key = {(result.id, result.sink): result for result in results}
    return tuple(
        _accounted(notification, by_key.get((notification.id, notification.sink)), now)
        for notification in notifications
    )


def due(notifications: Sequence[Notification], in_flight: InFlight, now: datetime) -> tuple[Notification, ...]:
    """Those to be told now: of each sink the first that waits, once its time has come."""
    firsts = _firsts(notifications, in_flight)
    return tuple(first for first in firsts if first.next_try_at is None or first.next_try_at <= now)


def next_due(notifications: Sequence[Notification], in_flight: InFlight, now: datetime) -> datetime | None:
    """When the next is due by time alone. Of what is in flight the result comes by itself."""
    times = [first.next_try_at for first in _firsts(notifications, in_flight)]
    return min((moment for moment in times if moment is not None and moment > now), default=None)


def render(
    notification: Notification, notice: Notice, holder: Holder, now: datetime
) -> tuple[Notification, tuple[Effect, ...]]:
    """Render what is due. Where the world shows it already, or the sink is no more, nothing is left to be told."""
    addressee = addressees.find(notice, notification.sink)
    if addressee is None:
        return replace(notification, state="Withdrawn", next_try_at=None), ()
    sink, addressed = addressee
    addressed, fault = wording.put(addressed, sink)
    correlation = Correlation(holder=holder, id=notification.id, sink=notification.sink, number=notification.tries + 1)
    effects = tuple(as_effect(rendered, correlation) for rendered in sink.render(addressed))
    if effects:
        return notification, (*effects, *_say_that(addressed, fault))
    return replace(notification, state="Delivered", next_try_at=None, told_at=now), ()


def _say_that(notice: Notice, fault: str) -> tuple[Effect, ...]:
    """An Event: a template came to nothing, and the notice went out in platelet's own words."""
    if not fault:
        return ()
    text = f"the template of {notice.route} was not used, and platelet's own words were sent: {fault}"
    news = replace(notice, kind="TemplateFailed", reason=reasons.TEMPLATE_NOT_USED, message=text)
    renderings = (sink.render(news) for sink in sinks.SINKS if not sink.kept and sink.tells(news))
    return tuple(rendered for several in renderings for rendered in several if not isinstance(rendered, Request))


def as_effect(rendered: Rendered, correlation: Correlation) -> Effect:
    """Make an effect of what a sink has rendered, whose result comes back under the correlation."""
    if isinstance(rendered, Request):
        return Deliver(request=rendered, correlation=correlation)
    return replace(rendered, correlation=correlation) if isinstance(rendered, Annotate) else rendered


def acknowledge(notifications: Sequence[Notification], ids: Collection[str], by: str) -> tuple[Notification, ...]:
    """A person knows of these: what was not told so far need not be any more."""
    return tuple(
        replace(notification, state="Acknowledged", acknowledged_by=by, next_try_at=None)
        if notification.id in ids and notification.state in ("Pending", "Delivered")
        else notification
        for notification in notifications
    )


def stop(notifications: Sequence[Notification], ids: Collection[str], state: State) -> tuple[Notification, ...]:
    """Of these, what was not told so far is not told any more."""
    return tuple(
        replace(notification, state=state, next_try_at=None)
        if notification.id in ids and notification.state == "Pending"
        else notification
        for notification in notifications
    )


def has_just_failed(notification: Notification, now: datetime) -> bool:
    """Whether it has just been refused for good, or failed for the second time: once is a hiccup."""
    is_grave = notification.state == "GivenUp" or notification.tries == levels.FAILED_TRIES
    return is_grave and notification.failed_at == now


def undelivered(notifications: Sequence[Notification]) -> tuple[Notification, ...]:
    """What sinks were told in vain so far and are still to hear."""
    return tuple(
        notification for notification in notifications if notification.tries and notification.state == "Pending"
    )


def _firsts(notifications: Sequence[Notification], in_flight: InFlight) -> list[Notification]:
    """The first of each line that waits, unless it is in flight."""
    firsts: dict[tuple[str, str], Notification] = {}
    for notification in notifications:
        if notification.state == "Pending":
            firsts.setdefault(notification.line, notification)
    return [first for first in firsts.values() if (first.id, first.sink) not in in_flight]


def _accounted(notification: Notification, result: DeliveryResult | None, now: datetime) -> Notification:
    if result is None or notification.state != "Pending" or result.number != notification.tries + 1:
        return notification
    tried = replace(
        notification,
        tries=result.number,
        next_try_at=None,
        error=record.clip(result.message),
        receipt=record.clip(result.receipt, _SHORT) or notification.receipt,  # of a part that was taken, too
    )
    if result.delivered:
        return replace(tried, state="Delivered", told_at=now)
    if result.permanent:
        return replace(tried, state="GivenUp", failed_at=now)
    wait = _RETRY[min(notification.tries, len(_RETRY) - 1)]
    return replace(tried, failed_at=now, next_try_at=now + max(wait, result.retry_after or wait))


def _notification(notice: Notice, sink: Sink) -> Notification:
    return Notification(
        id=notice.id,
        sink=notice.route or sink.name,
        level=notice.level,
        kind=notice.kind,
        reason=notice.reason,
        message=record.clip(notice.message),
        at=notice.at,
    )
