"""Which levels are due: counted from when people got an incident, a question or a failed Job, which is on record.

A level begins when its time has come, or at once where nobody of the one before can be told. After a while in which
nobody looked, of its repetitions only the newest is due.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from platelet.model import gravity
from platelet.model.escalation_levels import Level
from platelet.model.notification import NoticeKind, Notification
from platelet.model.policy import Policy
from platelet.model.remediation import RemediationStatus
from platelet.model.severity import Grade

FAILED_TRIES = 2  # once is a hiccup


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What people are called for at present: a question that is open, an incident that is theirs, a failed Job."""

    kind: NoticeKind
    grade: Grade
    since: datetime  # from when its levels are counted
    known_as: str  # what tells it from others of its kind; empty for the first escalation
    acknowledged: bool  # a person has said that they have heard, or look at it
    notifications: Sequence[Notification]  # what is on record of telling people, of this and of others


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A level that has begun, and how often it is to have been told again by now."""

    number: int  # the first is 1
    level: Level
    repeat: int = 0
    early: bool = False  # nobody of the level before could be told

    def occasion(self, call: Call) -> str:
        """What tells this notice from the others of the incident; the first level's is the call's own."""
        level = f"level-{self.number}" if self.number > 1 else ""
        repeat = f"repeat-{self.repeat}" if self.repeat else ""
        of_its_own = level or repeat
        return "/".join(filter(None, (call.known_as or ("1" if of_its_own else ""), level, repeat)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """When a level begins, or is told again, unless it ends before."""

    number: int
    level: Level
    at: datetime


def concerning(policy: Policy | None, grade: Grade) -> tuple[tuple[int, Level], ...]:
    """The levels for what is as grave as this, each with its number."""
    levels = policy.levels if policy is not None else ()
    return tuple((number, level) for number, level in enumerate(levels, 1) if level.concerns(grade))


def due(policy: Policy | None, call: Call | None, now: datetime) -> tuple[Due, ...]:
    """The levels that have begun and have not ended, the first ones first."""
    if call is None:
        return ()
    return tuple(begun for begun in _begun(policy, call, now) if not has_ended(begun.level, call))


def coming(policy: Policy | None, call: Call | None, now: datetime) -> tuple[Coming, ...]:
    """The next notice of each level, if nobody acknowledges and nothing is resolved until then."""
    if call is None:
        return ()
    open_levels = [pair for pair in concerning(policy, call.grade) if not has_ended(pair[1], call)]
    begun = {early.number for early in _begun(policy, call, now)}
    upcoming = []
    for number, level in open_levels:
        at = call.since + level.after
        if at <= now and level.repeat_every is not None:
            at += ((now - at) // level.repeat_every + 1) * level.repeat_every
        if at > now and (number not in begun or level.repeat_every is not None):
            upcoming.append(Coming(number=number, level=level, at=at))
    return tuple(upcoming)


def has_ended(level: Level, call: Call) -> bool:
    """Whether a person's having heard of it ends the level."""
    return level.until == "Acknowledged" and call.acknowledged


def calling(status: RemediationStatus) -> Call | None:
    """What people are called for by an incident; None: nothing."""
    asked, escalation = status.approval, status.escalation
    kind: NoticeKind
    if status.state == "AwaitingApproval" and asked is not None and asked.is_open:
        kind, since, known_as = "ApprovalNeeded", asked.asked_at, asked.token
        acknowledged = bool(asked.acknowledged_by)
    elif status.state == "Escalated" and escalation is not None and not escalation.silent:
        kind, since, known_as = "Escalated", escalation.called_at, escalation.called_as
        acknowledged = escalation.is_acknowledged
    else:
        return None
    return Call(
        kind=kind,
        grade=gravity.of_incident(status),
        since=since,
        known_as=known_as,
        acknowledged=acknowledged,
        notifications=status.notifications,
    )


def _begun(policy: Policy | None, call: Call, now: datetime) -> Iterator[Due]:
    before: Due | None = None
    for number, level in concerning(policy, call.grade):
        begins_at = call.since + level.after
        early = now < begins_at
        if early and (before is None or not _reaches_nobody(before, call)):
            return
        repeat = 0 if early or level.repeat_every is None else (now - begins_at) // level.repeat_every
        before = Due(number=number, level=level, repeat=repeat, early=early)
        yield before


def _reaches_nobody(begun: Due, call: Call) -> bool:
    """Whether each sink of a level was tried in vain: so the next level need not wait for its time."""
    of_level = [
        notification
        for notification in call.notifications
        if notification.kind == call.kind
        and notification.level == begun.number
        and notification.sink in begun.level.sinks
        and notification.at >= call.since
    ]
    return bool(of_level) and all(_is_in_vain(notification) for notification in of_level)


def _is_in_vain(notification: Notification) -> bool:
    return notification.state == "GivenUp" or (notification.state == "Pending" and notification.tries >= FAILED_TRIES)
