"""Alerts that a policy matches but that name no target: recorded in the policy's status, as an Event, and escalated."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from platelet.api import evidence as contract
from platelet.api.policy import MAX_UNTARGETED
from platelet.core import record
from platelet.model import reasons
from platelet.model.alert import Alert, fingerprint_of
from platelet.model.durations import format_time
from platelet.model.effects import Deliver, Publish
from platelet.model.signal import Evidence
from platelet.shell.clock import Clock
from platelet.shell.hands import Courier, Publisher
from platelet.shell.kube import POLICIES, Conflict, Kube, NotFound
from platelet.shell.policy_book import Standing

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

    def __init__(self, kube: Kube, clock: Clock, publisher: Publisher, courier: Courier) -> None:
        """Take the API, the time, and who tells people."""
        self._kube = kube
        self._clock = clock
        self._publisher = publisher
        self._courier = courier
        self._told: OrderedDict[tuple[str, str], bool] = OrderedDict()  # policy's uid, what is recorded: still firing

    async def record(self, standing: Standing, strays: Sequence[Stray]) -> None:
        """Store the alerts on the policy; new ones are told to people. Raises ApiError when that cannot be stored."""
        news = [each for each in strays if self._is_news(standing, each)]
        if not news:
            return
        added, dropped = await self._store(standing, news)
        for each in news:
            self._remember(standing, each)
        for each in added:
            await self._publish(standing, f"alert {each.alert.name}: {each.why}", _reason(each))
        if dropped:
            log.warning("alerts without a target are not listed", policy=standing.policy.key, count=dropped)
            await self._publish(standing, f"{dropped} more alerts have no target and are not listed", reasons.NO_TARGET)
        if standing.policy.has_webhook and standing.policy.mode != "Observe":
            results = await asyncio.gather(
                *(self._courier.deliver(_notice(standing, each)) for each in added if not each.cluster)
            )
            failed = next((result for result in results if not result.delivered), None)
            if failed is not None:  # it is on the policy's status all the same
                said = f"the policy's webhook was not told of an alert without a target: {failed.message}"
                await self._publish(standing, said, reasons.NOT_DELIVERED)

    def _is_news(self, standing: Standing, stray: Stray) -> bool:
        """A resolved one is, if it is on record as firing: it makes room on the list."""
        fires = self._told.get((standing.policy.uid, stray.about))
        if stray.alert.status == "firing":
            return fires is not True
        return stray.about in standing.untargeted if fires is None else fires

    def _remember(self, standing: Standing, stray: Stray) -> None:
        self._told[standing.policy.uid, stray.about] = stray.alert.status == "firing"
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    async def _store(self, standing: Standing, news: Sequence[Stray]) -> tuple[list[Stray], int]:
        """Write them on the policy. Returns those that were not there, and how many found no place."""
        policy = standing.policy
        for remaining in reversed(range(_TRIES)):
            try:
                stored = await self._kube.get(POLICIES, policy.namespace, policy.name)
            except NotFound:  # nobody is left who wants to know
                return [], 0
            status = stored.get("status") or {}
            before = contract.read_evidence(status.get("untargetedAlerts"))
            kept, added, dropped = _merge(before, news, self._clock.now())
            total = int(status.get("untargetedDropped") or 0) + dropped
            changes = {"untargetedAlerts": contract.write_evidence(kept), "untargetedDropped": total}
            if kept == before and not dropped:
                return [], 0
            try:
                body = {**stored, "status": {**status, **changes}}
                await self._kube.replace(POLICIES, policy.namespace, policy.name, body, subresource="status")
            except Conflict:
                if not remaining:
                    raise
            else:
                return added, dropped
        return [], 0

    async def _publish(self, standing: Standing, note: str, reason: str) -> None:
        policy = standing.policy
        await self._publisher.publish(
            Publish(
                regarding={
                    "apiVersion": POLICIES.api_version,
                    "kind": POLICIES.kind,
                    "namespace": policy.namespace,
                    "name": policy.name,
                    "uid": policy.uid,
                },
                type="Warning",
                reason=reason,
                action="Escalate",
                note=record.clip(note),
            )
        )


def _merge(
    known: Sequence[Evidence], news: Sequence[Stray], now: datetime
) -> tuple[tuple[Evidence, ...], list[Stray], int]:
    """The list afterwards, what is new on it, and how many found no place."""
    kept, added, dropped = list(known), [], 0
    for each in news:
        place = next((i for i, fact in enumerate(kept) if fingerprint_of(fact.fingerprint) == each.about), None)
        if each.alert.status == "resolved":
            if place is not None:
                kept[place] = replace(kept[place], resolved_at=kept[place].resolved_at or now)
        elif place is not None:
            ended = kept[place].resolved_at
            if ended is not None and now - ended > _LATE:
                kept[place] = _fact(each, now)
                added.append(each)
        elif len(kept) < MAX_UNTARGETED or _make_room(kept, now):
            kept.append(_fact(each, now))
            added.append(each)
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
        reason=record.clip(_reason(stray) if stray.cluster else name, 256),
        fingerprint=stray.about if stray.cluster else record.clip(stray.alert.episode, 256),
        message=record.clip(f"alerts such as {name}: {stray.why}" if stray.cluster else stray.why),
        first_seen=now if stray.cluster else min(stray.alert.starts_at, now),
        last_seen=now,
    )


def _reason(stray: Stray) -> str:
    return reasons.ANOTHER_CLUSTER if stray.cluster else reasons.NO_TARGET


def _notice(standing: Standing, stray: Stray) -> Deliver:
    policy, alert = standing.policy, stray.alert
    data: dict[str, Any] = {
        "policy": {"namespace": policy.namespace, "name": policy.name},
        "alert": {"name": alert.name, "startsAt": format_time(alert.starts_at)},
        "reason": reasons.NO_TARGET,
        "message": stray.why,
    }
    identity = f"{policy.uid}/{alert.episode}"
    return Deliver(
        id=identity,
        policy=(policy.namespace, policy.name),
        remediation=(policy.namespace, ""),
        event={
            "specversion": "1.0",
            "id": identity,
            "source": f"/apis/{POLICIES.api_version}/namespaces/{policy.namespace}/{POLICIES.plural}/{policy.name}",
            "type": "dev.platelet.alert.untargeted",
            "datacontenttype": "application/json",
            "data": data,
        },
    )
