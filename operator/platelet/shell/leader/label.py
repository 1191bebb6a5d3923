"""The leader's pod carries a label, by which the Service of the alert receiver finds it (DESIGN 3.4).

The label is a hint and never asked for who leads: a standby that still has it answers 503. So a failure to write it is
logged and made up for a moment later, and stops nobody from leading or from giving up the Lease.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from platelet.shell.kube import PODS, ApiError, Conflict, Json, Kube, NotFound

LABEL = "platelet.dev/leader"
_PERIOD = 10.0  # seconds between looks while leading
_AGAIN = 1.0  # seconds, after somebody else wrote on the pod
_LONGEST = 3.0  # seconds to take it off when we stop
log = structlog.get_logger("platelet.leader_label")


class LeaderLabel:
    """Writes on pods of the operator's own namespace and of no other."""

    def __init__(self, kube: Kube, namespace: str, leads: Callable[[], bool], environment: Mapping[str, str]) -> None:
        """Our pod is what the environment says, POD_NAME and POD_UID; without a name there is none, and no label."""
        self._kube, self._namespace, self._leads = kube, namespace, leads
        self._pod, self._uid = environment.get("POD_NAME", ""), environment.get("POD_UID", "")

    async def keep(self) -> None:
        """Put it on us and take it off all others, again and again: whoever led before us may be dead."""
        while self._pod:
            pause = _PERIOD
            try:
                if self._leads():  # a process that stood still may not know yet
                    await self.claim()
            except Conflict:  # its status was written meanwhile
                pause = _AGAIN
            except ApiError as error:
                log.warning("the label of the leader is not written", pod=self._pod, error=str(error))
            await asyncio.sleep(pause)

    async def claim(self) -> None:
        """Look once: ours on, all others off. Raises ApiError; Conflict when a pod has changed meanwhile."""
        await self._set_ours("true")
        for pod in await self._kube.list(PODS, self._namespace, labels=LABEL):
            if pod["metadata"]["name"] != self._pod:
                await self._write(pod, None)

    async def remove(self) -> None:
        """Take it off us, within seconds or not at all: the next leader does so, too. Raises nothing."""
        try:
            async with asyncio.timeout(_LONGEST):
                await self._take_off()
        except (ApiError, TimeoutError) as error:
            log.info("the label of the leader is not removed", pod=self._pod, error=str(error) or "too slow")

    async def _take_off(self) -> None:
        while self._pod:
            try:
                await self._set_ours(None)
            except Conflict:
                await asyncio.sleep(_AGAIN / 10)
            else:
                return

    async def _set_ours(self, value: str | None) -> None:
        pod = await self._kube.get(PODS, self._namespace, self._pod)
        if not self._is_us(pod):
            log.warning("a pod of our name is not ours", pod=self._pod)
        elif (pod["metadata"].get("labels") or {}).get(LABEL) != value:
            await self._write(pod, value)

    def _is_us(self, pod: Json) -> bool:
        metadata = pod["metadata"]
        return metadata["name"] == self._pod and self._uid in ("", metadata["uid"])

    async def _write(self, pod: Json, value: str | None) -> None:
        """Only on the pod as it was read."""
        metadata = pod["metadata"]
        body = {"metadata": {"resourceVersion": metadata["resourceVersion"], "labels": {LABEL: value}}}
        try:
            await self._kube.patch(PODS, self._namespace, metadata["name"], body)
        except NotFound:
            log.info("a pod went before its label was written", pod=metadata["name"])
