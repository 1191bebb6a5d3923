"""Looks at one Remediation: from memory, at its target by quorum, or at everything that people may stop it by."""

import asyncio
from dataclasses import dataclass, replace

from platelet.core import acting
from platelet.core.grounds import Grounds
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.remediation import Remediation
from platelet.model.situation import Situation
from platelet.model.snapshot import Snapshot
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import REMEDIATIONS, NotFound, Reads
from platelet.shell.read.situations import Brakes, SituationReader
from platelet.shell.read.snapshots import SettlePods, read_from, renew_records
from platelet.shell.read.sources import Sources
from platelet.shell.store.remediation_index import RemediationIndex

_REMEMBERED = 30.0  # seconds for which memory keeps what no stream shows
CHAINED_WITHIN = 3.0  # seconds: decisions in a row go on from what was read so long ago, and from our own answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen, by when (seconds of the loop), and how surely."""

    grounds: Grounds
    at: float
    snapshot: Snapshot
    situation: Situation
    marked: bool = False  # we have marked revision records of its target since


class Looker:
    """Makes all looks, by the same code; only the sources differ."""

    def __init__(  # noqa: PLR0913 - what it reads from
        self,
        kube: Reads,
        situations: SituationReader,
        index: RemediationIndex,
        sources: Sources,
        *,
        home: str = OPERATOR_NAMESPACE,
        settle: SettlePods = tuple,
    ) -> None:
        """`home` is the operator's own namespace; `settle` makes of pods' times such that can be true."""
        self._kube = kube
        self._situations = situations
        self._index = index
        self._sources = sources
        self._home = home
        self._settle = settle

    async def find(self, namespace: str, name: str) -> Remediation:
        """The Remediation as it is known. Raises NotFound, and what `read_remediation` raises; and ApiError."""
        stored = self._index.find(namespace, name) or await self._kube.get(REMEDIATIONS, namespace, name)
        return self._index.read(stored)

    async def look(self, remediation: Remediation, grounds: Grounds, before: Look | None = None) -> Look:
        """Look at a Remediation as it is known. `before` is what was just seen of it. Raises ApiError.

        At everything it goes on from a target that was just read: only what people may have changed since is asked
        again, which the target itself is a part of. The Remediation is then the one that is stored, as it was read.
        """
        if grounds == "memory":
            snapshot = await read_from(self._sources.remembered, remediation.target, self._home, settle=self._settle)
            brakes = await self._situations.remember_brakes(remediation)
        elif grounds == "target":
            snapshot = await read_from(self._sources.target, remediation.target, self._home, settle=self._settle)
            brakes = await self._situations.remember_brakes(remediation)
        else:
            remediation, snapshot, brakes = await asyncio.gather(
                self._read(remediation),
                self._renewed(before.snapshot, remediation.target)
                if before is not None and before.grounds == "target"
                else read_from(self._sources.target, remediation.target, self._home, settle=self._settle),
                self._situations.ask_brakes(remediation),
            )
        patience = _REMEMBERED if grounds == "memory" else 0.0
        return await self._put_together(remediation, grounds, snapshot, brakes, before, patience)

    async def after_own_write(self, look: Look) -> Look:
        """Go on from our own answers: what was read of the target stands, and nothing else was asked since.

        What we have marked is remembered. Where an intent was stored, a write is next: then everything is asked again.
        Raises ApiError.
        """
        before = look.situation
        remediation = await self.find(before.remediation.namespace, before.remediation.name)
        if acting.unfinished(remediation.status) is not None:
            return await self.look(remediation, "everything", look)
        brakes = await self._situations.remember_brakes(remediation)
        grounds: Grounds = "memory" if look.grounds == "memory" else "target"
        snapshot = look.snapshot
        if look.marked:
            snapshot = await renew_records(snapshot, self._sources.remembered, remediation.target, self._home)
        following = await self._put_together(remediation, grounds, snapshot, brakes, look, CHAINED_WITHIN)
        return replace(following, at=look.at)

    async def _put_together(  # noqa: PLR0913 - what a look is made of
        self,
        remediation: Remediation,
        grounds: Grounds,
        snapshot: Snapshot,
        brakes: Brakes,
        before: Look | None,
        patience: float,
    ) -> Look:
        known = before.situation if before is not None else None
        situation = await self._situations.put_together(remediation, snapshot, brakes, known=known, patience=patience)
        now = asyncio.get_running_loop().time()
        return Look(grounds=grounds, at=now, snapshot=snapshot, situation=situation)

    async def _read(self, remediation: Remediation) -> Remediation:
        namespace, name = remediation.namespace, remediation.name
        try:
            stored = await self._kube.get(REMEDIATIONS, namespace, name)
        except NotFound:
            self._index.see_deleted(namespace, name, remediation.uid)
            raise
        self._index.take_answer(stored)
        return self._index.read(stored)

    async def _renewed(self, snapshot: Snapshot, target: WorkloadRef) -> Snapshot:
        stored = await self._sources.quorum.workload(target)
        workload = self._sources.quorum.typed.workload(target.kind, stored) if stored is not None else None
        return replace(snapshot, workload=workload)
