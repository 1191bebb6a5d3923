"""Alerts and results of queries that open Remediations hold as present: to find which are over, and to store that."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain

from platelet.core import record
from platelet.core.alert_episodes import by_labels
from platelet.model import alert
from platelet.model.remediation import Remediation
from platelet.model.signal import TOLD, Evidence
from platelet.shell.intake.receiver import NotStoredError
from platelet.shell.kube import ApiError, Kube
from platelet.shell.store import evidence_edits
from platelet.shell.store.remediation_index import RemediationIndex


class HeldAlerts:
    """Remembers them from each listing of Remediations (`seen`) and each that is read alone (`seen_one`)."""

    def __init__(self, kube: Kube, index: RemediationIndex | None = None) -> None:
        """Take the API to store in. Without an index the Remediations are listed at each edit."""
        self._kube = kube
        self._index = index or RemediationIndex(kube)
        self._facts: dict[str, list[Evidence]] = {}  # by the uid of the open Remediation that holds them

    def seen(self, remediations: Iterable[Remediation]) -> None:
        """Remember what open Remediations hold: these are all."""
        self._facts = {}
        for remediation in remediations:
            self.seen_one(remediation)

    def seen_one(self, remediation: Remediation) -> None:
        """Remember what this one holds."""
        self._facts.pop(remediation.uid, None)
        evidence = record.with_opening_evidence(remediation).evidence
        facts = [fact for fact in evidence if fact.source in TOLD and fact.resolved_at is None]
        if facts and remediation.status.state != "Closed":
            self._facts[remediation.uid] = facts

    def held(self) -> Collection[str]:
        """The episodes of alerts that Alertmanager can be asked about."""
        facts = list(self._all())
        untold = {fact.fingerprint for fact in facts if fact.source == "query" or fact.sender}
        return {fact.fingerprint for fact in facts} - untold

    def held_queries(self) -> frozenset[str]:
        """The fingerprints of queries' facts."""
        return frozenset(fact.fingerprint for fact in self._all() if fact.source == "query")

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over. Raises NotStoredError when one could not be stored; the next poll tries again."""
        names = by_labels(episodes)
        await self._edit(episodes, lambda status: record.end_evidence(status, names, at))
        over = self.held_queries().intersection(episodes)  # nobody asks again: unlike alerts, they are not polled
        self._facts = {
            uid: [fact for fact in facts if fact.fingerprint not in over] for uid, facts in self._facts.items()
        }

    async def suppress(self, suppressed: Collection[str], active: Collection[str], at: datetime) -> None:
        """Store which of them Alertmanager keeps from us and which no more. Raises NotStoredError, as `resolve`."""
        held = {fact.fingerprint for fact in self._all()}
        known = {fact.fingerprint for fact in self._all() if fact.suppressed_at is not None}
        news = {episode for episode in held - known if alert.fingerprint_of(episode) in suppressed}
        news |= {episode for episode in known if alert.fingerprint_of(episode) in active}
        if news:
            await self._edit(news, lambda status: record.suppress(status, suppressed, active, at))

    def _all(self) -> Iterator[Evidence]:
        return chain.from_iterable(self._facts.values())

    async def _edit(self, episodes: Collection[str], edit: evidence_edits.Edit) -> None:
        names = frozenset(alert.fingerprint_of(episode) for episode in episodes)
        try:
            failures = await evidence_edits.edit_evidence(self._kube, self._index, names, edit)
        except ApiError as error:
            raise NotStoredError(str(error)) from error
        if failures:
            raise NotStoredError.of(failures)
