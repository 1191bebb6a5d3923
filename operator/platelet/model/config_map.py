"""Who has written which keys of a ConfigMap, and when, by the API server's own account (metadata.managedFields).

Names only: what is written is never asked for. Whoever changes a key owns it from then on, so a manager's last write
was of its own keys, or of some of them. A key that was only taken away is nobody's, and not seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from platelet.model.durations import say_time
from platelet.model.enumeration import name_some

_KEYS_SAID: Final = 8
_LONGEST: Final = 60  # characters of a key
_LONGEST_LINE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWrite:
    """The last write of one field manager, and the keys that are its own."""

    manager: str
    at: datetime
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownConfigMap:
    """What there is to know of one without reading it; or why there is nothing."""

    name: str
    created_at: datetime | None = None
    writes: tuple[KeyWrite, ...] = ()
    is_missing: bool = False
    why_unknown: str = ""


def say_since(config_map: KnownConfigMap, since: datetime) -> Iterator[str]:
    """What was written of it since then, a line for each manager; nothing where nobody wrote."""
    subject = f"configmap/{config_map.name}"
    if config_map.is_missing:
        yield f"{subject} is missing"[:_LONGEST_LINE]
    elif config_map.why_unknown:
        yield f"{subject} {config_map.why_unknown}"[:_LONGEST_LINE]
    elif config_map.created_at is not None and config_map.created_at > since:
        yield f"{subject} created {say_time(config_map.created_at)}"[:_LONGEST_LINE]
    for write in sorted(config_map.writes, key=lambda write: write.at, reverse=True):
        if write.at > since and write.keys:
            manager = write.manager[:_LONGEST]
            yield f"{subject} written {say_time(write.at)} by {manager}, keys {_say_keys(write.keys)}"[:_LONGEST_LINE]


def _say_keys(keys: tuple[str, ...]) -> str:
    return name_some([key[:_LONGEST] for key in sorted(keys)], _KEYS_SAID)
