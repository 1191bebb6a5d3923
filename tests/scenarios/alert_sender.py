"""An Alertmanager: sends what fires and what has resolved to the leader, again and again until it was answered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platelet.model.alert import Alert
from platelet.replay.virtual_clock import VirtualClock
from tests.scenarios.operator_in_model import Process

AGAIN = timedelta(seconds=10)


@dataclass(slots=True)
class _Notification:
    alert: Alert
    due: datetime
    process: Process | None = None
    answer: "asyncio.Task[None] | None" = None


class AlertSender:
    """At least once, in order, each alert on its own."""

    def __init__(self, clock: VirtualClock) -> None:
        """Nothing fires."""
        self._clock = clock
        self._outbox: list[_Notification] = []
        self._ends: dict[str, datetime] = {}
        self.firing: dict[str, Alert] = {}

    def fire(
        self, fingerprint: str, labels: Mapping[str, str], *, times: int = 1, lasts: timedelta | None = None
    ) -> None:
        """An alert begins to fire; it is sent so many times, and resolves after a while."""
        if lasts is not None:
            self._ends[fingerprint] = self._clock.now() + lasts
        alert = Alert(
            fingerprint=fingerprint,
            status="firing",
            labels=dict(labels),
            starts_at=self._clock.now(),
        )
        self.firing[fingerprint] = alert
        self._outbox += [_Notification(alert, self._clock.now()) for _ in range(times)]

    def repeat(self, fingerprint: str) -> None:
        """It is told again, as Alertmanager does with all of a group."""
        self._outbox.append(_Notification(self.firing[fingerprint], self._clock.now()))

    def resolve(self, fingerprint: str) -> None:
        """It fires no more."""
        self._ends.pop(fingerprint, None)
        alert = replace(self.firing.pop(fingerprint), status="resolved", ends_at=self._clock.now())
        self._outbox.append(_Notification(alert, self._clock.now()))

    def send(self, processes: Sequence[Process]) -> None:
        """Send what is due to the leader, and see what was answered."""
        for fingerprint, end in list(self._ends.items()):
            if end <= self._clock.now():
                self.resolve(fingerprint)
        for delivery in list(self._outbox):
            if delivery.answer is not None and delivery.process is not None:
                if delivery.answer.done() and not delivery.answer.cancelled() and delivery.answer.exception() is None:
                    self._outbox.remove(delivery)
                    continue
                if not delivery.answer.done() and not delivery.process.dead and not delivery.process.stopped:
                    continue
                delivery.process, delivery.answer, delivery.due = None, None, self._clock.now() + AGAIN
            leader = next((process for process in processes if process.leads), None)
            if delivery.due <= self._clock.now() and leader is not None:
                delivery.process, delivery.answer = leader, leader.hand_over([delivery.alert])

    def next_due(self) -> datetime | None:
        """When something is to be sent again."""
        waiting = [delivery.due for delivery in self._outbox if delivery.answer is None]
        sends = [max(min(waiting), self._clock.now() + timedelta(seconds=1))] if waiting else []
        return min([*sends, *self._ends.values()], default=None)
