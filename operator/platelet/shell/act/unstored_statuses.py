"""Remediations whose status could not be stored: tried again a few times, then left alone for growing pauses."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platelet.api.readers import lenient
from platelet.model.remediation import Remediation
from platelet.shell.kube import REMEDIATIONS, NotFound, Reads
from platelet.shell.kube.clock import Clock

_TRIES_REFUSED, _TRIES_UNANSWERED = 3, 6  # which take some seconds
_FIRST_PAUSE = 1.0  # seconds; doubled each time
_LONG_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0  # seconds, once it was tried often enough; doubled each time


@dataclass(frozen=True, slots=True)
class Failure:
    """How often in a row the status of one Remediation could not be stored, and until when it is left alone."""

    uid: str
    failures: int
    until: datetime
    tried_enough: bool  # its place on the ActionBudget is given back now


class UnstoredStatuses:
    """Counts failures for each Remediation; dies with the process."""

    def __init__(self, kube: Reads, clock: Clock) -> None:
        """Nothing has failed yet."""
        self._kube = kube
        self._clock = clock
        self._failures: dict[tuple[str, str], Failure] = {}

    async def left_alone_for(self, namespace: str, name: str) -> float | None:
        """For how many more seconds it is left alone; None: it is not. Raises ApiError."""
        last = self._failures.get((namespace, name))
        if last is None or last.until <= self._clock.now() or not await self._is_there(namespace, name, last.uid):
            return None
        return max(0.0, (last.until - self._clock.now()).total_seconds())

    def failure_of(self, remediation: Remediation, *, refused: bool) -> Failure:
        """The failure that has just happened, counted with those before it. It is not remembered yet."""
        last = self._failures.get((remediation.namespace, remediation.name))
        failures = 1 + (last.failures if last is not None and last.uid == remediation.uid else 0)
        surplus = failures - (_TRIES_REFUSED if refused else _TRIES_UNANSWERED)
        if surplus < 0:
            pause = _FIRST_PAUSE * 2 ** (failures - 1)
        else:
            pause = min(_LONGEST_PAUSE, _LONG_PAUSE * 2 ** min(surplus, 10))
        until = self._clock.now() + timedelta(seconds=pause)
        return Failure(remediation.uid, failures, until, tried_enough=surplus >= 0)

    def leave_alone(self, remediation: Remediation, failure: Failure) -> None:
        """Remember that it is left alone until then."""
        self._failures[remediation.namespace, remediation.name] = failure

    def forget(self, remediation: Remediation) -> None:
        """Its status was stored."""
        self._failures.pop((remediation.namespace, remediation.name), None)

    async def _is_there(self, namespace: str, name: str, uid: str) -> bool:
        """Whether it is still the same object: a name comes back once its Remediation was deleted."""
        try:
            stored = await self._kube.get(REMEDIATIONS, namespace, name)
        except NotFound:
            stored = {}
        if lenient.mapping(stored.get("metadata")).get("uid") == uid:
            return True
        self._failures.pop((namespace, name), None)
        return False
