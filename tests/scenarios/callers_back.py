"""A place where people answer: sends what they have answered to the leader, again and again until it was taken."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platelet.model.rules import Incoming
from platelet.replay.virtual_clock import VirtualClock
from platelet.shell.intake.request_gate import RequestRefusedError
from tests.scenarios.operator_in_model import Process

AGAIN = timedelta(seconds=30)


@dataclass(slots=True)
class _Sent:
    """One request, and how it stands."""

    path: tuple[str, str, str]
    incoming: Incoming
    due: datetime
    process: Process | None = None
    answer: "asyncio.Task[str] | None" = None


@dataclass(slots=True)
class CallbackSender:
    """At least once. It tries again after a 5xx and where nothing is answered, as PagerDuty does."""

    clock: VirtualClock
    answers: list[str | int] = field(default_factory=list)  # results, and statuses of what was refused for good
    _outbox: list[_Sent] = field(default_factory=list)

    def send(self, path: tuple[str, str, str], headers: dict[str, str], body: bytes) -> None:
        """Send it from now on."""
        lower = {name.lower(): value for name, value in headers.items()}
        self._outbox.append(_Sent(path, Incoming(headers=lower, body=body), self.clock.now()))

    def step(self, processes: list[Process]) -> None:
        """Send what is due to the leader, and see what was answered."""
        for sent in list(self._outbox):
            if sent.answer is not None and sent.process is not None:
                if self._is_answered(sent):
                    self._outbox.remove(sent)
                    continue
                if not sent.answer.done() and not sent.process.dead and not sent.process.stopped:
                    continue
                sent.process, sent.answer, sent.due = None, None, self.clock.now() + AGAIN
            leader = next((process for process in processes if process.leads), None)
            if sent.due <= self.clock.now() and leader is not None:
                sent.process, sent.answer = leader, leader.call_back(sent.path, sent.incoming)

    def next_due(self) -> datetime | None:
        """When something is to be sent again."""
        waiting = [sent.due for sent in self._outbox if sent.answer is None]
        return max(min(waiting), self.clock.now() + timedelta(seconds=1)) if waiting else None

    def _is_answered(self, sent: _Sent) -> bool:
        answer = sent.answer
        if answer is None or not answer.done() or answer.cancelled():
            return False
        error = answer.exception()
        if error is None:
            self.answers.append(answer.result())
            return True
        if isinstance(error, RequestRefusedError) and error.status < 500:
            self.answers.append(error.status)
            return True
        return False
