"""Tells policies and Runbooks whether they are ready, and what of them cannot work, in their own conditions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from platelet.api.kinds import conditions
from platelet.api.kinds.caveats import Caveat
from platelet.model.remediation import Condition
from platelet.shell.kube import ApiError, Kube
from platelet.shell.kube.clock import Clock
from platelet.shell.store.judgements import Judgement

_MESSAGE = 1024  # characters of a condition's message, as the CRDs admit


class PolicyStatuses:
    """The one writer of the conditions Ready and Warning; each is written only when its meaning has changed."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        """Take where to write, and the time of a change."""
        self._kube = kube
        self._clock = clock

    async def tell(self, judgements: Iterable[Judgement]) -> None:
        """Write what was found, unless the object has changed since: then it is judged anew.

        What cannot be written now is told after the next refresh.
        """
        for judgement in judgements:
            await self._tell(judgement)

    async def _tell(self, judgement: Judgement) -> None:
        stored, metadata = judgement.stored, judgement.stored["metadata"]
        status = stored.get("status") or {}
        before = conditions.read_conditions(status.get("conditions"))
        generation = metadata.get("generation", 0)
        after = _with_readiness(before, judgement.readiness, self._clock.now(), generation)
        if judgement.caveats is not None:
            after = _with_warning(after, judgement.caveats, self._clock.now(), generation)
        if after == before and status.get("observedGeneration") == generation:
            return
        body: dict[str, Any] = {
            **stored,
            "status": {**status, "observedGeneration": generation, "conditions": conditions.write_conditions(after)},
        }
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        try:
            await self._kube.replace(judgement.resource, namespace, name, body, subresource="status")
        except ApiError:
            return


def _with_readiness(
    before: tuple[Condition, ...], readiness: conditions.Readiness, now: datetime, generation: int
) -> tuple[Condition, ...]:
    message = readiness.message[:_MESSAGE]
    return conditions.set_condition(
        before, "Ready", "True" if readiness.ready else "False", readiness.reason, message, now, generation
    )


def _with_warning(
    before: tuple[Condition, ...], caveats: Sequence[Caveat], now: datetime, generation: int
) -> tuple[Condition, ...]:
    """Set the condition Warning; an object without a caveat carries none."""
    if not caveats:
        return tuple(condition for condition in before if condition.type != conditions.WARNING)
    message = "; ".join(caveat.message for caveat in caveats)[:_MESSAGE]
    return conditions.set_condition(before, conditions.WARNING, "True", caveats[0].reason, message, now, generation)
