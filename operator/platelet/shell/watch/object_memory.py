"""Objects of one kind as their stream showed them last, small, and found by whom they belong to.

What is known may be of the past. It tells when to look and what for; whoever acts on it reads again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from platelet.api.readers import attestations, records
from platelet.shell.kube import Json
from platelet.shell.kube.latest import Latest
from platelet.shell.kube.stored import as_number, pack, unpack
from platelet.shell.watch.stream import Key, Seen

_REMEMBERED: Final = 1_000  # of those that were deleted, and of those that were asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRecord:
    """One object, packed. `belongs_to` is the uid of its controller, or the selector that finds a record of ours."""

    uid: str
    resource_version: str
    belongs_to: str
    packed: bytes = field(repr=False)

    def unpack(self) -> Json:
        """The object."""
        return unpack(self.packed)


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _Owner(_Struct):
    uid: str = ""
    controller: bool | None = None


class _Meta(_Struct):
    name: str
    uid: str
    namespace: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    owner_references: list[_Owner] | None = None


class _Object(_Struct):
    metadata: _Meta


_decode = msgspec.json.Decoder(_Object).decode


def reduce(raw: bytes) -> Seen[ObjectRecord]:
    """Read one object of any kind. Raises msgspec.ValidationError for a malformed one."""
    meta = _decode(raw).metadata
    record = ObjectRecord(
        uid=meta.uid,
        resource_version=meta.resource_version,
        belongs_to=_controller(meta.owner_references or ()) or _selector(meta.labels or {}),
        packed=pack(raw),
    )
    return Seen((meta.namespace, meta.name), meta.resource_version, record)


def _controller(references: Iterable[_Owner]) -> str:
    return next((owner.uid for owner in references if owner.controller), "")


def _selector(labels: Mapping[str, str]) -> str:
    """What a revision record, or an attestation of one, is looked for by."""
    names = (attestations.NAMESPACE, records.TARGET_KIND, records.TARGET)
    return ",".join(f"{name}={labels[name]}" for name in names if name in labels)


class ObjectMemory:
    """All objects of one kind. What the API server has answered since is told by `take`, and stays if it is newer."""

    def __init__(self, is_current: Callable[[], bool] = lambda: False) -> None:
        """`is_current` tells whether all is known that there is, as of a moment ago."""
        self._is_current = is_current
        self._records: dict[Key, ObjectRecord] = {}
        self._groups: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._doubted: set[Key] = set()
        self._unpacked: Latest[Key, Json] = Latest(_REMEMBERED)  # those that were asked for lately
        self._gone: Latest[str, None] = Latest(_REMEMBERED)  # uids of those that were deleted lately

    def follow(self, is_current: Callable[[], bool]) -> None:
        """From now on a stream feeds it; `is_current` tells whether that is up to date."""
        self._is_current = is_current

    def see(self, key: Key, record: ObjectRecord | None) -> None:
        """Take what the stream shows of an object; None: it was deleted."""
        self._doubted.discard(key)
        known = self._records.get(key)
        if record is None:
            self._drop(key)
            self._bury(known)
        elif record.uid not in self._gone and (known is None or _is_newer(record, known)):
            self._drop(key)
            self._records[key] = record
            self._groups[key[0], record.belongs_to].add(key)

    def take(self, stored: Json) -> Json:
        """Take an object as the API server answered it, and give it back."""
        if self._is_known(stored):
            self._doubted.discard(_key(stored))
            return stored
        seen = reduce(msgspec.json.encode(stored))
        self.see(seen.key, seen.record)
        return stored

    def _is_known(self, stored: Json) -> bool:
        """Whether it is in the state in which it was seen last, as most answers to reads are."""
        known, metadata = self._records.get(_key(stored)), stored["metadata"]
        return known is not None and (known.uid, known.resource_version) == (
            metadata["uid"],
            metadata.get("resourceVersion"),
        )

    def doubt(self, namespace: str, name: str) -> None:
        """Somebody has just changed or deleted it: until its new state is known, the API server must be asked."""
        self._doubted.add((namespace, name))

    def get(self, namespace: str, name: str) -> Json | None:
        """One object; None where the API server must be asked."""
        record = self._records.get((namespace, name))
        if record is None or (namespace, name) in self._doubted or not self._is_current():
            return None
        return self._unpack((namespace, name))

    def of(self, namespace: str, belongs_to: str) -> list[Json] | None:
        """All in a namespace that belong to one; None where the API server must be asked."""
        keys = self._groups.get((namespace, belongs_to), set())
        if not self._is_current() or keys & self._doubted:
            return None
        return [self._unpack(key) for key in sorted(keys)]

    def in_turn(self) -> Iterator[Json] | None:
        """All of the kind, each unpacked when it is its turn; None where the API server must be asked."""
        if self._doubted or not self._is_current():
            return None
        return (record.unpack() for record in tuple(self._records.values()))

    def _unpack(self, key: Key) -> Json:
        """Unpack one, and keep it at hand: it is asked for many times in a row. Results must not be changed."""
        stored = self._unpacked.get(key)
        return self._unpacked.put(key, stored if stored is not None else self._records[key].unpack())

    def _bury(self, record: ObjectRecord | None) -> None:
        """Remember that it was deleted: an answer from before that may still come."""
        if record is not None:
            self._gone.put(record.uid, None)

    def _drop(self, key: Key) -> None:
        record = self._records.pop(key, None)
        self._unpacked.pop(key, None)
        if record is None:
            return
        group = key[0], record.belongs_to
        self._groups[group].discard(key)
        if not self._groups[group]:
            del self._groups[group]


def _key(stored: Json) -> Key:
    metadata = stored["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _is_newer(record: ObjectRecord, known: ObjectRecord) -> bool:
    return as_number(record.resource_version) > as_number(known.resource_version)
