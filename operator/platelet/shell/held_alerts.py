"""What open Remediations hold as present of alerts and queries: to compare with, and to store an absence on."""

from collections.abc import Collection, Iterable
from datetime import datetime

from platelet.core import record
from platelet.core.episodes import by_labels
from platelet.model import alert
from platelet.model.remediation import Remediation
from platelet.model.signal import TOLD
from platelet.shell import evidence_edits
from platelet.shell.kube import ApiError, Kube, Refused
from platelet.shell.receiver import NotStoredError


class HeldAlerts:
    """`seen` feeds it with every read of the Remediations."""

    def __init__(self, kube: Kube) -> None:
        """Take the API to store in."""
        self._kube = kube
        self._held: set[str] = set()
        self._suppressed: set[str] = set()  # of the held ones, those that are on record so somewhere
        self._queries: set[str] = set()  # of the held ones, those that queries tell
        self._unpolled: set[str] = set()  # of the held ones, those that other senders than Alertmanager tell

    def seen(self, remediations: Iterable[Remediation]) -> None:
        """Remember what open Remediations hold."""
        self._held, self._suppressed, self._queries, self._unpolled = set(), set(), set(), set()
        for each in remediations:
            if each.status.state == "Closed":
                continue
            for fact in each.status.evidence:
                if fact.source in TOLD and fact.resolved_at is None:
                    self._held.add(fact.fingerprint)
                    if fact.source == "query":
                        self._queries.add(fact.fingerprint)
                    if fact.sender:
                        self._unpolled.add(fact.fingerprint)
                    if fact.suppressed_at is not None:
                        self._suppressed.add(fact.fingerprint)

    def held(self) -> Collection[str]:
        """The episodes of alerts that Alertmanager can be asked about."""
        return self._held - self._queries - self._unpolled

    def held_queries(self) -> Collection[str]:
        """The fingerprints of queries' facts."""
        return frozenset(self._queries)

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over. Raises NotStoredError when one could not be stored; the next poll tries again."""
        names = by_labels(episodes)
        await self._edit(episodes, lambda status: record.end_evidence(status, names, at))
        over = self._queries.intersection(episodes)  # nobody asks again: unlike alerts, they are not polled
        self._held -= over
        self._queries -= over

    async def suppress(self, suppressed: Collection[str], active: Collection[str], at: datetime) -> None:
        """Store which of them Alertmanager keeps from us and which no more. Raises NotStoredError, as `resolve`."""
        news = {each for each in self._held if alert.fingerprint_of(each) in suppressed} - self._suppressed
        news |= {each for each in self._suppressed if alert.fingerprint_of(each) in active}
        if news:
            await self._edit(news, lambda status: record.suppress(status, suppressed, active, at))

    async def _edit(self, episodes: Collection[str], edit: evidence_edits.Edit) -> None:
        names = frozenset(alert.fingerprint_of(each) for each in episodes)
        try:
            failures = await evidence_edits.edit_evidence(self._kube, names, edit)
        except ApiError as error:
            raise NotStoredError(str(error)) from error
        if failures:
            raise NotStoredError(str(failures[0]), for_good=all(isinstance(each, Refused) for each in failures))
