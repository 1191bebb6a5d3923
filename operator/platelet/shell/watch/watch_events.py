"""The envelope of a watch: one line is a change of an object, a bookmark, or an error."""

from dataclasses import dataclass

import msgspec

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Change:
    """An object as it is now, or as it was when it was deleted; undecoded."""

    raw: msgspec.Raw
    deleted: bool


@dataclass(frozen=True, slots=True)
class Bookmark:
    """All changes up to this version were sent; with `ends_listing` also all objects that there are."""

    resource_version: str
    ends_listing: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """The server ends the watch: 410 means that the version asked for is too old."""

    code: int
    reason: str


class _Meta(msgspec.Struct):
    resourceVersion: str = ""  # noqa: N815 - as the API writes it
    annotations: dict[str, str] | None = None


class _Marked(msgspec.Struct):
    metadata: _Meta


class _Status(msgspec.Struct):
    code: int = 0
    reason: str = ""


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_bookmark = msgspec.json.Decoder(_Marked).decode
_decode_status = msgspec.json.Decoder(_Status).decode


def read(line: bytes) -> Change | Bookmark | Failure:
    """Read one line. Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError for one that is no event."""
    event = _decode_line(line)
    if event.type == "BOOKMARK":
        meta = _decode_bookmark(event.object).metadata
        return Bookmark(meta.resourceVersion, (meta.annotations or {}).get(_INITIAL_EVENTS_END) == "true")
    if event.type == "ERROR":
        return _read_failure(event.object)
    return Change(event.object, event.type == "DELETED")


def _read_failure(raw: msgspec.Raw) -> Failure:
    try:
        status = _decode_status(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Failure(0, "unreadable")
    return Failure(status.code, status.reason)
