"""Decides on one Remediation: from memory first, then on reads as fresh as the decision needs."""

import structlog

from platelet.core import acting, grounds, history
from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model.snapshot import Snapshot
from platelet.shell.act.revision_tracker import RevisionTracker
from platelet.shell.kube import NotFound
from platelet.shell.kube.clock import Clock
from platelet.shell.kube.stored import UNREADABLE
from platelet.shell.read.looks import Look, Looker
from platelet.shell.read.situations import SituationReader
from platelet.shell.store.remediation_index import RemediationIndex

_TRIES = 3  # of bringing the records up to date

log = structlog.get_logger("platelet.reconciler")


class Decider:
    """Looks again until what was read is enough for the decision that follows from it."""

    def __init__(
        self,
        clock: Clock,
        situations: SituationReader,
        looker: Looker,
        index: RemediationIndex,
        revision_tracker: RevisionTracker,
    ) -> None:
        """The `revision_tracker` puts the live template on record before anything is planned on it."""
        self._clock = clock
        self._situations = situations
        self._looker = looker
        self._index = index
        self._revision_tracker = revision_tracker

    async def scout(self, namespace: str, name: str) -> Look | None:
        """Look, mostly from memory; None: there is no such Remediation, or nothing left to do. Raises ApiError."""
        try:
            remediation = await self._looker.find(namespace, name)
        except NotFound:
            return None
        except UNREADABLE as error:  # perhaps a newer version wrote it: leave it alone
            log.warning("not understood, nothing is done", namespace=namespace, name=name, error=str(error)[:300])
            return None
        if remediation.is_over and not await self._situations.has_loose_ends(remediation):
            return None
        return await self._looker.look(remediation, grounds.expected(remediation.status))

    async def decide(self, look: Look) -> tuple[Look, Decision]:
        """Decide, and again on better grounds, until those are what the decision needs. Raises ApiError."""
        while True:
            look = await self._with_records(look)
            decision = decide(look.situation, self._clock.now())
            need = grounds.needed(look.situation, decision)
            if grounds.suffice(look.grounds, need):
                return look, decision
            look = await self._looker.look(look.situation.remediation, need, look)

    async def _with_records(self, look: Look) -> Look:
        """Put the live template on record before anything is planned on it.

        While an attempt is under way nothing is planned, and only its outcome tells whose template that is.
        """
        remediation = look.situation.remediation
        if acting.unfinished(remediation.status) is not None or not _is_behind(look.snapshot):
            return look
        siblings = (await self._index.about(remediation.target)).of(remediation.target)
        for _ in range(_TRIES):  # one unanswered write of a record is no reason to call people
            await self._revision_tracker.record(remediation.target, look.snapshot, siblings)
            look = await self._looker.look(remediation, look.grounds, look)
            if not _is_behind(look.snapshot):
                break
        return look


def _is_behind(snapshot: Snapshot) -> bool:
    workload = snapshot.workload
    return workload is not None and history.is_behind(workload, snapshot.revisions, snapshot.records)
