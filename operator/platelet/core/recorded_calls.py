"""Who is called for what a policy has on record, level by level as for an incident, and who hears that it is over.

These are Jobs that have failed, and alerts without a target. What is due follows from what is on record and from the
time. How far each level was told is stored in the same write as what sinks are still to hear, so a crash repeats no
call and forgets none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from platelet.core import deliveries, levels, record
from platelet.core.deliveries import Ledger
from platelet.model import reasons
from platelet.model.effects import Effect
from platelet.model.escalation_levels import MAX_TOLD, Level, ToldLevel
from platelet.model.failed_job import FailedJob
from platelet.model.notice import Notice
from platelet.model.notification import NoticeKind, Notification
from platelet.model.policy import Policy
from platelet.model.untargeted_alert import UntargetedAlert

E = TypeVar("E", FailedJob, UntargetedAlert)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement(Generic[E]):
    """The list and the notifications to store in one write, then the effects."""

    listed: tuple[E, ...]
    ledger: Ledger
    effects: tuple[Effect, ...]


def announce(policy: Policy, known: Sequence[E], listed: Sequence[E], ledger: Ledger, now: datetime) -> Announcement[E]:
    """What people are to be told of a change of the list. A policy that observes calls nobody."""
    effects: list[Effect] = []
    before = {entry.known_as: entry for entry in known}
    for entry in listed:
        news = _news(policy, before.get(entry.known_as), entry, now)
        if news is None:
            continue
        offered, events = deliveries.offer(ledger, news)  # to whom no level has
        effects += events
        ledger = offered if entry.call is not None and policy.mode != "Observe" else ledger
        if news.kind == entry.course.over:
            ledger = keep(ledger, replace(news, to=called(entry, ledger.notifications)))
    ledger, climbed = climb(policy, listed, ledger, now)
    return Announcement(listed=climbed, ledger=ledger, effects=tuple(effects))


def end(listed: Sequence[E], why: str, now: datetime) -> tuple[E, ...]:
    """All of it is over, for this reason."""
    return tuple(
        replace(entry, resolved_at=now, resolution=record.clip(why)) if entry.is_open else entry for entry in listed
    )


def climb(policy: Policy, listed: Sequence[E], ledger: Ledger, now: datetime) -> tuple[Ledger, tuple[E, ...]]:
    """Call the levels that are due and were not told so far; and note on each entry which were."""
    climbed = []
    for entry in listed:
        for due in levels.due(_in_levels(policy), _call_for(policy, entry, ledger), now):
            ledger, entry = _tell(policy, entry, ledger, due, now)  # noqa: PLW2901 - as far as it was told by now
        climbed.append(entry)
    return ledger, tuple(climbed)


def next_at(policy: Policy, listed: Sequence[E], ledger: Ledger, now: datetime) -> datetime | None:
    """When the next level is due by time alone."""
    calls = (_call_for(policy, entry, ledger) for entry in listed)
    return min((coming.at for call in calls for coming in levels.coming(policy, call, now)), default=None)


def over(listed: Sequence[E], notifications: Iterable[Notification]) -> tuple[Notification, ...]:
    """Calls that nobody need hear any more: who was called hears of the end instead."""
    ended = {(entry.course.call, entry.known_as) for entry in listed if not entry.is_open}
    return tuple(call for call in notifications if (call.kind, call.known_as) in ended)


def calls_for(entry: FailedJob | UntargetedAlert, notifications: Iterable[Notification]) -> tuple[Notification, ...]:
    """Who is called for it, of what is on record beside it, and what became of that."""
    kind = entry.course.call
    return tuple(call for call in notifications if call.kind == kind and call.known_as == entry.known_as)


def called(entry: FailedJob | UntargetedAlert, notifications: Iterable[Notification]) -> tuple[str, ...]:
    """The sinks that were called for it, or may have been."""
    noted = [sink for level in entry.call.told for sink in level.sinks] if entry.call is not None else []
    return tuple(dict.fromkeys([*noted, *(call.sink for call in calls_for(entry, notifications))]))


def notice_of(
    policy: Policy,
    kept: Notification,
    jobs: Sequence[FailedJob],
    alerts: Sequence[UntargetedAlert],
    notifications: Iterable[Notification],
) -> Notice:
    """Rebuild what is kept, with what is on record beside it of telling people of the same.

    What it is about may have made room on its list; then its name is not known any more.
    """
    return Notice(
        kind=kept.kind,
        policy=policy,
        reason=kept.reason,
        message=kept.message,
        at=kept.at,
        occasion=kept.occasion,
        level=kept.level,
        job=next((job for job in jobs if job.known_as == kept.known_as), None),
        alert=next((alert for alert in alerts if alert.known_as == kept.known_as), None),
        told=tuple(known for known in notifications if known.line == kept.line),
    )


def make(  # noqa: PLR0913 - a notice has these parts
    policy: Policy, entry: FailedJob | UntargetedAlert, kind: NoticeKind, reason: str, message: str, at: datetime
) -> Notice:
    """Make what sinks are told of it: as it is on record now."""
    return Notice(
        kind=kind,
        policy=policy,
        reason=reason,
        message=message,
        at=at,
        occasion=entry.known_as,
        job=entry if isinstance(entry, FailedJob) else None,
        alert=entry if isinstance(entry, UntargetedAlert) else None,
    )


def _news(policy: Policy, before: E | None, entry: E, now: datetime) -> Notice | None:
    """What has become of it: that it is there, that people are called for it by now, that it is over."""
    if entry.is_open and (before is None or (entry.call is None) != (before.call is None)):
        return make(policy, entry, entry.course.call, entry.cause, entry.message, now)
    if not entry.is_open and before is not None and before.is_open:
        message = f"{entry.title}: {entry.resolution}"
        return make(policy, entry, entry.course.over, reasons.RESOLVED, message, now)
    return None


def _call_for(policy: Policy, entry: FailedJob | UntargetedAlert, ledger: Ledger) -> levels.Call | None:
    """What people are called for by it; None: nothing."""
    if not entry.is_open or entry.is_silenced or entry.call is None or policy.mode == "Observe" or not policy.ready:
        return None
    return levels.Call(
        kind=entry.course.call,
        grade=entry.grade,
        since=entry.call.at,
        known_as=entry.known_as,
        acknowledged=entry.is_acknowledged,
        notifications=calls_for(entry, ledger.notifications),
    )


def _in_levels(policy: Policy) -> Policy:
    """Sinks that a policy has written itself are one level, told at once."""
    if policy.levels or not policy.sinks:
        return policy
    return replace(policy, levels=(Level(after=timedelta(), sinks=tuple(policy.sinks)),))


def _tell(policy: Policy, entry: E, ledger: Ledger, due: levels.Due, now: datetime) -> tuple[Ledger, E]:
    """Call the sinks of a level that have not heard so far; one whose last call still waits hears that one."""
    call = _call_for(policy, entry, ledger)
    if call is None or entry.call is None:
        return ledger, entry
    known_levels = {level.level: level for level in entry.call.told}
    before: ToldLevel = known_levels.get(due.number, ToldLevel(level=due.number))
    missing = [sink for sink in due.level.sinks if sink not in before.sinks or due.repeat > before.repeat]
    waiting = {known.sink for known in call.notifications if (known.level, known.state) == (due.number, "Pending")}
    notice = replace(
        make(policy, entry, call.kind, entry.cause, entry.message, now),
        occasion=due.occasion(call),
        level=due.number,
        repeat=due.repeat,
        to=tuple(sink for sink in missing if sink not in waiting),
    )
    ledger = keep(ledger, notice)
    kept = {known.sink for known in ledger.notifications if known.id == notice.id}
    reached: list[str] = [sink for sink in missing if sink in waiting | kept]  # others found no room: at a later look
    if not reached:
        return ledger, entry
    sinks = tuple(dict.fromkeys([*before.sinks, *reached]))[-MAX_TOLD:]
    known_levels[due.number] = ToldLevel(level=due.number, repeat=max(before.repeat, due.repeat), sinks=sinks)
    by_number = tuple(known_levels[number] for number in sorted(known_levels))
    return ledger, replace(entry, call=replace(entry.call, told=by_number))


def keep(ledger: Ledger, notice: Notice) -> Ledger:
    """Keep a notice for each sink that it is for. What a sink is still to hear makes room for nothing."""
    untold = [known.id for known in ledger.notifications if known.state == "Pending"]
    return deliveries.offer(ledger, notice, is_news=False, standing=untold)[0]
