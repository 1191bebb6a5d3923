"""Something of both contenders, so that none is measured without the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Pair(Generic[T_co]):
    """One value of the baseline in Go, one of platelet."""

    go: T_co
    platelet: T_co

    def __iter__(self) -> Iterator[T_co]:
        """In the order of their turns."""
        yield self.go
        yield self.platelet

    def map(self, of: Callable[[T_co], U]) -> "Pair[U]":
        """The same of both, one after the other."""
        return Pair(of(self.go), of(self.platelet))
