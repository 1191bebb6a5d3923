"""The alerts that open Remediations hold as firing: what the poller compares with, and where it stores an absence."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from platelet.core import record
from platelet.core.opening import Update
from platelet.model.remediation import Remediation
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

    def seen(self, remediations: Iterable[Remediation]) -> None:
        """Remember which open Remediations hold which alerts."""
        self._held = {}
        for each in remediations:
            if each.status.state == "Closed":
                continue
            for fact in each.status.evidence:
                if fact.source == "alert" and fact.resolved_at is None:
                    self._held.setdefault(fact.fingerprint, set()).add((each.namespace, each.name))

    def held(self) -> Collection[str]:
        """Their episodes."""
        return self._held.keys()

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over. Raises NotStoredError when one could not be stored; the next poll tries again."""
        wanted = {place for episode in episodes for place in self._held.get(episode, ())}
        try:
            for each in await read_remediations(self._kube):
                if (each.namespace, each.name) in wanted and each.status.state != "Closed":
                    await self._resolve(each, episodes, at)
        except (Conflict, NotFound, ApiError) as error:
            raise NotStoredError(str(error)) from error

    async def _resolve(self, remediation: Remediation, episodes: Collection[str], at: datetime) -> None:
        status = remediation.status
        for fact in status.evidence:
            if fact.fingerprint in episodes and fact.resolved_at is None:
                over = replace(fact, last_seen=at, resolved_at=max(at, fact.first_seen))  # the sender's clock may lead
                status = record.merge_evidence(status, over)
        if status != remediation.status:
            await store_status(self._kube, remediation, Update(remediation=remediation, status=status))
