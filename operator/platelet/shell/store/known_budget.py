"""One state of the ActionBudget, read once however often it is asked: it grows with what was done in a day."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from platelet.api.kinds import budget as contract
from platelet.core import reservation
from platelet.model.budget import Budget, BudgetStatus
from platelet.shell.kube import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBudget:
    """The parsed budget, and what follows from it alone."""

    budget: Budget
    newest: datetime | None  # when something was last recorded on it
    has_room_for_acts: bool

    @classmethod
    def read(cls, stored: Json) -> Self:
        """Raises ValueError and KeyError, as `api.budget` does."""
        budget = contract.read_budget(stored)
        newest = reservation.newest_time(budget.status)
        return cls(budget=budget, newest=newest, has_room_for_acts=budget.has_room_for_acts)

    def without_future(self, status: BudgetStatus, now: datetime) -> BudgetStatus:
        """`reservation.without_future` of its own status, or of that on another clock."""
        is_past = self.newest is None or self.newest <= now
        if status is self.budget.status and is_past and status.full_until is None:
            return status
        return reservation.without_future(status, now)
