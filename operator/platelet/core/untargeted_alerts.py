"""Which alerts that lead to no workload are on record of a policy, and what people are told of a change of that.

It is no incident: who is called next is in `recorded_calls`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.core import deliveries, record, recorded_calls
from platelet.core.deliveries import Ledger
from platelet.core.recorded_calls import Announcement
from platelet.model import reasons
from platelet.model.alert import Alert
from platelet.model.notice import Notice
from platelet.model.policy import DAY, Policy
from platelet.model.recorded_call import RecordedCall
from platelet.model.untargeted_alert import MAX_UNTARGETED, UntargetedAlert, name_cluster

_LONGEST = 200  # characters of a cluster's name
_SHORT = 256
_LATE = timedelta(minutes=2)  # after an end a firing may be a late report of before


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """One alert, firing or resolved, and why nothing is done about it, or why it is over."""

    alert: Alert
    why: str
    severity: str = ""  # as its trigger says, or the alert itself
    query: str = ""  # the fingerprint of the fact, where it is a query's result and no alert
    cluster: str = ""  # another one, which it is about: it is recorded once for all of its alerts

    @property
    def is_over(self) -> bool:
        """Whether somebody says so who knows."""
        return self.alert.status == "resolved"

    @property
    def about(self) -> str:
        """What is recorded once: the query's fact, the alert by its labels, or the other cluster."""
        if self.cluster:
            return name_cluster(record.clip(self.cluster, _LONGEST))
        return record.clip(self.query, _SHORT) or self.alert.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The list as it is to be on record, what has left it though it fires, and how many found no place."""

    listed: tuple[UntargetedAlert, ...]
    forgotten: tuple[UntargetedAlert, ...] = ()
    unlisted: int = 0


def judge(policy: Policy, known: Sequence[UntargetedAlert], news: Sequence[Stray], now: datetime) -> Verdict:
    """Bring the list up to date. Who is new on it is called for from now on, unless the policy observes."""
    kept, forgotten, unlisted = list(known), list[UntargetedAlert](), 0
    for new in news:
        place = next((place for place, entry in enumerate(kept) if entry.about == new.about), None)
        if place is not None:
            kept[place] = _follow(policy, kept[place], new, now)
        elif new.is_over:
            continue
        elif len(kept) < MAX_UNTARGETED or _make_room(kept, forgotten, now):
            kept.append(_open(policy, new, now))
        else:
            unlisted += 1
    return Verdict(listed=tuple(kept), forgotten=tuple(forgotten), unlisted=unlisted)


def call(policy: Policy, listed: Sequence[UntargetedAlert], now: datetime) -> tuple[UntargetedAlert, ...]:
    """Mark that people are called, from now on, for what the policy has only observed so far."""
    if policy.mode == "Observe" or not policy.ready:
        return tuple(listed)
    return tuple(
        replace(entry, call=RecordedCall(at=now))
        if entry.is_open and entry.call is None and not entry.is_of_another_cluster
        else entry
        for entry in listed
    )


def suppress(
    listed: Sequence[UntargetedAlert], suppressed: Collection[str], active: Collection[str], now: datetime
) -> tuple[UntargetedAlert, ...]:
    """Mark what Alertmanager keeps from us, and lift the mark of what is active again, by fingerprint of the labels."""
    return tuple(_suppressed(entry, suppressed, active, now) for entry in listed)


def announce(
    policy: Policy, known: Sequence[UntargetedAlert], verdict: Verdict, ledger: Ledger, now: datetime
) -> Announcement[UntargetedAlert]:
    """Tell of alerts that are new on the list or over, and of how many have found no place there."""
    news = recorded_calls.announce(policy, known, (*verdict.listed, *verdict.forgotten), ledger, now)
    news = replace(news, listed=news.listed[: len(verdict.listed)])
    if not verdict.unlisted:
        return news
    text = f"{verdict.unlisted} more alerts have no target and are not listed"
    crowd = Notice(kind="Untargeted", policy=policy, reason=reasons.NO_TARGET, message=text, at=now)
    return replace(news, effects=(*news.effects, *deliveries.offer(ledger, crowd)[1]))


def _follow(policy: Policy, entry: UntargetedAlert, new: Stray, now: datetime) -> UntargetedAlert:
    """One that is on record, in the light of what came. What fires again is told anew, unless it is a late report."""
    if new.is_over:
        return _end(entry, new.why, now) if entry.is_open else entry
    ended = entry.resolved_at
    if ended is None or not (new.query or new.alert.starts_at > ended or now - ended > _LATE):
        return entry
    return _open(policy, new, now)


def _open(policy: Policy, stray: Stray, now: datetime) -> UntargetedAlert:
    """Of another cluster nobody is called: its own people are."""
    name = stray.alert.name
    calls = policy.mode != "Observe" and not stray.cluster
    return UntargetedAlert(
        source="query" if stray.query else "alert",
        reason=reasons.ANOTHER_CLUSTER if stray.cluster else record.clip(name, _SHORT),
        fingerprint=stray.about if stray.cluster or stray.query else record.clip(stray.alert.episode, _SHORT),
        message=record.clip(f"alerts such as {name}: {stray.why}" if stray.cluster else stray.why),
        first_seen=now if stray.cluster else min(stray.alert.starts_at, now),
        last_seen=now,
        severity=record.clip(stray.severity, _SHORT),
        sender=record.clip(stray.alert.sender, _SHORT),
        call=RecordedCall(at=now) if calls else None,
    )


def _suppressed(
    entry: UntargetedAlert, suppressed: Collection[str], active: Collection[str], now: datetime
) -> UntargetedAlert:
    """As it is of an incident; only Alertmanager's own alerts are silenced there."""
    if not entry.is_open or not entry.is_of_alertmanager:
        return entry
    return replace(entry, suppressed_at=record.suppressed_since(entry, suppressed, active, now))


def _end(entry: UntargetedAlert, why: str, now: datetime) -> UntargetedAlert:
    return replace(entry, resolved_at=now, resolution=record.clip(why))


def _make_room(kept: list[UntargetedAlert], forgotten: list[UntargetedAlert], now: datetime) -> bool:
    """Forget one that is over, else one that is a day old. What fires is not forgotten for another before that."""
    over = (entry for entry in kept if not entry.is_open)
    old = (entry for entry in kept if now - entry.last_seen > DAY)
    leaves = next(over, None) or next(old, None)
    if leaves is None:
        return False
    kept.remove(leaves)
    if leaves.is_open:
        why = "it is more than a day old, and another alert has its place on record: nobody is called for it any more"
        forgotten.append(_end(leaves, why, now))
    return True
