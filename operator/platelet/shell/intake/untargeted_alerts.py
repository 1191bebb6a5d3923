"""Alerts that a policy matches but that name no target: recorded in the policy's status, and told from there.

What sinks are to be told is stored in the same write: no sender waits for them, and no crash loses it.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
from platelet.shell.kube import POLICIES, ApiError, Conflict, Json, Kube, NotFound
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edited:
    """What is to be stored, and run once it is."""

    listed: tuple[UntargetedAlert, ...]
    changes: Json = field(default_factory=dict)  # of the status, beside the list
    effects: tuple[Effect, ...] = ()


Edit = Callable[[Json, datetime], _Edited | None]
"""What becomes of a policy's status, at this moment; None: nothing."""


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
        return frozenset(entry.fingerprint for _, entry in self._open() if entry.is_of_alertmanager)

    def held_queries(self) -> frozenset[str]:
        """The fingerprints of queries' facts among them."""
        return frozenset(entry.fingerprint for _, entry in self._open() if entry.source == "query")

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over, as nobody reports them any more. Raises NotStoredError."""
        ended: dict[str, tuple[ResolvedPolicy, list[Stray]]] = {}
        for resolved, entry in self._open():
            if entry.fingerprint in episodes:
                ended.setdefault(resolved.policy.key, (resolved, []))[1].append(_end_of(entry, at))
        await _do_all(self.record(resolved, strays) for resolved, strays in ended.values())

    async def suppress(self, suppressed: Collection[str], active: Collection[str], at: datetime) -> None:
        """Store which of them Alertmanager keeps from us and which no more. Raises NotStoredError."""
        concerned = [
            resolved
            for resolved in self._book.resolved_policies
            if untargeted_alerts.suppress(resolved.untargeted, suppressed, active, at) != resolved.untargeted
        ]
        await _do_all(self._suppress(resolved, suppressed, active) for resolved in concerned)

    async def _suppress(self, resolved: ResolvedPolicy, suppressed: Collection[str], active: Collection[str]) -> None:
        def mark(status: Json, now: datetime) -> _Edited | None:
            before = ALERTS.read(status)
            marked = untargeted_alerts.suppress(before, suppressed, active, now)
            return _Edited(listed=marked) if marked != before else None

        if (await self._edit(resolved, mark)).effects is not None:
            self._on_news(("policy", resolved.policy.namespace, resolved.policy.name))

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

        def judge(status: Json, now: datetime) -> _Edited | None:
            before = ALERTS.read(status)
            verdict = untargeted_alerts.judge(policy, before, news, now)
            if verdict.listed == before and not verdict.unlisted:
                return None
            if verdict.unlisted:
                log.warning("alerts without a target are not listed", policy=policy.key, count=verdict.unlisted)
            announced = untargeted_alerts.announce(policy, before, verdict, read_ledger(status), now)
            dropped = int(status.get("untargetedDropped") or 0) + verdict.unlisted
            return _Edited(
                listed=announced.listed,
                changes={"untargetedDropped": dropped, **write_ledger(announced.ledger)},
                effects=announced.effects,
            )

        return await self._edit(resolved, judge)

    async def _edit(self, resolved: ResolvedPolicy, edit: Edit) -> _Stored:
        """Compare and swap. Raises ApiError when that cannot be stored, Conflict once it is in vain."""
        policy = resolved.policy
        for remaining in reversed(range(_TRIES)):
            try:
                stored = await self._kube.get(POLICIES, policy.namespace, policy.name)
            except NotFound:  # nobody is left who wants to know
                break
            status = stored.get("status") or {}
            edited = edit(status, self._clock.now())
            if edited is None:
                return _Stored(listed=ALERTS.read(status))
            try:
                changes = {**ALERTS.write(edited.listed), **edited.changes}
                await store_records(self._kube, self._book, stored, changes)
            except Conflict:
                if not remaining:
                    raise
            else:
                return _Stored(listed=edited.listed, effects=edited.effects)
        return _Stored(listed=())


async def _do_all(storing: Iterable[Awaitable[None]]) -> None:
    """What cannot be stored of one policy keeps nothing of another. Raises NotStoredError."""
    failures = []
    for store in storing:
        try:
            await store
        except ApiError as error:
            failures.append(error)
    if failures:
        raise NotStoredError.of(failures)


def _end_of(entry: UntargetedAlert, at: datetime) -> Stray:
    """Its end, although no sender has told it."""
    alert = Alert(fingerprint=entry.about, status="resolved", labels={}, starts_at=entry.first_seen, ends_at=at)
    return Stray(alert=alert, why=_GONE, query=entry.fingerprint if entry.source == "query" else "")
