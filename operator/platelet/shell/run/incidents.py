"""The Remediations that are open, as they were last read: which to wake when something happens to their target."""

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
    """How one was found at its last look, and when: seconds of a clock that only goes forward."""

    at: float
    is_patient: bool
    pause: float  # seconds for which more may happen first: there is nothing to do but to see what comes of it


class Incidents:
    """Those of which something is left to be done or told. It dies with the process and is filled anew.

    What waits for a limit or a time is patient: it is looked at when that is over, when it has its turn, and when
    something else happens; and at the first sweep after four minutes, whatever was missed.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """There are none. `seconds` is any clock that only goes forward."""
        self._seconds = seconds
        self._names: dict[WorkloadRef, set[str]] = {}  # of the open ones
        self._looks: dict[tuple[str, str], _Look | None] = {}  # at the open ones, by namespace and name; None: not yet
        self._told: dict[str, tuple[str, str]] = {}  # state and reason at the last look, by uid

    def see(self, remediation: Remediation) -> bool:
        """Take one as it was read; whether its state or its reason is another one than at the last look."""
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
        """Take all that are not over. Returns the targets of those that were known and are not among them."""
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
        """Whether it is one of them, by namespace and name."""
        return key in self._looks

    def targets(self) -> list[WorkloadRef]:
        """All that have any."""
        return list(self._names)

    def of(self, target: WorkloadRef) -> Collection[str]:
        """The names of a target's."""
        return self._names.get(target, ())

    def impatient(self, target: WorkloadRef) -> Collection[str]:
        """The same, without those that are patient."""
        return [name for name in self.of(target) if not self._was_patient_since(target, name, -math.inf)]

    def overdue(self, target: WorkloadRef) -> Collection[str]:
        """The same, without those patient ones that were looked at lately."""
        since = self._seconds() - PATIENCE
        return [name for name in self.of(target) if not self._was_patient_since(target, name, since)]

    def pause(self, target: WorkloadRef, name: str) -> float:
        """How many seconds more of what happens to its target is waited for, before it is looked at."""
        look = self._looks.get((target.namespace, name))
        return look.pause if look is not None else 0.0

    def _was_patient_since(self, target: WorkloadRef, name: str, since: float) -> bool:
        """Whether it was found to be patient, by a look after this moment."""
        look = self._looks.get((target.namespace, name))
        return look is not None and look.is_patient and look.at > since
