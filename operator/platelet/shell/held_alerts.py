"""What open Remediations hold as present of alerts and queries: to compare with, and to store an absence on."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from platelet.core import record
from platelet.core.opening import Update
from platelet.model import alert
from platelet.model.remediation import Remediation, RemediationStatus
from platelet.model.signal import TOLD
from platelet.shell.gathering import read_remediations
from platelet.shell.kube import ApiError, Conflict, Kube, NotFound
from platelet.shell.opener import store_status
from platelet.shell.receiver import NotStoredError


class HeldAlerts:
    """`seen` feeds it with every read of the Remediations."""

    def __init__(self, kube: Kube) -> None:
        """Take the API to store in."""
        self._kube = kube
        self._held: dict[str, set[tuple[str, str]]] = {}
        self._suppressed: set[str] = set()  # of the held ones, those that are on record so somewhere
        self._queries: set[str] = set()  # of the held ones, those that queries tell

    def seen(self, remediations: Iterable[Remediation]) -> None:
        """Remember which open Remediations hold what."""
        self._held, self._suppressed, self._queries = {}, set(), set()
        for each in remediations:
            if each.status.state == "Closed":
                continue
            for fact in each.status.evidence:
                if fact.source in TOLD and fact.resolved_at is None:
                    self._held.setdefault(fact.fingerprint, set()).add((each.namespace, each.name))
                    if fact.source == "query":
                        self._queries.add(fact.fingerprint)
                    if fact.suppressed_at is not None:
                        self._suppressed.add(fact.fingerprint)

    def held(self) -> Collection[str]:
        """The episodes of alerts."""
        return self._held.keys() - self._queries

    def held_queries(self) -> Collection[str]:
        """The fingerprints of queries' facts."""
        return frozenset(self._queries)

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over. Raises NotStoredError when one could not be stored; the next poll tries again."""
        await self._edit(episodes, lambda status: _resolved(status, episodes, at))

    async def suppress(self, suppressed: Collection[str], active: Collection[str], at: datetime) -> None:
        """Store which of them Alertmanager silences or inhibits and which no more. Raises NotStoredError."""
        news = {each for each in self._held if alert.fingerprint_of(each) in suppressed} - self._suppressed
        news |= {each for each in self._suppressed if alert.fingerprint_of(each) in active}
        if news:
            await self._edit(news, lambda status: record.suppress(status, suppressed, active, at))

    async def _edit(self, episodes: Collection[str], edit: Callable[[RemediationStatus], RemediationStatus]) -> None:
        wanted = {place for episode in episodes for place in self._held.get(episode, ())}
        try:
            for each in await read_remediations(self._kube):
                status = edit(each.status)
                if (each.namespace, each.name) in wanted and each.status.state != "Closed" and status != each.status:
                    await store_status(self._kube, each, Update(remediation=each, status=status))
        except (Conflict, NotFound, ApiError) as error:
            raise NotStoredError(str(error)) from error


def _resolved(status: RemediationStatus, episodes: Collection[str], at: datetime) -> RemediationStatus:
    for fact in status.evidence:
        if fact.fingerprint in episodes and fact.resolved_at is None:
            over = replace(fact, last_seen=at, resolved_at=max(at, fact.first_seen))  # the sender's clock may lead
            status = record.merge_evidence(status, over)
    return status
