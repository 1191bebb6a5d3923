"""Has the index know all Remediations that are stored, also what kopf does not show."""

from typing import Final

from platelet.shell.kube import REMEDIATIONS, NotFound, Reads
from platelet.shell.store.remediation_index import Key, RemediationIndex
from platelet.shell.store.remediations import list_remediations
from platelet.shell.watch.stored_versions import StoredVersions

_ONE_BY_ONE: Final = 50  # Remediations; more are listed


class Inventory:
    """Reads what has changed according to their metadata and is not known; lists all where that cannot be told."""

    def __init__(self, kube: Reads, index: RemediationIndex, versions: StoredVersions) -> None:
        """Nothing is known yet."""
        self.index = index
        self._kube = kube
        self._versions = versions
        self._changes = versions.changes.follow()
        self._behind: set[Key] | None = None  # to be compared with what is stored; None: all of it

    async def refresh(self) -> None:
        """Raises ApiError where something cannot be read; it is read another time."""
        changed = self._changes.take()
        self._behind = None if changed is None or self._behind is None else self._behind | set(changed)
        if self._behind is None or not self.index.complete or not self._versions.are_known():
            await self.list_all()
            return
        self._behind = set(filter(self._is_behind, self._behind))
        if len(self._behind) > _ONE_BY_ONE:
            await self.list_all()
        for key in sorted(self._behind):
            await self._read(key)
            self._behind.discard(key)

    async def list_all(self) -> None:
        """Raises ApiError."""
        self.index.take_all((await list_remediations(self._kube)).stored)
        self._behind = set()

    def _is_behind(self, key: Key) -> bool:
        """Whether it is stored in a newer state than is known, or seems to be gone."""
        known, stored = self.index.version(key), self._versions.of.get(key)
        return known is not None if stored is None else stored > (known or 0)

    async def _read(self, key: Key) -> None:
        uid = self.index.uid(key)
        try:
            self.index.take_answer(await self._kube.get(REMEDIATIONS, *key))
        except NotFound:
            self.index.see_deleted(*key, uid)
