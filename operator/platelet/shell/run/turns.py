"""Calls those who wait for a place on the ActionBudget, in order, and as many as there are places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from platelet.core import places
from platelet.model.budget import Budget
from platelet.model.policy import Limits
from platelet.model.remediation import Remediation

Key = tuple[str, str]
"""Namespace and name of a Remediation."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    line: places.Line
    order: tuple[bool, str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """Whose turn it is now, and when the places are to be counted again by time alone."""

    turns: tuple[Key, ...]
    again_at: datetime | None


class Turns:
    """Remembers who waits in which line, as their statuses tell; it dies with the process and is filled anew.

    A turn is over when its look is. Who found no place after all has another turn once the budget or an incident has
    changed, so one that cannot use a place keeps it from nobody.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: dict[Key, _Waiter] = {}
        self._looking: set[Key] = set()  # those whose turn it is
        self._passed: dict[Key, tuple[str, int, int]] = {}  # had a turn: when this was so
        self._changes = 0  # of incidents

    def see(self, remediation: Remediation) -> bool:
        """Take a Remediation as it is now; whether it joins or leaves a line."""
        key, line = (remediation.namespace, remediation.name), places.line_of(remediation)
        if line is None:
            return self.leave(key)
        before = self._waiting.get(key)
        self._waiting[key] = waiter = _Waiter(line, places.seniority(remediation))
        if before is not None and before.line != line:
            self._passed.pop(key, None)
        return before != waiter

    def see_all(self, remediations: Iterable[Remediation]) -> None:
        """Take all that there are; others wait no more."""
        waiting = [remediation for remediation in remediations if places.line_of(remediation) is not None]
        for key in set(self._waiting) - {(remediation.namespace, remediation.name) for remediation in waiting}:
            self.leave(key)
        for remediation in waiting:
            self.see(remediation)

    def stir(self) -> bool:
        """Something is better, or worse, than it was: who was passed over may have a turn. Whether anybody waits."""
        self._changes += 1
        return bool(self._waiting)

    def leave(self, key: Key) -> bool:
        """It waits no more; whether it did."""
        self._looking.discard(key)
        self._passed.pop(key, None)
        return self._waiting.pop(key, None) is not None

    def end(self, key: Key) -> bool:
        """It was looked at; whether that was its turn."""
        was_called = key in self._looking
        self._looking.discard(key)
        return was_called

    def call(self, budget: Budget, limits: Mapping[str, Limits], now: datetime) -> Call:
        """Give the turns to the places that are free and that nobody looks at yet."""
        turns: list[Key] = []
        moments: list[datetime] = []
        for line, keys in self._lines().items():
            counted = places.count(line, budget, limits, now)
            if counted.until is not None:
                moments.append(counted.until)
            seen = (budget.resource_version, counted.free, self._changes)
            free = counted.free - sum(key in self._looking for key in keys)
            for key in keys:
                if free > 0 and key not in self._looking and self._passed.get(key) != seen:
                    free -= 1
                    self._looking.add(key)
                    self._passed[key] = seen
                    turns.append(key)
        return Call(tuple(turns), min(moments, default=None))

    def _lines(self) -> dict[places.Line, list[Key]]:
        lines: dict[places.Line, list[Key]] = {}
        for key, waiter in sorted(self._waiting.items(), key=lambda item: item[1].order):
            lines.setdefault(waiter.line, []).append(key)
        return lines
