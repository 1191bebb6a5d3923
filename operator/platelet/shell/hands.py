"""Runs effects: one API call each. Knows nothing about remediation; remembers only what dies with the process."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, assert_never

import structlog

from platelet.api import lenient
from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.model import effects
from platelet.model.situation import DeliveryResult, StoredWrite, WriteFailure
from platelet.shell import writing
from platelet.shell.kube import (
    PODS,
    WORKLOADS,
    ApiError,
    Conflict,
    Json,
    Kube,
    NotFound,
    Refused,
)
from platelet.shell.ledger import Ledger
from platelet.shell.pace import Pace
from platelet.shell.record_keeper import RecordKeeper

_LONGEST_WRITE = 10.0  # seconds
_REMEMBERED = 1000  # answers
_AN_HOUR = 3600.0

log = structlog.get_logger("platelet.hands")


class Publisher(Protocol):
    """Writes Kubernetes Events, best effort."""

    async def publish(self, effect: effects.Publish) -> None:
        """Never raises."""


class Courier(Protocol):
    """Delivers notices to webhooks."""

    async def deliver(self, effect: effects.Deliver) -> DeliveryResult:
        """Try once."""


class Hands:
    """One method per kind of effect; `run` says whether anything came of it, so that nobody spins on a refusal."""

    def __init__(  # noqa: PLR0913 - the sides on which effects come out
        self,
        kube: Kube,
        ledger: Ledger,
        publisher: Publisher,
        courier: Courier,
        lease_left: Callable[[], float],
        *,
        home: str = OPERATOR_NAMESPACE,
    ) -> None:
        """`lease_left` is asked right before each write on a user's object: seconds for which we surely lead.

        `home` is the operator's own namespace, where the health of revision records is attested.
        """
        self._records = RecordKeeper(kube, home)
        self._kube = kube
        self._ledger = ledger
        self._publisher = publisher
        self._courier = courier
        self._lease_left = lease_left
        self._never_sent: set[str] = set()
        self._answers: dict[str, StoredWrite | WriteFailure] = {}
        self._marks: dict[tuple[str, str | None], None] = {}  # those whose write was answered, in order
        self._sending: Pace[str] = Pace(at_once=2, first=1.0, longest=60.0)
        self._marking: Pace[tuple[str, str, str | None]] = Pace(at_once=2, first=_AN_HOUR, longest=_AN_HOUR)
        self._deliveries: dict[tuple[str, str], DeliveryResult] = {}

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

    def answered_marks(self, remediation: str) -> frozenset[str | None]:
        """The values of the Remediation's mark on the workload whose write was answered (None: its removal)."""
        return frozenset(value for agent, value in self._marks if agent.partition("/")[0] == remediation)

    def take_delivery(self, remediation: tuple[str, str]) -> DeliveryResult | None:
        """How the last delivery for this remediation went; asked once."""
        return self._deliveries.pop(remediation, None)

    async def run(self, effect: effects.Effect) -> bool:
        """Do it. Whatever the API server answers is for the next look to see; True when the world may have changed."""
        try:
            return await self._may(effect) and await self._run(effect)
        except Conflict:
            return True
        except ApiError as error:
            log.warning("effect came to nothing", effect=type(effect).__name__, error=str(error))
            return False

    async def _may(self, effect: effects.Effect) -> bool:
        """Whether it may be done: nothing that would stay behind, once people are about to remove us."""
        match effect:
            case effects.RememberRevision() | effects.MarkRevision() | effects.MarkRelease():
                return await self._ledger.is_leaving() is False
            case effects.Annotate(value=str()):
                return not await self._ledger.is_leaving()  # where it cannot be known, people must still be told
        return True

    async def _run(self, effect: effects.Effect) -> bool:
        match effect:
            case effects.Reserve():
                return await self._ledger.reserve(effect)
            case effects.Settle():
                return await self._ledger.settle(effect)
            case effects.Write():
                return await self._write(effect)
            case effects.DeletePod():
                return await self._delete_pod(effect)
            case effects.RememberRevision() | effects.MarkRevision() | effects.MarkRelease() | effects.ForgetRevision():
                return await self._records.keep(effect)
            case effects.Annotate():
                return await self._annotate(effect)
            case effects.Publish():
                await self._publisher.publish(effect)
            case effects.Deliver():
                self._deliveries[effect.remediation] = replace(await self._courier.deliver(effect), id=effect.id)
            case _:
                assert_never(effect)
        return True

    async def _write(self, effect: effects.Write) -> bool:
        try:
            patch = await writing.prepare(self._kube, effect)
        except (NotFound, KeyError, ValueError) as error:
            self._fail(effect, 0, f"the revision record {effect.post.record} cannot be restored: {error}")
            return True
        left = self._lease_left()
        if left <= 0 or not self._sending.allows(effect.attempt):
            return False
        first = effect.attempt in self._never_sent
        self._never_sent.discard(effect.attempt)
        try:
            answer = await patch.send(self._kube, effect.attempt, min(left, _LONGEST_WRITE))
            self._remember(StoredWrite(attempt=effect.attempt, state=writing.read_answer(effect, answer)))
        except Conflict:
            if first:
                self._never_sent.add(effect.attempt)  # a definite no: nothing has ever been written under it
            raise
        except (Refused, NotFound) as error:
            self._fail(effect, error.code, error.message)
        except KeyError:
            log.warning("the answer to a write is not its object", attempt=effect.attempt)
        return True

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
        self._remember(WriteFailure(attempt=effect.attempt, code=code, message=message))

    def _remember(self, answer: StoredWrite | WriteFailure) -> None:
        self._answers[answer.attempt] = answer
        if len(self._answers) > _REMEMBERED:
            self._answers.pop(next(iter(self._answers)))

    async def _annotate(self, effect: effects.Annotate) -> bool:
        """Set or remove a mark. Whether it stays is not fought for, neither with an admission nor with a controller."""
        if not self._marking.allows((effect.uid, effect.key, effect.value)):
            return False
        body = {
            "metadata": {
                "uid": effect.uid,
                "resourceVersion": effect.resource_version,
                "annotations": {effect.key: effect.value},
            }
        }
        ref = effect.target
        answer = await self._kube.patch(WORKLOADS[ref.kind], ref.namespace, ref.name, body, agent=effect.agent)
        if effect.value is not None:
            self._marks.pop((effect.agent, None), None)
        self._marks[effect.agent, effect.value] = None
        if len(self._marks) > _REMEMBERED:
            self._marks.pop(next(iter(self._marks)))
        return _annotation(answer, effect.key) == effect.value


def _annotation(stored: Json, key: str) -> str | None:
    return lenient.texts(lenient.mapping(stored.get("metadata")).get("annotations")).get(key)
