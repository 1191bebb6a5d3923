"""The Kubernetes API for people who explain: nothing is written, and what they may not read is named."""

from collections.abc import Mapping

from platelet.api.readers import attestations
from platelet.shell import kube

_NEEDED = (kube.PODS, kube.REPLICA_SETS, *kube.WORKLOADS.values())
"""Without these of the workload's own namespace there is nothing to explain."""


class ReadOnly:
    """The reads of the Kubernetes API.

    Few people may read all that the operator reads. Where something is kept from them, it is judged as if it forbade
    nothing, and `unseen` says so: one sentence for each thing.
    """

    def __init__(self, api: kube.Reads) -> None:
        """Take the API to read from."""
        self._api = api
        self._unseen: dict[str, None] = {}

    @property
    def unseen(self) -> tuple[str, ...]:
        """What was not read because it is forbidden, and how it was judged, in the order of asking."""
        return tuple(self._unseen)

    def miss(self, sentence: str) -> None:
        """Say of something else that it was not read, and how it was judged."""
        self._unseen[sentence] = None

    async def get(self, resource: kube.Resource, namespace: str, name: str) -> kube.Json:
        """Read one object; a stand-in for a node, a namespace or an ActionBudget that is forbidden."""
        try:
            return await self._api.get(resource, namespace, name)
        except kube.Refused as error:
            if error.code != kube.FORBIDDEN or resource not in _STAND_INS:
                raise
        body, judged = _STAND_INS[resource]
        place = f" in {namespace}" if namespace else ""
        self._unseen[f"you may not read {resource.plural}{place}: {judged}"] = None
        return {**body, "metadata": {"name": name, "namespace": namespace, "uid": "", "resourceVersion": ""}}

    async def list(
        self, resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[kube.Json]:
        """Read all objects; none where they are forbidden, unless there would be nothing to explain."""
        try:
            return await self._api.list(resource, namespace, labels=labels, fields=fields)
        except kube.Refused as error:
            attested = resource == kube.CONTROLLER_REVISIONS and attestations.NAMESPACE in labels
            if error.code != kube.FORBIDDEN or attested or (namespace and resource in _NEEDED):
                raise
        place = f"in {namespace}" if namespace else "of all namespaces"
        self._unseen[f"you may not list {resource.plural} {place}: judged as if there were none"] = None
        return []


_STAND_INS: Mapping[kube.Resource, tuple[kube.Json, str]] = {
    kube.NODES: (
        {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        "causeElsewhere was judged as if they were healthy",
    ),
    kube.NAMESPACES: ({}, "judged as if it were not suspended"),
    kube.BUDGETS: (
        {"spec": {}, "status": {"epoch": 1}},
        "limits, cooldowns and a pause were not judged",
    ),
}
