"""Alerts that a policy matches but that name no target: recorded in the policy's status, and told from there.

What sinks are to be told is stored in the same write: no sender waits for them, and no crash loses it.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.api.kinds.status_lists import ALERTS
from platelet.core import untargeted_alerts
from platelet.core.untargeted_alerts import Stray
from platelet.model.alert import Alert
from platelet.model.effects import Effect
from platelet.model.notification import Holder
from platelet.model.untargeted_alert import UntargetedAlert
from platelet.shell.act.effects import EffectRunner
from platelet.shell.act.policy_notices import read_ledger, write_ledger
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.kube import POLICIES, ApiError, Conflict, Kube, NotFound, Refused
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.latest import Latest
from platelet.shell.store.policies import PolicyBook
from platelet.shell.store.policy_records import store_records

_TRIES = 5
_REMEMBERED = 10_000  # told alerts
_GONE = "nobody reports it any more"
log = structlog.get_logger("platelet.untargeted")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What is on record of a policy after a look, and what is to be run if that has changed it."""

    listed: Sequence[UntargetedAlert]
    effects: tuple[Effect, ...] | None = None  # None: all of it was there


class Untargeted:
    """Records an alert once while it fires, with one write for all that came together."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        book: PolicyBook,
        runner: EffectRunner,
        on_news: Callable[[Holder], None] = lambda _holder: None,
    ) -> None:
        """Take the API, the time, the policies, and who runs effects.

        `on_news` hears of each policy that has something to tell.
        """
        self._kube = kube
        self._clock = clock
        self._book = book
        self._runner = runner
        self._on_news = on_news
        self._told: Latest[tuple[str, str], bool] = Latest(_REMEMBERED)  # policy's uid, what is recorded: still firing

    async def record(self, resolved: ResolvedPolicy, strays: Sequence[Stray]) -> None:
        """Store the alerts on the policy; new ones are told to people. Raises ApiError when that cannot be stored."""
        news = [stray for stray in strays if self._is_news(resolved, stray)]
        if not news:
            return
        stored = await self._store(resolved, news)
        over = {entry.about for entry in stored.listed if not entry.is_open}
        for stray in news:
            self._told.put((resolved.policy.uid, stray.about), not stray.is_over and stray.about not in over)
        if stored.effects is not None:
            for effect in stored.effects:
                await self._runner.run(effect)
            self._on_news(("policy", resolved.policy.namespace, resolved.policy.name))

    def held(self) -> Collection[str]:
        """The episodes of those that Alertmanager can be asked about, as of the last look at the policies."""
        return frozenset(
            entry.fingerprint
            for _, entry in self._open()
            if entry.source == "alert" and not entry.sender and not entry.is_of_another_cluster
        )

    def held_queries(self) -> frozenset[str]:
        """The fingerprints of queries' facts among them."""
        return frozenset(entry.fingerprint for _, entry in self._open() if entry.source == "query")

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over, as nobody reports them any more. Raises NotStoredError."""
        ended: dict[str, tuple[ResolvedPolicy, list[Stray]]] = {}
        for resolved, entry in self._open():
            if entry.fingerprint in episodes:
                ended.setdefault(resolved.policy.key, (resolved, []))[1].append(_end_of(entry, at))
        failures = []
        for resolved, strays in ended.values():
            try:
                await self.record(resolved, strays)
            except ApiError as error:
                failures.append(error)
        if failures:
            raise NotStoredError(str(failures[0]), for_good=all(isinstance(failure, Refused) for failure in failures))

    def _open(self) -> Iterator[tuple[ResolvedPolicy, UntargetedAlert]]:
        for resolved in self._book.resolved_policies:
            for entry in resolved.untargeted:
                if entry.is_open:
                    yield resolved, entry

    def _is_news(self, resolved: ResolvedPolicy, stray: Stray) -> bool:
        """Whether it changes what is on record, as far as that is known: another replica may have written meanwhile."""
        fires = self._told.get((resolved.policy.uid, stray.about))
        listed = next((entry for entry in resolved.untargeted if entry.about == stray.about), None)
        if stray.is_over:
            return fires is True or (listed is not None and listed.is_open)
        return fires is not True or (listed is not None and not listed.is_open)

    async def _store(self, resolved: ResolvedPolicy, news: Sequence[Stray]) -> _Stored:
        """Write them on the policy, with what sinks are to be told of it."""
        policy = resolved.policy
        for remaining in reversed(range(_TRIES)):
            try:
                stored = await self._kube.get(POLICIES, policy.namespace, policy.name)
            except NotFound:  # nobody is left who wants to know
                break
            status, now = stored.get("status") or {}, self._clock.now()
            before = ALERTS.read(status)
            verdict = untargeted_alerts.judge(policy, before, news, now)
            if verdict.listed == before and not verdict.unlisted:
                return _Stored(listed=before)
            if verdict.unlisted:
                log.warning("alerts without a target are not listed", policy=policy.key, count=verdict.unlisted)
            announced = untargeted_alerts.announce(policy, before, verdict, read_ledger(status), now)
            changes = {
                **ALERTS.write(announced.listed),
                "untargetedDropped": int(status.get("untargetedDropped") or 0) + verdict.unlisted,
                **write_ledger(announced.ledger),
            }
            try:
                await store_records(self._kube, self._book, stored, changes)
            except Conflict:
                if not remaining:
                    raise
            else:
                return _Stored(listed=announced.listed, effects=announced.effects)
        return _Stored(listed=())


def _end_of(entry: UntargetedAlert, at: datetime) -> Stray:
    """Its end, although no sender has told it."""
    alert = Alert(fingerprint=entry.about, status="resolved", labels={}, starts_at=entry.first_seen, ends_at=at)
    return Stray(alert=alert, why=_GONE, query=entry.fingerprint if entry.source == "query" else "")
