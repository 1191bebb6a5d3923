"""Which Remediations are stored, and in which state: their metadata alone, so that nobody needs to list them.

kopf shows what is in them, but none while it cannot read one; metadata can always be read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from platelet.shell.kube.journal import Journal
from platelet.shell.kube.stored import as_number
from platelet.shell.watch.stream import Key, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersions:
    """The resourceVersion of each, as its stream showed it last."""

    of: Mapping[Key, int] = field(default_factory=dict)  # a live view
    changes: Journal[Key] = field(default_factory=Journal)
    are_known: Callable[[], bool] = lambda: False  # all of them, as of a moment ago


class _Meta(msgspec.Struct, rename="camel", gc=False):
    name: str
    namespace: str
    resource_version: str


class _Object(msgspec.Struct, gc=False):
    metadata: _Meta


_decode = msgspec.json.Decoder(_Object).decode


def reduce(raw: bytes) -> Seen[int]:
    """Read one object's metadata. Raises msgspec.ValidationError for a malformed one."""
    meta = _decode(raw).metadata
    return Seen((meta.namespace, meta.name), meta.resource_version, as_number(meta.resource_version))
