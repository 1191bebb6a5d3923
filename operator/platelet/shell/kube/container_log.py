"""The log of one container, as `kubectl logs` asks the API server for it."""

from platelet.model.log_tail import LogSource
from platelet.shell.kube import PODS
from platelet.shell.kube.call import Call, bounded, object_path
from platelet.shell.kube.client import ClusterClient


class ContainerLogs:
    """Reads logs by a client's connection. Needs the right `get pods/log`."""

    def __init__(self, client: ClusterClient) -> None:
        """Nothing is read yet."""
        self._client = client

    async def read_log(
        self,
        source: LogSource,
        *,
        lines: int,
        limit_bytes: int,
        timeout: float,  # noqa: ASYNC109 - the call's own bound
    ) -> str:
        """The last lines of a run. What is no UTF-8 is replaced.

        `timeout` is in seconds. Raises NotFound, Refused, Unanswered.
        """
        query = [("container", source.container), ("tailLines", str(lines)), ("limitBytes", str(limit_bytes))]
        query += [("previous", "true")] if source.previous else []
        path = object_path(PODS, source.namespace, source.pod, "log")
        call = Call(verb="get", resource=PODS, path=path, query=query, timeout=bounded(timeout), accept="*/*")
        raw = await self._client.exchange(call)
        return raw[:limit_bytes].decode("utf-8", "replace")
