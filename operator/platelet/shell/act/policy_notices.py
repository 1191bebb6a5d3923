"""Tells sinks of alerts without a target, and of Jobs, from the policy on which that is on record, until they know."""

from datetime import datetime, timedelta
from typing import Any

from platelet.api.kinds import notifications
from platelet.api.kinds.policy import MAX_UNTARGETED
from platelet.api.kinds.status_lists import ALERTS, FAILED_JOBS
from platelet.api.readers import lenient
from platelet.core import untargeted_alerts
from platelet.core.deliveries import Ledger
from platelet.model.notification import Holder
from platelet.shell.act.effects import EffectRunner, Outbox
from platelet.shell.kube import POLICIES, Conflict, Json, Kube, NotFound
from platelet.shell.kube.clock import Clock
from platelet.shell.store.policies import PolicyBook

_SOON = timedelta(seconds=1)  # after somebody else has written the policy


def read_ledger(status: Json) -> Ledger:
    """Read what is on record of telling people, from a policy's status."""
    listed, dropped = notifications.read_notifications(status)
    return Ledger(notifications=listed, dropped=dropped, most=MAX_UNTARGETED)


def write_ledger(ledger: Ledger) -> dict[str, Any]:
    """Write it for a policy's status."""
    return notifications.write_notifications(ledger.notifications, ledger.dropped)


class PolicyNotices:
    """Looks at one policy: stores what has become of its notifications, then lets out what is due."""

    def __init__(self, kube: Kube, clock: Clock, book: PolicyBook, runner: EffectRunner, outbox: Outbox) -> None:
        """`book` knows whom a policy calls; `outbox`, what is on its way, and how the last tries went."""
        self._book = book
        self._kube = kube
        self._clock = clock
        self._runner = runner
        self._outbox = outbox

    async def look(self, namespace: str, name: str) -> datetime | None:
        """When to look again by time alone. Raises ApiError when that cannot be read or stored."""
        resolved = self._book.remembered(namespace, name)
        if resolved is None:  # by a policy that cannot be read nobody is told, until it can
            return None
        policy = resolved.policy
        try:
            stored = await self._kube.get(POLICIES, namespace, name)
        except NotFound:
            return None
        now, status = self._clock.now(), stored.get("status") or {}
        before = read_ledger(status)
        holder: Holder = ("policy", namespace, name)
        listed = untargeted_alerts.Listed(
            alerts=ALERTS.read(status),
            jobs=FAILED_JOBS.read(status),
            annotations=lenient.mapping(lenient.mapping(stored.get("metadata")).get("annotations")),
        )
        telling = untargeted_alerts.tell(
            policy, listed, before, self._outbox.results(holder), self._outbox.in_flight(holder), now
        )
        if telling.ledger != before or telling.jobs != listed.jobs:
            changes = {**FAILED_JOBS.write(telling.jobs), **write_ledger(telling.ledger)}
            body = {**stored, "status": {**status, **changes}}
            try:
                await self._kube.replace(POLICIES, namespace, name, body, subresource="status")
            except Conflict:
                return now + _SOON
        for effect in telling.effects:
            await self._runner.run(effect)
        return telling.again_at
