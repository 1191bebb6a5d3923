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
    """Remembers who waits in which line, by their statuses. It is in memory only, and filled anew by each process.

    A turn ends with its look. Whoever got no place after all has another turn only once the budget or an incident has
    changed, so one that cannot use a free place does not block the others.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: dict[Key, _Waiter] = {}
        self._looking: set[Key] = set()  # those whose turn it is
        self._passed: dict[Key, tuple[str, int, int]] = {}  # the state of things when it last had a turn
        self._changes = 0  # of incidents

    def see(self, remediation: Remediation) -> bool:
        """Take in a Remediation as it is now. Returns whether it has joined or left a line."""
        key, line = (remediation.namespace, remediation.name), places.line_of(remediation)
        if line is None:
            return self.leave(key)
        before = self._waiting.get(key)
        self._waiting[key] = waiter = _Waiter(line, places.seniority(remediation))
        if before is not None and before.line != line:
            self._passed.pop(key, None)
        return before != waiter

    def see_all(self, remediations: Iterable[Remediation]) -> None:
        """Take in all that there are; others no longer wait."""
        waiting = [remediation for remediation in remediations if places.line_of(remediation) is not None]
        for key in set(self._waiting) - {(remediation.namespace, remediation.name) for remediation in waiting}:
            self.leave(key)
        for remediation in waiting:
            self.see(remediation)

    def stir(self) -> bool:
        """An incident has changed, so whoever was passed over may have another turn. Returns whether anybody waits."""
        self._changes += 1
        return bool(self._waiting)

    def leave(self, key: Key) -> bool:
        """Take it out of its line. Returns whether it was in one."""
        self._looking.discard(key)
        self._passed.pop(key, None)
        return self._waiting.pop(key, None) is not None

    def end(self, key: Key) -> bool:
        """End its turn. Returns whether it had one."""
        was_called = key in self._looking
        self._looking.discard(key)
        return was_called

    def call(self, budget: Budget, limits: Mapping[str, Limits], now: datetime) -> Call:
        """Give turns for the places that are free and not yet being tried for."""
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
