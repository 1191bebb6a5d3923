"""Objects as the API server stores them: which state of one is the newer, and how many are kept in little room."""

import zlib
from typing import Final

import msgspec

from platelet.shell.kube.requests import Json

UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading an object of others may raise; InvalidSpec is a ValueError."""
_FASTEST: Final = 1  # of zlib's levels


def version_of(stored: Json) -> int:
    """The resourceVersion of an object as a number; 0 where it has none."""
    return as_number(str(stored["metadata"].get("resourceVersion", "")))


def as_number(resource_version: str) -> int:
    """Order two versions of one kind: they grow, as Kubernetes promises since 1.35, and as etcd has always done."""
    return int(resource_version) if resource_version.isdigit() else 0


def pack(raw: bytes) -> bytes:
    """Make the JSON of an object small."""
    return zlib.compress(raw, _FASTEST)


def unpack(packed: bytes) -> Json:
    """The object that was packed."""
    stored: Json = msgspec.json.decode(zlib.decompress(packed))
    return stored
