"""What people are told of Jobs that have failed: level by level, as of an incident, and that it is over.

What is due follows from what is on record and from the time. How far each level was told is stored in the same write as
what sinks are still to hear, so a crash repeats no call and forgets none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.core import deliveries, levels
from platelet.core.deliveries import Ledger
from platelet.model import reasons
from platelet.model.effects import Effect
from platelet.model.escalation_levels import MAX_TOLD, Level, ToldLevel
from platelet.model.failed_job import FailedJob
from platelet.model.notice import Notice
from platelet.model.notification import NoticeKind, Notification
from platelet.model.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """The list and the notifications to store in one write, then the effects."""

    listed: tuple[FailedJob, ...]
    ledger: Ledger
    effects: tuple[Effect, ...]


def announce(
    policy: Policy, known: Sequence[FailedJob], listed: Sequence[FailedJob], ledger: Ledger, now: datetime
) -> Announcement:
    """What people are to be told of a change of the list. A policy that observes calls nobody."""
    effects: list[Effect] = []
    before = {entry.known_as: entry for entry in known}
    for entry in listed:
        news = _news(policy, before.get(entry.known_as), entry, now)
        if news is None:
            continue
        effects += deliveries.offer(ledger, news)[1]
        if news.kind == "JobOver":
            ledger = keep(ledger, replace(news, to=called(entry, ledger.notifications)))
    ledger, climbed = climb(policy, listed, ledger, now)
    return Announcement(listed=climbed, ledger=ledger, effects=tuple(effects))


def climb(
    policy: Policy, listed: Sequence[FailedJob], ledger: Ledger, now: datetime
) -> tuple[Ledger, tuple[FailedJob, ...]]:
    """Call the levels that are due and were not told so far; and note on each entry which were."""
    climbed = []
    for entry in listed:
        for due in levels.due(_in_levels(policy), _call_for(policy, entry, ledger), now):
            ledger, entry = _tell(policy, entry, ledger, due, now)  # noqa: PLW2901 - as far as it was told by now
        climbed.append(entry)
    return ledger, tuple(climbed)


def next_at(policy: Policy, listed: Sequence[FailedJob], ledger: Ledger, now: datetime) -> datetime | None:
    """When the next level is due by time alone."""
    calls = (_call_for(policy, entry, ledger) for entry in listed)
    return min((coming.at for call in calls for coming in levels.coming(policy, call, now)), default=None)


def over(listed: Sequence[FailedJob], notifications: Iterable[Notification]) -> tuple[Notification, ...]:
    """Calls that nobody need hear any more: who was called hears of the end instead."""
    ended = {entry.known_as for entry in listed if not entry.is_open}
    return tuple(call for call in notifications if call.kind == "JobFailed" and call.job in ended)


def notice_of(policy: Policy, kept: Notification, listed: Sequence[FailedJob]) -> Notice:
    """Rebuild what is kept. The Job itself may have made room on the list."""
    return Notice(
        kind=kept.kind,
        policy=policy,
        reason=kept.reason,
        message=kept.message,
        at=kept.at,
        occasion=kept.occasion,
        level=kept.level,
        job=next((entry for entry in listed if entry.known_as == kept.job), None),
    )


def calls_for(entry: FailedJob, notifications: Iterable[Notification]) -> tuple[Notification, ...]:
    """Who is called for it, of what is on record beside it, and what became of that."""
    return tuple(call for call in notifications if call.kind == "JobFailed" and call.job == entry.known_as)


def called(entry: FailedJob, notifications: Iterable[Notification]) -> tuple[str, ...]:
    """The sinks that were called for it, or may have been."""
    noted = [sink for level in entry.call.told for sink in level.sinks] if entry.call is not None else []
    return tuple(dict.fromkeys([*noted, *(call.sink for call in calls_for(entry, notifications))]))


def make(  # noqa: PLR0913 - a notice has these parts
    policy: Policy, entry: FailedJob, kind: NoticeKind, reason: str, message: str, at: datetime
) -> Notice:
    """Make what sinks are told of it: as it is on record now."""
    return Notice(kind=kind, policy=policy, reason=reason, message=message, at=at, occasion=entry.known_as, job=entry)


def _news(policy: Policy, before: FailedJob | None, entry: FailedJob, now: datetime) -> Notice | None:
    """What has become of it: that it has failed, that people are called for it by now, that it is over."""
    kind: NoticeKind
    if entry.is_open and (before is None or (entry.call is None) != (before.call is None)):
        kind, reason, message = "JobFailed", reasons.JOB_FAILED, entry.message
    elif not entry.is_open and before is not None and before.is_open:
        kind, reason, message = "JobOver", reasons.RESOLVED, f"{_name(entry)}: {entry.resolution}"
    else:
        return None
    return make(policy, entry, kind, reason, message, now)


def _call_for(policy: Policy, entry: FailedJob, ledger: Ledger) -> levels.Call | None:
    """What people are called for by it; None: nothing."""
    if not entry.is_open or entry.call is None or policy.mode == "Observe" or not policy.ready:
        return None
    return levels.Call(
        kind="JobFailed",
        grade=entry.severity,
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


def _tell(policy: Policy, entry: FailedJob, ledger: Ledger, due: levels.Due, now: datetime) -> tuple[Ledger, FailedJob]:
    """Call the sinks of a level that have not heard so far; one whose last call still waits hears that one."""
    call = _call_for(policy, entry, ledger)
    if call is None or entry.call is None:
        return ledger, entry
    known_levels = {level.level: level for level in entry.call.told}
    before = known_levels.get(due.number, ToldLevel(level=due.number))
    missing = [sink for sink in due.level.sinks if sink not in before.sinks or due.repeat > before.repeat]
    waiting = {known.sink for known in call.notifications if (known.level, known.state) == (due.number, "Pending")}
    notice = replace(
        make(policy, entry, call.kind, reasons.JOB_FAILED, entry.message, now),
        occasion=due.occasion(call),
        level=due.number,
        repeat=due.repeat,
        to=tuple(sink for sink in missing if sink not in waiting),
    )
    ledger = keep(ledger, notice)
    kept = {known.sink for known in ledger.notifications if known.id == notice.id}
    reached = [sink for sink in missing if sink in waiting | kept]  # who found no room is called at a later look
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


def _name(entry: FailedJob) -> str:
    kind, namespace, name = entry.subject
    return f"{kind} {namespace}/{name}"
