"""The open Remediations as they were last read: which of them to wake when something happens to their target."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from platelet.core import places
from platelet.model.remediation import Remediation
from platelet.model.workload import WorkloadRef

PATIENCE = 240.0  # seconds
_PAUSES = {  # seconds, by state; while pods are replaced or fail again, they and their workload speak many times
    "Verifying": 0.2,
    "Monitoring": 0.2,
    "Escalated": 1.0,
}


@dataclass(frozen=True, slots=True)
class _Look:
    """What the last look at a Remediation found, and when, in seconds of a monotonic clock."""

    at: float
    is_patient: bool
    pause: float  # seconds to wait for further events before the next look: in this state there is only to watch


class Incidents:
    """The Remediations that still need work or notices. It is in memory only, and filled anew by each process.

    One that waits for a limit or a time is patient: it is looked at when that is over, when it has its turn, when
    something else happens, and in any case at the first sweep after four minutes.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """There are none. `seconds` is any monotonic clock."""
        self._seconds = seconds
        self._names: dict[WorkloadRef, set[str]] = {}  # of the open ones
        self._looks: dict[tuple[str, str], _Look | None] = {}  # at the open ones, by namespace and name; None: not yet
        self._told: dict[str, tuple[str, str]] = {}  # state and reason at the last look, by uid

    def see(self, remediation: Remediation) -> bool:
        """Take in a Remediation as it was read. Returns whether its state or reason has changed since the last look."""
        status, key = remediation.status, (remediation.namespace, remediation.name)
        names = self._names.setdefault(remediation.target, set())
        if remediation.is_over:
            names.discard(remediation.name)
            self._looks.pop(key, None)
        else:
            names.add(remediation.name)
            self._looks[key] = _Look(self._seconds(), places.is_patient(remediation), _PAUSES.get(status.state, 0.0))
        known, shown = self._told.get(remediation.uid), (status.state, status.reason)
        if status.state == "Closed":
            self._told.pop(remediation.uid, None)
        else:
            self._told[remediation.uid] = shown
        return known not in (None, shown)

    def see_all(self, remediations: Sequence[Remediation]) -> list[WorkloadRef]:
        """Replace all by these. Returns the targets of those that were known and are not among them."""
        existing = {(remediation.namespace, remediation.name) for remediation in remediations}
        bereft = [
            target
            for target, names in self._names.items()
            if any((target.namespace, name) not in existing for name in names)
        ]
        uids = {remediation.uid for remediation in remediations}
        self._told = {uid: shown for uid, shown in self._told.items() if uid in uids}
        known, self._names, self._looks = self._looks, {}, {}
        for remediation in remediations:
            if not remediation.is_over:
                key = (remediation.namespace, remediation.name)
                self._names.setdefault(remediation.target, set()).add(remediation.name)
                self._looks[key] = known.get(key)
        return bereft

    def is_open(self, key: tuple[str, str]) -> bool:
        """Whether the Remediation of this namespace and name is open."""
        return key in self._looks

    def targets(self) -> list[WorkloadRef]:
        """All targets that have an open Remediation."""
        return list(self._names)

    def of(self, target: WorkloadRef) -> Collection[str]:
        """The names of a target's open Remediations."""
        return self._names.get(target, ())

    def impatient(self, target: WorkloadRef) -> Collection[str]:
        """The names of those that wait neither for a limit nor for a time."""
        return [name for name in self.of(target) if not self._was_patient_since(target, name, -math.inf)]

    def overdue(self, target: WorkloadRef) -> Collection[str]:
        """The names of these, and of patient ones that were not looked at for four minutes."""
        since = self._seconds() - PATIENCE
        return [name for name in self.of(target) if not self._was_patient_since(target, name, since)]

    def pause(self, target: WorkloadRef, name: str) -> float:
        """How many seconds to wait for further events of its target before it is looked at."""
        look = self._looks.get((target.namespace, name))
        return look.pause if look is not None else 0.0

    def _was_patient_since(self, target: WorkloadRef, name: str, since: float) -> bool:
        """Whether a look after this moment found it waiting for a limit or a time."""
        look = self._looks.get((target.namespace, name))
        return look is not None and look.is_patient and look.at > since
