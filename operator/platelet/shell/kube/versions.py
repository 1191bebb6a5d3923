"""What was made of objects as they are stored: of each state that was asked for lately, once."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from platelet.shell.kube.latest import Latest
from platelet.shell.kube.requests import Json

T = TypeVar("T")
_REMEMBERED: Final = 1_000  # objects


class Versions(Generic[T]):
    """Remembers what was made of each state of an object, by uid and resourceVersion. Results must not be changed."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        """Remember so many at most, those that were asked for last."""
        self._made: Latest[str, tuple[str, T]] = Latest(most)  # by uid: of which resourceVersion, and what

    def of(self, stored: Json, make: Callable[[Json], T]) -> T:
        """What `make` makes of the object in this state. Raises what it raises, each time that it is asked."""
        metadata = stored["metadata"]
        uid, version = metadata.get("uid"), metadata.get("resourceVersion")
        if not uid or not version:
            return make(stored)
        known = self._made.get(uid)
        made = known[1] if known is not None and known[0] == version else make(stored)
        return self._made.put(uid, (version, made))[1]
