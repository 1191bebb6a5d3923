"""Tells who was called for what a policy had on record that the policy is gone: nobody would tell them of an end.

The object is gone, so what is still to be told is only in memory: it is tried again for a day, and lost with the
process. A finalizer would keep it, and would hold up the deletion of the namespace while no operator runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from platelet.api.kinds.status_lists import ALERTS, FAILED_JOBS
from platelet.core import policy_notices
from platelet.core.deliveries import Ledger
from platelet.core.policy_notices import Listed
from platelet.model.notification import Holder, has_untold
from platelet.model.policy import Policy
from platelet.shell.act.effects import EffectRunner, Outbox
from platelet.shell.act.policy_notices import read_ledger
from platelet.shell.kube import Json
from platelet.shell.kube.clock import Clock
from platelet.shell.store.policies import PolicyBook

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Departed:
    """A policy that was deleted, and what is still to be told of what it had on record."""

    policy: Policy
    listed: Listed
    ledger: Ledger


@dataclass(slots=True)
class Farewells:
    """Looks at the policies of one name: at the one that is there, for whom it calls, and at those before it."""

    clock: Clock
    book: PolicyBook
    runner: EffectRunner
    outbox: Outbox
    on_news: Callable[[Holder], None] = lambda _holder: None  # hears of each that has something to tell
    _calling: dict[Key, Policy] = field(default_factory=dict)  # as they were seen last with somebody to call
    _departed: dict[Key, dict[str, _Departed]] = field(default_factory=dict)  # by uid

    def part(self, stored: Json) -> None:
        """Note that an object was deleted, which looked like this in the end: a policy, or another one of ours."""
        metadata, status = stored["metadata"], stored.get("status") or {}
        key = metadata.get("namespace", ""), metadata["name"]
        policy = self._calling.get(key)
        if policy is None or policy.uid != metadata.get("uid"):
            return
        del self._calling[key]
        listed = Listed(alerts=ALERTS.read(status), jobs=FAILED_JOBS.read(status))
        ended, ledger = policy_notices.part(policy, listed, read_ledger(status), self.clock.now())
        if has_untold(ledger.notifications):
            departed = _Departed(policy=policy, listed=ended, ledger=ledger)
            self._departed.setdefault(key, {})[policy.uid] = departed
            self.on_news(("policy", *key))

    async def look(self, namespace: str, name: str) -> datetime | None:
        """Let out what is due of policies that are gone; when the next of it is."""
        key = namespace, name
        resolved = self.book.remembered(namespace, name)
        if resolved is not None and resolved.policy.sinks:
            self._calling[key] = resolved.policy
        times = [await self._tell(key, departed) for departed in tuple(self._departed.get(key, {}).values())]
        return min(filter(None, times), default=None)

    async def _tell(self, key: Key, departed: _Departed) -> datetime | None:
        holder: Holder = ("policy", *key)
        results, in_flight = self.outbox.results(holder), self.outbox.in_flight(holder)
        telling = policy_notices.tell(
            departed.policy, departed.listed, departed.ledger, results, in_flight, self.clock.now()
        )
        if has_untold(telling.ledger.notifications):
            self._departed[key][departed.policy.uid] = replace(departed, ledger=telling.ledger)
        else:
            del self._departed[key][departed.policy.uid]
        for effect in telling.effects:
            await self.runner.run(effect)
        return telling.again_at
