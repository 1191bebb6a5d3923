"""Runs effects: one API call each. Knows nothing about remediation; remembers only what dies with the process."""

from collections.abc import Callable
from typing import Protocol, assert_never

import structlog

from platelet.model import effects
from platelet.model.change import Patch
from platelet.model.notification import Holder
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.remediation import Remediation
from platelet.model.request import Request
from platelet.model.situation import DeliveryResult, StoredWrite, WriteFailure
from platelet.model.workload import WorkloadRef
from platelet.shell.act import writing
from platelet.shell.act.marks import MarkWriter
from platelet.shell.act.pace import Pace
from platelet.shell.act.revisions import RecordKeeper
from platelet.shell.kube import (
    CONTROLLER_REVISIONS,
    PODS,
    TOO_MANY_REQUESTS,
    WORKLOADS,
    ApiError,
    Conflict,
    Json,
    Kube,
    NotFound,
    Refused,
    Unanswered,
)
from platelet.shell.kube.latest import Latest
from platelet.shell.store.budget import BudgetWriter
from platelet.shell.watch.cluster_memory import ClusterMemory

_LONGEST_WRITE = 10.0  # seconds
_REMEMBERED = 1000  # answers

log = structlog.get_logger("platelet.hands")


class Publisher(Protocol):
    """Writes Kubernetes Events, best effort."""

    async def publish(self, effect: effects.Publish) -> None:
        """Never raises."""


class Outbox(Protocol):
    """Sends deliveries in the background, and remembers the result of each try to tell a sink."""

    def send(self, delivery: effects.Deliver) -> None:
        """Let it go out when its turn comes."""

    async def call(self, request: Request, timeout: float) -> int:  # noqa: ASYNC109 - the call's own bound
        """Send a request now, once; the status of its answer. Raises Refused where it surely was not sent, ApiError."""

    def note(self, correlation: effects.Correlation, result: DeliveryResult) -> None:
        """Remember the result of a try that was no delivery, such as a mark."""

    def results(self, holder: Holder) -> tuple[DeliveryResult, ...]:
        """How the last try of each notification went, as far as it is remembered."""

    def in_flight(self, holder: Holder) -> frozenset[tuple[str, str]]:
        """The id and the sink of each notification that is being told."""


class EffectRunner:
    """One method per kind of effect. `run` tells whether anything came of it: a refusal is not retried in a loop."""

    def __init__(  # noqa: PLR0913 - the sides on which effects come out
        self,
        kube: Kube,
        budget_writer: BudgetWriter,
        publisher: Publisher,
        outbox: Outbox,
        lease_left: Callable[[], float],
        *,
        home: str = OPERATOR_NAMESPACE,
        memory: ClusterMemory | None = None,
    ) -> None:
        """`lease_left` is asked right before each write: for how many seconds we surely lead.

        `home` is the operator's own namespace, where the health of revision records is attested. What the API server
        answers is told to the memory.
        """
        self._memory = memory or ClusterMemory()
        self._records = RecordKeeper(kube, home, self._memory.objects[CONTROLLER_REVISIONS], lease_left)
        self._marks = MarkWriter(kube, outbox.note, self._memory)
        self._kube = kube
        self._budget_writer = budget_writer
        self._publisher = publisher
        self._outbox = outbox
        self._lease_left = lease_left
        self._never_sent: set[str] = set()
        self._answers: Latest[str, StoredWrite | WriteFailure] = Latest(_REMEMBERED)
        self._sending: Pace[str] = Pace(at_once=2, first=1.0, longest=60.0)

    @property
    def leads(self) -> bool:
        """Whether we surely lead. Otherwise nothing is written."""
        return self._lease_left() > 0

    def intended(self, attempt: str) -> None:
        """Note that this process has just stored the intent of an attempt: nothing was sent under it yet."""
        self._never_sent.add(attempt)

    def forget(self) -> None:
        """We lead no more: whoever leads next may have sent what we have not."""
        self._never_sent.clear()

    @property
    def never_sent(self) -> frozenset[str]:
        """Attempts whose write surely has not left any process."""
        return frozenset(self._never_sent)

    def failure(self, attempt: str) -> WriteFailure | None:
        """The API server's definite refusal of an attempt's write, if that was the answer."""
        answer = self._answers.get(attempt)
        return answer if isinstance(answer, WriteFailure) else None

    def stored(self, attempt: str) -> StoredWrite | None:
        """The object as the API server answered an attempt's write, if it took it."""
        answer = self._answers.get(attempt)
        return answer if isinstance(answer, StoredWrite) else None

    def results(self, remediation: Remediation) -> tuple[DeliveryResult, ...]:
        """How the last tries to tell sinks of it went, as far as this process knows."""
        return self._outbox.results(remediation.holder)

    def in_flight(self, remediation: Remediation) -> frozenset[tuple[str, str]]:
        """The id and the sink of each of its notifications that is being told."""
        return self._outbox.in_flight(remediation.holder)

    async def run(self, effect: effects.Effect) -> bool:
        """Run one effect. Returns whether the world may have changed; how it went, the next look sees.

        A delivery is only handed over, which changes nothing: its result wakes its holder later.
        """
        try:
            return await self._may(effect) and await self._run(effect)
        except Conflict:
            return True
        except ApiError as error:
            log.warning("effect came to nothing", effect=type(effect).__name__, error=str(error))
            return False

    async def _may(self, effect: effects.Effect) -> bool:
        """Whether it may be run: nothing unless we surely lead, and nothing that would outlive platelet's removal."""
        if not isinstance(effect, effects.Publish | effects.Deliver) and not self.leads:
            return False
        match effect:
            case effects.RememberRevision() | effects.RememberValues() | effects.MarkRevision() | effects.MarkRelease():
                return await self._budget_writer.reader.is_leaving() is False
            case effects.Annotate(value=str()):
                # Where it cannot be known, people must still be told.
                return not await self._budget_writer.reader.is_leaving()
        return True

    async def _run(self, effect: effects.Effect) -> bool:
        match effect:
            case effects.Reserve():
                return await self._budget_writer.reserve(effect)
            case effects.Settle():
                return await self._budget_writer.settle(effect)
            case effects.Write():
                return await self._write(effect)
            case effects.DeletePod():
                return await self._delete_pod(effect)
            case (
                effects.RememberRevision()
                | effects.RememberValues()
                | effects.MarkRevision()
                | effects.MarkRelease()
                | effects.ForgetRevision()
            ):
                return await self._records.keep(effect)
            case effects.Annotate():
                return await self._marks.write(effect)
            case effects.Publish():
                await self._publisher.publish(effect)
            case effects.Deliver():
                self._outbox.send(effect)
                return False
            case _:
                assert_never(effect)
        return True

    async def _write(self, effect: effects.Write) -> bool:
        left = self._lease_left()
        if left <= 0 or not self._sending.allows(effect.id):
            return False
        first = effect.id in self._never_sent
        self._never_sent.discard(effect.id)
        if isinstance(effect.patch, Request):
            return await self._call(effect, effect.patch, min(left, _LONGEST_WRITE))
        try:
            answer = await writing.send(self._kube, effect, effect.patch, min(left, _LONGEST_WRITE))
            self._note_answer(effect.target, effect.patch, answer)
            self._remember(writing.read_answer(effect, effect.patch, answer))
        except Conflict:
            self._doubt(effect.target)
            if first:
                self._never_sent.add(effect.id)  # a definite no: nothing has ever been written under it
            raise
        except (Refused, NotFound) as error:
            self._fail(effect, error.code, error.message)
        except Unanswered as error:
            if error.code == TOO_MANY_REQUESTS:
                self._fail(effect, error.code, error.message)
            raise
        except KeyError:
            log.warning("the answer to a write is not its object", attempt=effect.id)
        return True

    async def _call(self, effect: effects.Write, request: Request, timeout: float) -> bool:  # noqa: ASYNC109
        """Send a request to a place outside, once. Without an answer nobody knows what came of it."""
        try:
            self._remember(writing.read_status(effect, await self._outbox.call(request, timeout)))
        except Refused as error:
            self._fail(effect, error.code, error.message)
        except ApiError as error:
            log.warning("no answer is known", attempt=effect.id, error=error.message)
        return True

    def _note_answer(self, target: WorkloadRef, patch: Patch, answer: Json) -> None:
        """Remember the object that a write was answered with; if that is another one (a Scale), doubt what is known."""
        is_of_target = (patch.resource, patch.name) == (WORKLOADS[target.kind], target.name)
        if is_of_target and not patch.subresource:
            self._memory.workloads[target.kind].take(answer)
        else:
            self._doubt(target)

    def _doubt(self, target: WorkloadRef) -> None:
        self._memory.workloads[target.kind].doubt(target.namespace, target.name)

    async def _delete_pod(self, effect: effects.DeletePod) -> bool:
        left = self._lease_left()
        if left <= 0:
            return False
        await self._kube.delete(
            PODS,
            effect.namespace,
            effect.name,
            uid=effect.uid,
            resource_version=effect.resource_version,
            agent=effect.attempt,
            timeout=min(left, _LONGEST_WRITE),
        )
        return True

    def _fail(self, effect: effects.Write, code: int, message: str) -> None:
        self._remember(WriteFailure(attempt=effect.id, code=code, message=message))

    def _remember(self, answer: StoredWrite | WriteFailure) -> None:
        self._answers.put(answer.attempt, answer)
