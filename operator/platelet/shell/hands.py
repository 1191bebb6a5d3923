"""Runs effects: one API call each. Knows nothing about remediation; remembers only what dies with the process."""

from collections.abc import Callable
from typing import Any, Protocol, assert_never

import structlog

from platelet.api import autoscalers, records
from platelet.api.cluster_role import OPERATOR_NAMESPACE
from platelet.model import effects
from platelet.model.intent import PostState
from platelet.model.situation import DeliveryResult, WriteFailure
from platelet.shell.kube import (
    CONTROLLER_REVISIONS,
    PODS,
    SCALERS,
    WORKLOADS,
    ApiError,
    Conflict,
    Kube,
    NotFound,
    Refused,
    Resource,
)
from platelet.shell.ledger import Ledger
from platelet.shell.record_keeper import RecordKeeper

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_LONGEST_WRITE = 10.0  # seconds
_REMEMBERED = 1000  # definite refusals

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
        self._failures: dict[str, WriteFailure] = {}
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
        return self._failures.get(attempt)

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
                await self._annotate(effect)
            case effects.Publish():
                await self._publisher.publish(effect)
            case effects.Deliver():
                self._deliveries[effect.remediation] = await self._courier.deliver(effect)
            case _:
                assert_never(effect)
        return True

    async def _write(self, effect: effects.Write) -> bool:
        try:
            body, subresource = await self._body(effect)
        except (NotFound, KeyError, ValueError) as error:
            self._fail(effect, 0, f"the revision record {effect.post.record} cannot be restored: {error}")
            return True
        left = self._lease_left()
        if left <= 0:
            return False
        resource, name = _written(effect)
        first = effect.attempt in self._never_sent
        self._never_sent.discard(effect.attempt)
        try:
            await self._kube.patch(
                resource,
                effect.target.namespace,
                name,
                body,
                subresource=subresource,
                agent=effect.attempt,
                timeout=min(left, _LONGEST_WRITE),
            )
        except Conflict:
            if first:
                self._never_sent.add(effect.attempt)  # a definite no: nothing has ever been written under it
            raise
        except (Refused, NotFound) as error:
            self._fail(effect, error.code, error.message)
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
        self._failures[effect.attempt] = WriteFailure(attempt=effect.attempt, code=code, message=message)
        if len(self._failures) > _REMEMBERED:
            self._failures.pop(next(iter(self._failures)))

    async def _body(self, effect: effects.Write) -> tuple[Any, str]:
        """Patches that touch only the fields they mean, with uid and resourceVersion as preconditions (TRAPS 4, 9)."""
        post, identity = effect.post, {"uid": effect.uid, "resourceVersion": effect.resource_version}
        if post.autoscaler is not None:
            return {"metadata": identity, "spec": autoscalers.write_bounds(post.autoscaler)}, ""
        if post.replicas is not None:
            return {"metadata": identity, "spec": {"replicas": post.replicas}}, "scale"
        if post.restart_stamp is not None:
            stamp = {"metadata": {"annotations": {RESTARTED_AT: post.restart_stamp}}}
            return {"metadata": identity, "spec": {"template": stamp}}, ""
        return await self._undo(effect, post), ""

    async def _undo(self, effect: effects.Write, post: PostState) -> list[dict[str, Any]]:
        namespace = effect.target.namespace
        stored = records.read_record(await self._kube.get(CONTROLLER_REVISIONS, namespace, post.record or ""))
        if stored.template_hash != post.template_hash:
            raise ValueError("it holds another template than the one that was pinned")
        return [
            {"op": "test", "path": "/metadata/uid", "value": effect.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": effect.resource_version},
            {"op": "replace", "path": "/spec/template", "value": dict(stored.template)},
        ]

    async def _annotate(self, effect: effects.Annotate) -> None:
        body = {
            "metadata": {
                "uid": effect.uid,
                "resourceVersion": effect.resource_version,
                "annotations": {effect.key: effect.value},
            }
        }
        ref = effect.target
        await self._kube.patch(WORKLOADS[ref.kind], ref.namespace, ref.name, body, agent=effect.agent)


def _written(effect: effects.Write) -> tuple[Resource, str]:
    """The object that a write changes: the target, or the autoscaler that it names."""
    bounds = effect.post.autoscaler
    if bounds is None:
        return WORKLOADS[effect.target.kind], effect.target.name
    return SCALERS[bounds.kind], bounds.name
