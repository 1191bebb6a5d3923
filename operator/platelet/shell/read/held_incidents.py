"""What incidents of one policy wait for, by reason: of which people were told, and which is to tell them next."""

from bisect import insort
from collections import defaultdict
from dataclasses import dataclass, field

from platelet.core import places
from platelet.model.policy import ACTING
from platelet.model.remediation import BEFORE_ACTING, Remediation

_Seniority = tuple[bool, str, str]
"""As `places.seniority` says; the last of it is the uid."""


@dataclass(frozen=True, slots=True)
class _OfReason:
    """Who is held for one reason, by uid."""

    told: set[str] = field(default_factory=set)
    untold: list[_Seniority] = field(default_factory=list)  # of those that may tell of it, the oldest first

    def is_told_beside(self, uid: str) -> bool:
        return len(self.told) > (uid in self.told)

    def is_left_to_an_older_one(self, mine: _Seniority) -> bool:
        return any(other < mine for other in self.untold[:2] if other[-1] != mine[-1])


class HeldIncidents:
    """Who is held, by reason: kept up to date incident by incident, so that an answer need not look at all of them."""

    def __init__(self) -> None:
        """Nothing is held."""
        self._by_reason: dict[str, _OfReason] = defaultdict(_OfReason)

    def add(self, incident: Remediation) -> None:
        """Take one as it is."""
        held, status = incident.status.held, incident.status
        if held is None:
            return
        if held.told_at is not None:
            self._by_reason[held.reason].told.add(incident.uid)
        elif status.state in BEFORE_ACTING and incident.spec.mode in ACTING:
            insort(self._by_reason[held.reason].untold, places.seniority(incident))

    def remove(self, incident: Remediation) -> None:
        """Forget one; it must be given as it was when it was added."""
        held = incident.status.held
        if held is None or held.reason not in self._by_reason:
            return
        of_reason, seniority = self._by_reason[held.reason], places.seniority(incident)
        of_reason.told.discard(incident.uid)
        if seniority in of_reason.untold:
            of_reason.untold.remove(seniority)
        if not of_reason.told and not of_reason.untold:
            del self._by_reason[held.reason]

    def told_beside(self, mine: Remediation) -> frozenset[str]:
        """The reasons of which people were told by others than this one."""
        return frozenset(reason for reason, held in self._by_reason.items() if held.is_told_beside(mine.uid))

    def left_to_older(self, mine: Remediation) -> frozenset[str]:
        """The reasons of which an older one than this will tell them."""
        seniority = places.seniority(mine)
        return frozenset(reason for reason, held in self._by_reason.items() if held.is_left_to_an_older_one(seniority))
