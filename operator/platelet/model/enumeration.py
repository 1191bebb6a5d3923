"""Names on one line: as many as a message has room for."""

from collections.abc import Sequence


def name_some(names: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: the first ones, as they are, and how many there are beside them."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
