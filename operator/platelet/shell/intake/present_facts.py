"""Alerts and results of queries that are on record as present: on open Remediations, or on policies (no target)."""

from collections.abc import Collection, Iterable
from datetime import datetime

from platelet.shell.intake.held_alerts import HeldAlerts
from platelet.shell.intake.receiver import NotStoredError, attempt
from platelet.shell.intake.untargeted_alerts import Untargeted


class PresentFacts:
    """Both as one. What is held is known from memory; that something is over is stored where it is on record."""

    def __init__(self, held: HeldAlerts, untargeted: Untargeted) -> None:
        """`held` is on open Remediations, `untargeted` on policies."""
        self._held = held
        self._untargeted = untargeted

    def held(self) -> Collection[str]:
        """The episodes of alerts that Alertmanager can be asked about."""
        return {*self._held.held(), *self._untargeted.held()}

    def held_queries(self) -> Collection[str]:
        """The fingerprints of queries' facts."""
        return self._held.held_queries() | self._untargeted.held_queries()

    async def resolve(self, episodes: Collection[str], at: datetime) -> None:
        """Store that these are over; what fails for one does not stop the other. Raises NotStoredError."""
        failures = []
        if of_incidents := {*self._held.held(), *self._held.held_queries()}.intersection(episodes):
            failures.append(await attempt(self._held.resolve(of_incidents, at)))
        failures.append(await attempt(self._untargeted.resolve(episodes, at)))
        _raise_first(failures)

    async def suppress(self, suppressed: Collection[str], active: Collection[str], at: datetime) -> None:
        """Store which Alertmanager keeps from us. What fails of the one keeps nothing of the other."""
        failures = [
            await attempt(self._held.suppress(suppressed, active, at)),
            await attempt(self._untargeted.suppress(suppressed, active, at)),
        ]
        _raise_first(failures)


def _raise_first(failures: Iterable[NotStoredError | None]) -> None:
    for failure in failures:
        if failure is not None:
            raise failure
