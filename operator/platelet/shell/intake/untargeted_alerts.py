"""Alerts that a policy matches but that name no target: recorded in the policy's status, and told from there.

What sinks are to be told is stored in the same write: no sender waits for them, and no crash loses it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from platelet.api.kinds.policy import MAX_UNTARGETED
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import ALERTS
from platelet.core import record, untargeted_alerts
from platelet.model import reasons
from platelet.model.alert import Alert, fingerprint_of
from platelet.model.notification import Holder
from platelet.model.signal import Evidence
from platelet.shell.act.effects import EffectRunner
from platelet.shell.act.policy_notices import read_ledger, write_ledger
from platelet.shell.kube import POLICIES, Conflict, Kube, NotFound
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.latest import Latest

_TRIES = 5
_LONGEST = 200  # characters of a cluster's name
_REMEMBERED = 10_000  # told alerts
_LATE = timedelta(minutes=2)  # after an end a firing may be a late report of before
_OLD = timedelta(days=1)  # after which one makes room for another
log = structlog.get_logger("platelet.untargeted")


@dataclass(frozen=True, slots=True)
class Stray:
    """One alert, firing or resolved, and why nothing is done about it."""

    alert: Alert
    why: str
    cluster: str = ""  # another one, which it is about: it is recorded once for all of its alerts

    @property
    def about(self) -> str:
        """What is recorded once: the alert, by its labels, or the other cluster."""
        name = record.clip(self.cluster.replace("/", ":"), _LONGEST)  # what is before a slash is compared
        return f"cluster: {name}" if self.cluster else self.alert.fingerprint


class Untargeted:
    """Records an alert once while it fires, with one write for all that came together."""

    def __init__(
        self, kube: Kube, clock: Clock, runner: EffectRunner, on_news: Callable[[Holder], None] = lambda _holder: None
    ) -> None:
        """Take the API, the time, and who runs effects. `on_news` hears of each policy that has something to tell."""
        self._kube = kube
        self._clock = clock
        self._runner = runner
        self._on_news = on_news
        self._told: Latest[tuple[str, str], bool] = Latest(_REMEMBERED)  # policy's uid, what is recorded: still firing

    async def record(self, resolved: ResolvedPolicy, strays: Sequence[Stray]) -> None:
        """Store the alerts on the policy; new ones are told to people. Raises ApiError when that cannot be stored."""
        news = [stray for stray in strays if self._is_news(resolved, stray)]
        if not news:
            return
        telling = await self._store(resolved, news)
        for stray in news:
            self._told.put((resolved.policy.uid, stray.about), stray.alert.status == "firing")
        if telling is not None:
            for effect in telling.effects:
                await self._runner.run(effect)
            self._on_news(("policy", resolved.policy.namespace, resolved.policy.name))

    def _is_news(self, resolved: ResolvedPolicy, stray: Stray) -> bool:
        """A resolved one is, if it is on record as firing: it makes room on the list."""
        fires = self._told.get((resolved.policy.uid, stray.about))
        if stray.alert.status == "firing":
            return fires is not True
        return stray.about in resolved.untargeted if fires is None else fires

    async def _store(self, resolved: ResolvedPolicy, news: Sequence[Stray]) -> untargeted_alerts.Telling | None:
        """Write them on the policy, with what sinks are to be told of it. None: all of it was there."""
        policy = resolved.policy
        for remaining in reversed(range(_TRIES)):
            try:
                stored = await self._kube.get(POLICIES, policy.namespace, policy.name)
            except NotFound:  # nobody is left who wants to know
                return None
            status, now = stored.get("status") or {}, self._clock.now()
            before = ALERTS.read(status)
            kept, added, dropped = _merge(before, news, now)
            if kept == before and not dropped:
                return None
            if dropped:
                log.warning("alerts without a target are not listed", policy=policy.key, count=dropped)
            telling = untargeted_alerts.announce(policy, added, dropped, read_ledger(status), now)
            changes = {
                **ALERTS.write(kept),
                "untargetedDropped": int(status.get("untargetedDropped") or 0) + dropped,
                **write_ledger(telling.ledger),
            }
            try:
                body = {**stored, "status": {**status, **changes}}
                await self._kube.replace(POLICIES, policy.namespace, policy.name, body, subresource="status")
            except Conflict:
                if not remaining:
                    raise
            else:
                return telling
        return None


def _merge(
    known: Sequence[Evidence], news: Sequence[Stray], now: datetime
) -> tuple[tuple[Evidence, ...], list[Evidence], int]:
    """The list afterwards, what is new on it, and how many found no place."""
    kept, added, dropped = list(known), list[Evidence](), 0
    for new in news:
        place = next((i for i, fact in enumerate(kept) if fingerprint_of(fact.fingerprint) == new.about), None)
        if new.alert.status == "resolved":
            if place is not None:
                kept[place] = replace(kept[place], resolved_at=kept[place].resolved_at or now)
        elif place is not None:
            ended = kept[place].resolved_at
            if ended is not None and now - ended > _LATE:
                kept[place] = _fact(new, now)
                added.append(kept[place])
        elif len(kept) < MAX_UNTARGETED or _make_room(kept, now):
            kept.append(_fact(new, now))
            added.append(kept[-1])
        else:
            dropped += 1
    return tuple(kept), added, dropped


def _make_room(kept: list[Evidence], now: datetime) -> bool:
    """Forget one that is over, or a day old. What fires is not forgotten for another."""
    leaves = next((fact for fact in kept if fact.resolved_at or now - fact.last_seen > _OLD), None)
    if leaves is None:
        return False
    kept.remove(leaves)
    return True


def _fact(stray: Stray, now: datetime) -> Evidence:
    name = stray.alert.name
    return Evidence(
        source="alert",
        reason=reasons.ANOTHER_CLUSTER if stray.cluster else record.clip(name, 256),
        fingerprint=stray.about if stray.cluster else record.clip(stray.alert.episode, 256),
        message=record.clip(f"alerts such as {name}: {stray.why}" if stray.cluster else stray.why),
        first_seen=now if stray.cluster else min(stray.alert.starts_at, now),
        last_seen=now,
    )
