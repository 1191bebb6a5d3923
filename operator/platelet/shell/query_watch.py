"""Asks the queries of policies' triggers at their intervals, while leading; nothing is made up for after an outage."""

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from platelet.model.alert import Alert
from platelet.model.reading import Reading, Result, Unanswered
from platelet.model.signal import Evidence
from platelet.shell.clock import ClockNotReadyError, boot_time
from platelet.shell.inquiry import AsksPrometheus
from platelet.shell.policy_book import PolicyBook, Standing
from platelet.shell.receiver import NotStoredError, attempt
from platelet.triggers import query
from platelet.triggers.query import QueryTrigger

_PAUSE = 1.0  # seconds; policies may change at any time
_AT_ONCE = 4  # queries; Prometheus has others to serve
_log = structlog.get_logger(__name__)


class Results(Protocol):
    """Where facts go."""

    async def store_results(self, policy: str, results: Sequence[tuple[Alert, Evidence]]) -> None:
        """Store them for one policy, by its key. Raises NotStoredError."""


class HeldQueries(Protocol):
    """The facts of queries that open Remediations hold as present."""

    def held_queries(self) -> Collection[str]:
        """Give their fingerprints."""

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over. Raises NotStoredError."""


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
        for standing in self._book.standings:
            if standing.policy.key == policy:
                asked = [self._asked.get(_name(standing, each)) for each in standing.loaded.query_triggers]
                moments = [each.answered_at if each is not None else None for each in asked]
                return min((each for each in moments if each is not None), default=None) if all(moments) else None
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
        ready = [each for each in self._book.standings if each.policy.ready]
        triggers = [(each, trigger) for each in ready for trigger in each.loaded.query_triggers]
        wanted = {_name(*each) for each in triggers}
        self._asked = {name: each for name, each in self._asked.items() if name in wanted}
        due = [each for each in triggers if self._asked.setdefault(_name(*each), _Asked()).due_at <= self._boot()]
        await asyncio.gather(*(self._ask(*each) for each in due))
        await self._end_what_nobody_asks(ready)

    async def _ask(self, standing: Standing, trigger: QueryTrigger) -> None:
        asked = self._asked[_name(standing, trigger)]
        asked.due_at = self._boot() + trigger.interval.total_seconds()
        async with self._turns:
            reading = await self._prometheus.ask(trigger.expr)
        self._on_reading(reading)
        try:
            why = await self._store(standing, trigger, reading, asked)
        except ClockNotReadyError as error:
            why, asked.answered_at = str(error), None
        if why != asked.silence:
            _log.warning("a trigger's query", policy=standing.policy.key, expr=trigger.expr, why=why or "is answered")
        asked.silence = why

    async def _store(
        self, standing: Standing, trigger: QueryTrigger, reading: Result | Unanswered, asked: _Asked
    ) -> str:
        """Store what an answer says; why it is not known, or not all of it is on record."""
        if not isinstance(reading, Result):
            asked.answered_at = None
            return reading.why
        now = self._now()
        seen = query.observe(trigger, standing.policy.uid, reading, now)
        asked.since = {fact.fingerprint: asked.since.get(fact.fingerprint, now) for _, fact in seen.facts}
        since = asked.since
        facts = [(query.as_alert(each, since[fact.fingerprint], fact.reason), fact) for each, fact in seen.facts]
        failures = [await attempt(self._results.store_results(standing.policy.key, facts))] if facts else []
        name = _name(standing, trigger)
        over = [each for each in self._held.held_queries() if each.startswith(name) and each not in seen.present]
        if over:
            failures.append(await attempt(self._held.resolve(over, now)))
        failed = [each for each in failures if each is not None]
        known = all(each.for_good for each in failed)  # what refuses its status takes no step by it either
        asked.answered_at = now if known else None
        return str(failed[0]) if failed else ""

    async def _end_what_nobody_asks(self, ready: Sequence[Standing]) -> None:
        """Facts of a trigger that people have removed or rewritten end with it."""
        held = tuple(self._held.held_queries())
        over = [name for each in ready for name in query.stale(each.policy.uid, _written(each), held)]
        if not over:
            return
        try:
            await self._held.resolve(over, self._now())
        except (NotStoredError, ClockNotReadyError) as error:
            _log.warning("facts of a trigger that is gone are not ended yet", why=str(error))


def _written(standing: Standing) -> list[QueryTrigger]:
    """All that the policy has, also those that cannot be asked now: of their facts nothing is known."""
    unusable = (each.trigger for each in standing.loaded.unusable)
    return [*standing.loaded.query_triggers, *(each for each in unusable if isinstance(each, QueryTrigger))]


def _name(standing: Standing, trigger: QueryTrigger) -> str:
    return query.prefix(standing.policy.uid, trigger)
