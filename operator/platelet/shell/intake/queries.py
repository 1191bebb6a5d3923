"""Asks the queries of policies' triggers at their intervals, while leading; nothing is made up for after an outage."""

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from platelet.api.kinds.resolved_policy import ResolvedPolicy
from platelet.model.alert import Alert
from platelet.model.reading import Reading, Result, Unanswered
from platelet.model.signal import Evidence
from platelet.model.trigger import FromQueries, QueryFacts
from platelet.shell.intake.receiver import NotStoredError, attempt
from platelet.shell.kube.clock import ClockNotReadyError, boot_time
from platelet.shell.outbound.inquiry import AsksPrometheus
from platelet.shell.store.policies import PolicyBook
from platelet.triggers.query import as_alert, stale

_PAUSE = 1.0  # seconds; policies may change at any time
_AT_ONCE = 4  # queries; Prometheus has others to serve
_log = structlog.get_logger(__name__)


class Results(Protocol):
    """Stores the facts that queries give."""

    async def store_results(self, policy: str, results: Sequence[tuple[Alert, Evidence]]) -> None:
        """Store them for one policy, by its key. Raises NotStoredError."""


class HeldQueries(Protocol):
    """The facts of queries that open Remediations hold as present."""

    def held_queries(self) -> Collection[str]:
        """Give their fingerprints."""

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over. Raises NotStoredError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """The query of one trigger of one policy."""

    resolved: ResolvedPolicy
    trigger: FromQueries
    settings: Any

    @property
    def name(self) -> str:
        """With what the fingerprints of its facts begin."""
        return self.trigger.prefix(self.resolved.policy.uid, self.settings)

    @property
    def expression(self) -> str:
        return self.trigger.expression(self.settings)

    @property
    def interval(self) -> timedelta:
        return self.trigger.interval(self.settings)

    def observe(self, answer: Result, now: datetime) -> QueryFacts:
        """What the answer says."""
        return self.trigger.observe(self.settings, self.resolved.policy.uid, answer, now)


@dataclass(slots=True)
class _Asked:
    """What is remembered of one trigger of one policy."""

    due_at: float = -math.inf  # seconds of the boot-time clock
    answered_at: datetime | None = None  # None: never, or not at the last time
    silence: str = ""  # why not, as it was told last
    since: dict[str, datetime] = field(default_factory=dict)  # by fingerprint: first seen by this process


class QueryWatch:
    """Level-triggered: what is beyond a bound now is stored now, and what is not any more is over."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        prometheus: AsksPrometheus,
        book: PolicyBook,
        results: Results,
        held: HeldQueries,
        now: Callable[[], datetime],
        *,
        on_reading: Callable[[Reading], None] = lambda _reading: None,
        on_error: Callable[[], None] = lambda: None,
        boot: Callable[[], float] = boot_time,
    ) -> None:
        """Take the API server's time as `now`; it may raise ClockNotReadyError. `on_error` hears of our own faults."""
        self._prometheus, self._book, self._results, self._held = prometheus, book, results, held
        self._now, self._on_reading, self._on_error, self._boot = now, on_reading, on_error, boot
        self._asked: dict[str, _Asked] = {}  # by the prefix of the fingerprints
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def known_at(self, policy: str) -> datetime | None:
        """When all queries of a policy (by its key) were answered last; None while the newest answer of one lacks."""
        for resolved in self._book.resolved_policies:
            if resolved.policy.key == policy:
                asked = [self._asked.get(query.name) for query in _queries_of(resolved)]
                moments = [question.answered_at if question is not None else None for question in asked]
                return min((moment for moment in moments if moment is not None), default=None) if all(moments) else None
        return None

    async def run(self) -> None:
        """Ask for ever; ends only by cancellation. What fails is asked again at its next interval."""
        self._asked.clear()
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - one look must not end all that the leader does
                _log.exception("asking the queries of triggers failed")
                self._on_error()
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Ask what is due."""
        ready = [resolved for resolved in self._book.resolved_policies if resolved.policy.ready]
        queries = [query for resolved in ready for query in _queries_of(resolved)]
        wanted = {query.name for query in queries}
        self._asked = {name: asked for name, asked in self._asked.items() if name in wanted}
        due = [query for query in queries if self._asked.setdefault(query.name, _Asked()).due_at <= self._boot()]
        await asyncio.gather(*(self._ask(query) for query in due))
        await self._end_what_nobody_asks(ready)

    async def _ask(self, query: _Query) -> None:
        asked = self._asked[query.name]
        asked.due_at = self._boot() + query.interval.total_seconds()
        async with self._turns:
            reading = await self._prometheus.ask(query.expression)
        self._on_reading(reading)
        try:
            why = await self._store(query, reading, asked)
        except ClockNotReadyError as error:
            why, asked.answered_at = str(error), None
        if why != asked.silence:
            policy = query.resolved.policy.key
            _log.warning("a trigger's query", policy=policy, expr=query.expression, why=why or "is answered")
        asked.silence = why

    async def _store(self, query: _Query, reading: Result | Unanswered, asked: _Asked) -> str:
        """Store what an answer says; why it is not known, or not all of it is on record."""
        if not isinstance(reading, Result):
            asked.answered_at = None
            return reading.why
        now = self._now()
        seen = query.observe(reading, now)
        asked.since = {fact.fingerprint: asked.since.get(fact.fingerprint, now) for _, fact in seen.facts}
        since = asked.since
        facts = [(as_alert(sample, since[fact.fingerprint], fact.reason), fact) for sample, fact in seen.facts]
        policy = query.resolved.policy.key
        failures = [await attempt(self._results.store_results(policy, facts))] if facts else []
        held = self._held.held_queries()
        over = [name for name in held if name.startswith(query.name) and name not in seen.present]
        if over:
            failures.append(await attempt(self._held.resolve(over, now)))
        failed = [failure for failure in failures if failure is not None]
        known = all(failure.for_good for failure in failed)  # what refuses its status takes no step by it either
        asked.answered_at = now if known else None
        return str(failed[0]) if failed else ""

    async def _end_what_nobody_asks(self, ready: Sequence[ResolvedPolicy]) -> None:
        """Facts of a trigger that people have removed or rewritten end with it."""
        held = tuple(self._held.held_queries())
        over = [name for resolved in ready for name in stale(resolved.policy.uid, _written(resolved), held)]
        if not over:
            return
        try:
            await self._held.resolve(over, self._now())
        except (NotStoredError, ClockNotReadyError) as error:
            _log.warning("facts of a trigger that is gone are not ended yet", why=str(error))


def _queries_of(resolved: ResolvedPolicy) -> list[_Query]:
    """What the policy's triggers ask, as far as it can be asked."""
    chosen = resolved.loaded.triggers_of(FromQueries)
    return [_Query(resolved=resolved, trigger=trigger, settings=settings) for trigger, settings in chosen]


def _written(resolved: ResolvedPolicy) -> list[str]:
    """The names of all that the policy has, also of those that cannot be asked now: of their facts nothing is known."""
    loaded = resolved.loaded
    written = replace(loaded, triggers=(*loaded.triggers, *(fault.trigger for fault in loaded.unusable)))
    return [query.name for query in _queries_of(replace(resolved, loaded=written))]
