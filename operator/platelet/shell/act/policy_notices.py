"""Tells sinks about alerts without a target and failed Jobs, both on record on a policy, until they have taken it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from platelet.api.kinds import notifications
from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import ALERTS, FAILED_JOBS
from platelet.api.readers import lenient
from platelet.core import policy_notices
from platelet.core.deliveries import Ledger
from platelet.model.notification import Holder, has_untold
from platelet.model.policy import Policy
from platelet.model.untargeted_alert import MAX_UNTARGETED
from platelet.shell.act.effects import EffectRunner, Outbox
from platelet.shell.kube import POLICIES, Conflict, Json, Kube, NotFound, OutdatedSchema
from platelet.shell.kube.clock import Clock
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.policy_records import store_records

_SOON = timedelta(seconds=1)  # after somebody else has written the policy


def read_ledger(status: Json) -> Ledger:
    """Read the notifications in a policy's status."""
    listed, dropped = notifications.read_notifications(status)
    return Ledger(notifications=listed, dropped=dropped, most=MAX_UNTARGETED)


def write_ledger(ledger: Ledger) -> dict[str, Any]:
    """Write them for a policy's status."""
    return notifications.write_notifications(ledger.notifications, ledger.dropped)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A policy that has nothing to tell before `again_at`, unless it changes, or the people whom it calls do."""

    version: str
    policy: Policy
    again_at: datetime | None

    def holds(self, resolved: ResolvedPolicy, now: datetime) -> bool:
        """Whether another look would find the same."""
        early = self.again_at is None or now < self.again_at
        return early and (self.version, self.policy) == (resolved.resource_version, resolved.policy)


class PolicyNotices:
    """Looks at one policy: stores how its notifications went, then sends those that are due."""

    def __init__(self, kube: Kube, clock: Clock, book: PolicyBook, runner: EffectRunner, outbox: Outbox) -> None:
        """`book` knows whom a policy calls; `outbox` knows what is being sent, and how the last tries went."""
        self._book = book
        self._kube = kube
        self._clock = clock
        self._runner = runner
        self._outbox = outbox
        self._seen: dict[tuple[str, str], _Seen] = {}

    def stir(self, namespace: str, name: str) -> None:
        """Read the policy at the next look: there is something to tell, which its stream may only show later."""
        self._seen.pop((namespace, name), None)

    async def look(self, namespace: str, name: str) -> datetime | None:
        """Look at the policy. Returns when to look again by time alone. Raises ApiError if it cannot be read or stored.

        It costs no request while nothing has changed and nothing is due.
        """
        resolved = self._book.remembered(namespace, name)
        seen = self._seen.pop((namespace, name), None)
        if resolved is None:  # a policy that cannot be read tells nobody, until it can
            return None
        if seen is not None and seen.holds(resolved, self._clock.now()):
            self._seen[namespace, name] = seen
            return seen.again_at
        if (until := self._book.references.unrecorded_until(namespace, name)) is not None:
            return until
        try:
            stored = await self._kube.get(POLICIES, namespace, name)
        except NotFound:
            return None
        return await self._tell(resolved.policy, stored)

    async def _tell(self, policy: Policy, stored: Json) -> datetime | None:
        namespace, name = policy.namespace, policy.name
        now, status = self._clock.now(), stored.get("status") or {}
        before = read_ledger(status)
        holder: Holder = ("policy", namespace, name)
        listed = policy_notices.Listed(
            alerts=ALERTS.read(status),
            jobs=FAILED_JOBS.read(status),
            annotations=lenient.mapping(lenient.mapping(stored.get("metadata")).get("annotations")),
        )
        telling = policy_notices.tell(
            policy, listed, before, self._outbox.results(holder), self._outbox.in_flight(holder), now
        )
        if telling.ledger != before or (telling.alerts, telling.jobs) != (listed.alerts, listed.jobs):
            lists = {**ALERTS.write(telling.alerts), **FAILED_JOBS.write(telling.jobs)}
            changes = {**lists, **write_ledger(telling.ledger)}
            try:
                stored = await store_records(self._kube, self._book, stored, changes)
            except OutdatedSchema:
                return self._book.references.unrecorded_until(namespace, name)
            except Conflict:
                return now + _SOON
        for effect in telling.effects:
            await self._runner.run(effect)
        if not has_untold(telling.ledger.notifications):
            version = lenient.text(stored["metadata"].get("resourceVersion"))
            self._seen[namespace, name] = _Seen(version=version, policy=policy, again_at=telling.again_at)
        return telling.again_at
