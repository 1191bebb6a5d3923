"""All Remediations that are stored, by their targets: no look lists a namespace or grows with what is stored.

It is fed by kopf, by what the API server answers to our own writes, and by the sweeper's listings. It may lag, so it
grants nothing: a name that is taken is refused by the CREATE, and a status that has moved on by the compare-and-swap.
What an object is about is told by its spec, which nobody can change, never by its labels.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from platelet.api.kinds import remediation as contract
from platelet.model.remediation import Remediation
from platelet.model.workload import WorkloadRef
from platelet.shell.kube import REMEDIATIONS, Json, Reads
from platelet.shell.kube.journal import Journal
from platelet.shell.kube.latest import Latest
from platelet.shell.kube.namespaces import list_in
from platelet.shell.kube.stored import pack, unpack, version_of
from platelet.shell.kube.versions import Versions
from platelet.shell.store.remediations import (
    StoredRemediations,
    Unreadable,
    evidence_names,
    has_untold,
    list_remediations,
    mode_of,
    read_stored,
    state_of,
    target_of,
)

Key = tuple[str, str]
"""Namespace and name."""

_REMEMBERED = 2_000  # uids of those that were deleted
_A_WHILE = 20  # Remediations: some milliseconds
_AT_HAND = 500  # Remediations that are kept unpacked


@dataclass(frozen=True, slots=True)
class _Entry:
    uid: str
    version: int
    target: WorkloadRef | None
    names: frozenset[str]  # of its evidence
    packed: bytes
    known_of: int = 0  # up to this version, whoever works on it has written it: no news


class RemediationIndex:
    """All Remediations in memory. Before `take_all`, and after `forget`, the API server is asked instead."""

    def __init__(self, kube: Reads) -> None:
        """Take the API to ask while nothing is known."""
        self._kube = kube
        self._entries: dict[Key, _Entry] = {}
        self._uids: dict[str, Key] = {}
        self._of_target: dict[WorkloadRef | None, set[Key]] = defaultdict(set)
        self._open: dict[str, set[Key]] = defaultdict(set)  # by namespace
        self._read: dict[Key, Remediation | Unreadable] = {}  # of the open ones, those that were asked for as they are
        self._untold: set[Key] = set()  # closed, and people are still to be told of it
        self._observing: set[Key] = set()
        self._holding: dict[str, set[Key]] = defaultdict(set)  # by what fingerprints of evidence begin with
        self._removed: Latest[str, None] = Latest(_REMEMBERED)  # uids of those that were deleted lately
        self._unpacked: Latest[Key, Json] = Latest(_AT_HAND)  # those that were asked for lately
        self._typed: Versions[Remediation] = Versions()
        self.changes: Journal[Key] = Journal()
        self.complete = False

    def forget(self) -> None:
        """We no longer lead, so changes no longer reach us."""
        self._entries.clear()
        self._uids.clear()
        self._of_target.clear()
        self._open.clear()
        self._read.clear()
        self._untold.clear()
        self._observing.clear()
        self._holding.clear()
        self._unpacked.clear()
        self.changes.lose()
        self.complete = False

    def take_all(self, stored: Iterable[Json]) -> None:
        """Take in a listing of all Remediations. What was seen in a newer state since then stays."""
        listed = list(stored)
        for obj in listed:
            self._take(obj, 0)
        newest = max((version_of(obj) for obj in listed), default=0)
        present = {_key(obj) for obj in listed}
        for key in [key for key, entry in self._entries.items() if key not in present and entry.version <= newest]:
            self._drop(key)
        self.complete = True

    def see(self, stored: Json) -> bool:
        """Take in one as kopf shows it. Returns whether that is news to whoever works on it."""
        version = version_of(stored)
        before = self._entries.get(_key(stored))
        self._take(stored, version)
        return before is None or before.known_of < version

    def take_answer(self, stored: Json, *, known: bool = False) -> None:
        """Take in the answer of a write. `known`: whoever works on it wrote it, so that it is no news."""
        self._take(stored, version_of(stored) if known else 0)
        if (entry := self._entries.get(_key(stored))) is not None and entry.version == version_of(stored):
            self._unpacked.put(_key(stored), stored)

    def _take(self, stored: Json, known_of: int) -> None:
        """Take in one, unless a newer state of it is known."""
        key, uid, version = _key(stored), stored["metadata"].get("uid", ""), version_of(stored)
        before = self._entries.get(key)
        if uid in self._removed:
            return
        if before is not None and before.version >= version:
            self._entries[key] = replace(before, known_of=max(before.known_of, known_of))
            return
        self._drop(key)
        self.changes.note(key)
        target, known_of = target_of(stored), max(known_of, before.known_of if before is not None else 0)
        packed, names = pack(msgspec.json.encode(stored)), frozenset(evidence_names(stored))
        self._entries[key] = _Entry(uid, version, target, names, packed, known_of)
        self._uids[uid] = key
        self._of_target[target].add(key)
        if state_of(stored) != "Closed":
            self._open[key[0]].add(key)
        elif has_untold(stored):
            self._untold.add(key)
        if mode_of(stored) == "Observe":
            self._observing.add(key)
        for name in names:
            self._holding[name].add(key)

    def see_deleted(self, namespace: str, name: str, uid: str) -> None:
        """One was deleted: states of it that still arrive are of the past."""
        key = namespace, name
        self._removed.put(uid, None)
        if key in self._entries and self._entries[key].uid == uid:
            self._drop(key)

    def find(self, namespace: str, name: str) -> Json | None:
        """One as it was last shown; None where it is not known."""
        return self._stored((namespace, name)) if (namespace, name) in self._entries else None

    def read(self, stored: Json) -> Remediation:
        """One as it is stored; what was asked for lately was read already. Raises what `read_remediation` raises."""
        return self._typed.of(stored, contract.read_remediation)

    def version(self, key: Key) -> int | None:
        """The resourceVersion as which one is known; None: it is not known."""
        return self._entries[key].version if key in self._entries else None

    def uid(self, key: Key) -> str:
        """The uid of one; empty: it is not known."""
        return self._entries[key].uid if key in self._entries else ""

    def holds(self, uid: str) -> bool:
        """Whether a Remediation with this uid is known."""
        return uid in self._uids

    def key_of(self, uid: str) -> Key | None:
        """Namespace and name of the one with this uid; None: it is not known."""
        return self._uids.get(uid)

    def open_names(self, target: WorkloadRef) -> list[str]:
        """The names of a target's open Remediations, as far as they are known."""
        still_open = self._open.get(target.namespace, set())
        return sorted(name for _, name in still_open & self._of_target.get(target, set()))

    def knows(self, target: WorkloadRef) -> bool:
        """Whether any about this target is known."""
        return target in self._of_target

    async def about(self, target: WorkloadRef) -> StoredRemediations:
        """The Remediations of one target. Raises ApiError where the API server must be asked."""
        if not self.complete:
            return await list_remediations(self._kube, target.namespace)
        return self._select(self._of_target.get(target, ()))

    async def open_in(self, namespaces: Collection[str]) -> Mapping[Key, Remediation | Unreadable]:
        """The open Remediations in these namespaces; one that cannot be read may be open, too.

        Raises ApiError, as above.
        """
        if not self.complete:
            return await self._list_open(namespaces)
        read = {key: self.read_open(key) for key in self.open_keys(namespaces)}
        return {key: remediation for key, remediation in read.items() if remediation is not None}

    def open_keys(self, namespaces: Collection[str]) -> list[Key]:
        """Namespaces and names of those in these namespaces that are not closed, as far as they are known."""
        return sorted(key for namespace in namespaces for key in self._open.get(namespace, ()))

    def read_open(self, key: Key) -> Remediation | Unreadable | None:
        """Read an open one, once for each of its states. None: it is closed, or gone."""
        if key not in self._read and key in self._open.get(key[0], ()):
            self._read[key] = read_stored(self._stored(key), self.read)
        return self._read.get(key)

    async def _list_open(self, namespaces: Collection[str]) -> Mapping[Key, Remediation | Unreadable]:
        listed = StoredRemediations(await list_in(self._kube, REMEDIATIONS, namespaces))
        still_open: list[Remediation | Unreadable] = [*listed.open, *listed.open_unreadable]
        return {(incident.namespace, incident.name): incident for incident in still_open}

    async def unfinished(self) -> Sequence[Remediation | Unreadable]:
        """All that are known of which something is left to be done or told. Others have turns while they are read."""
        keys = [*self.open_keys(list(self._open)), *sorted(self._untold)]
        return await self._read_by_turns(
            keys, lambda key: self.read_open(key) or read_stored(self._stored(key), self.read)
        )

    async def everything(self) -> Sequence[Remediation | Unreadable]:
        """All that are known, the same way. None of it is kept at hand."""
        return await self._read_by_turns(
            list(self._entries), lambda key: read_stored(unpack(self._entries[key].packed))
        )

    async def _read_by_turns(
        self, keys: Iterable[Key], read: Callable[[Key], Remediation | Unreadable]
    ) -> Sequence[Remediation | Unreadable]:
        remediations: list[Remediation | Unreadable] = []
        for place, key in enumerate(keys, start=1):
            if key in self._entries:
                remediations.append(read(key))
            if place % _A_WHILE == 0:
                await asyncio.sleep(0)
        return remediations

    async def observing(self) -> StoredRemediations:
        """All that only observe, wherever they are, and maybe others. Raises ApiError, as above."""
        return self._select(self._observing) if self.complete else await list_remediations(self._kube)

    async def holding(self, names: Collection[str]) -> Sequence[Callable[[], Json]]:
        """Those whose evidence is of one of these, by what fingerprints begin with; each is unpacked when it is called.

        Raises ApiError, as above.
        """
        if self.complete:
            keys = sorted({key for name in names for key in self._holding.get(name, ())})
            return [partial(unpack, self._entries[key].packed) for key in keys]
        listed, wanted = (await list_remediations(self._kube)).stored, frozenset(names)
        return [partial(dict, stored) for stored in listed if not wanted.isdisjoint(evidence_names(stored))]

    def _select(self, keys: Iterable[Key]) -> StoredRemediations:
        return StoredRemediations([self._stored(key) for key in sorted(keys)], self.read)

    def _stored(self, key: Key) -> Json:
        """What is looked at is looked at many times in a row. Nobody changes what is given out."""
        stored = self._unpacked.get(key)
        return self._unpacked.put(key, stored if stored is not None else unpack(self._entries[key].packed))

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.changes.note(key)
        self._uids.pop(entry.uid, None)
        self._untold.discard(key)
        self._observing.discard(key)
        self._read.pop(key, None)
        self._unpacked.pop(key, None)
        for names, group in ((self._of_target, entry.target), (self._open, key[0])):
            _discard(names, group, key)
        for name in entry.names:
            _discard(self._holding, name, key)


def _discard(groups: dict[Any, set[Key]], group: object, key: Key) -> None:
    members = groups.get(group, set())
    members.discard(key)
    if not members:
        groups.pop(group, None)


def _key(stored: Json) -> Key:
    metadata = stored["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
