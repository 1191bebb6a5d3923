"""What this process knows of its own writes, as a decision needs it; it dies with the process."""

from typing import Protocol

from platelet.model.remediation import Remediation
from platelet.model.situation import DeliveryResult, OwnWrites, StoredWrite, WriteFailure


class WriteMemory(Protocol):
    """Asked while a situation is read; whoever runs effects answers."""

    @property
    def never_sent(self) -> frozenset[str]:
        """Attempts whose write surely has not left any process."""

    def failure(self, attempt: str) -> WriteFailure | None:
        """The API server's definite refusal of an attempt's write, if that was the answer."""

    def stored(self, attempt: str) -> StoredWrite | None:
        """The object as the API server answered an attempt's write, if it took it."""

    def results(self, remediation: Remediation) -> tuple[DeliveryResult, ...]:
        """How the last tries to tell sinks of it went, as far as this process knows."""

    def in_flight(self, remediation: Remediation) -> frozenset[tuple[str, str]]:
        """The id and the sink of each of its notifications that is being told."""


class NothingWritten:
    """The memory of a process that never writes, such as `platelet explain`."""

    never_sent: frozenset[str] = frozenset()

    def failure(self, attempt: str) -> None:
        """Know of no refusal."""

    def stored(self, attempt: str) -> None:
        """Know of no answer."""

    def results(self, remediation: Remediation) -> tuple[DeliveryResult, ...]:  # noqa: ARG002 - whose there would be
        """Know of none: only the leader does."""
        return ()

    def in_flight(self, remediation: Remediation) -> frozenset[tuple[str, str]]:  # noqa: ARG002 - the same
        """Know of none."""
        return frozenset()


def recall(memory: WriteMemory, remediation: Remediation) -> OwnWrites:
    """What is remembered of the writes for one Remediation."""
    attempts = remediation.status.attempts
    write = attempts[-1].write_id if attempts else ""
    return OwnWrites(
        never_sent=memory.never_sent,
        failure=memory.failure(write),
        stored=memory.stored(write),
        results=memory.results(remediation),
        in_flight=memory.in_flight(remediation),
    )
