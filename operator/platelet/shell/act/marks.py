"""Sets and removes marks: annotations of ours on the workloads of users."""

from collections.abc import Callable

from platelet.api.readers import lenient
from platelet.model import effects
from platelet.model.situation import DeliveryResult
from platelet.shell.act.pace import Pace
from platelet.shell.kube import WORKLOADS, ApiError, Conflict, Json, Kube
from platelet.shell.watch.cluster_memory import ClusterMemory

_AN_HOUR = 3600.0  # seconds


class MarkWriter:
    """Writes the same mark twice at once, then once an hour: whoever else changes it is not fought."""

    def __init__(
        self, kube: Kube, note: Callable[[effects.Correlation, DeliveryResult], None], memory: ClusterMemory
    ) -> None:
        """`note` hears how a mark went that tells a notification. The API server's answers go into the memory."""
        self._kube = kube
        self._note_result = note
        self._memory = memory
        self._pace: Pace[tuple[str, str, str | None]] = Pace(at_once=2, first=_AN_HOUR, longest=_AN_HOUR)

    async def write(self, effect: effects.Annotate) -> bool:
        """Set or remove a mark; whether the answer shows it so: an admission may have changed it. Raises ApiError."""
        if not self._pace.allows((effect.uid, effect.key, effect.value)):
            self._note(effect, "it was written twice within the hour, and others have changed it since")
            return False
        body = {
            "metadata": {
                "uid": effect.uid,
                "resourceVersion": effect.resource_version,
                "annotations": {effect.key: effect.value},
            }
        }
        ref = effect.target
        try:
            answer = await self._kube.patch(WORKLOADS[ref.kind], ref.namespace, ref.name, body, agent=effect.agent)
        except Conflict:
            self._memory.workloads[ref.kind].doubt(ref.namespace, ref.name)
            raise  # not a failed try: the workload is looked at again at once
        except ApiError as error:
            self._note(effect, str(error) or "refused")
            raise
        self._memory.workloads[ref.kind].take(answer)
        self._note(effect, "")
        return _annotation(answer, effect.key) == effect.value

    def _note(self, effect: effects.Annotate, why_not: str) -> None:
        if effect.correlation is not None:
            self._note_result(effect.correlation, effect.correlation.result(why_not))


def _annotation(stored: Json, key: str) -> str | None:
    return lenient.texts(lenient.mapping(stored.get("metadata")).get("annotations")).get(key)
