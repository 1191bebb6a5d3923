"""Pinned changes as they were read: of kinds that this version knows, and with the values of their kind."""

from collections.abc import Sequence

from platelet import changes
from platelet.api.kinds import invalid
from platelet.model.intent import PinnedChange


def check(pinned: Sequence[PinnedChange], where: str) -> None:
    """Raises InvalidSpec where one of them is not understood. `where` is the field that holds them."""
    if not pinned:
        raise invalid.InvalidSpec(f"{where}.changes: there is none: an attempt writes something")
    for number, change in enumerate(pinned):
        field = f"{where}.changes[{number}]"
        try:
            kind = changes.of(change)
        except KeyError:
            message = f"{invalid.show(change.kind)} is no kind of change that is known"
            raise invalid.InvalidSpec(f"{field}.kind: {message}") from None
        try:
            kind.check(change)
        except (KeyError, ValueError) as error:
            raise invalid.InvalidSpec(f"{field}: not a {change.kind}: {error}") from error
