"""A known name that somebody may have meant by one that is not known."""

import difflib
from collections.abc import Iterable

_LONGEST = 64  # characters that are compared
_ALIKE = 0.7  # of 1: a letter that is missing, or two that have changed places


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is written most like it, whatever the case of letters; empty where none is."""
    by_lower = {word.lower(): word for word in known if len(word) <= _LONGEST}
    near = difflib.get_close_matches(name[:_LONGEST].lower(), by_lower, n=1, cutoff=_ALIKE)
    return by_lower[near[0]] if near else ""
