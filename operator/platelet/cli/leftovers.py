"""What platelet has left on users' objects and beside them: the mark of an escalation, and its revision records.

Annotations that people have set, such as `platelet.dev/suspend`, are their word and stay.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from platelet.api.readers import attestations, lenient, records
from platelet.shell import kube
from platelet.sinks import annotation

_CARRIERS = (kube.DEPLOYMENTS, kube.STATEFUL_SETS, kube.DAEMON_SETS, kube.REPLICA_SETS)  # owners first: they are copied
_AGENT = "cli"
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How much was found and removed in users' namespaces."""

    marks: int
    records: int


async def remove(api: kube.Kube) -> Removed:
    """Remove all of it, in all namespaces. Raises ApiError; what was removed until then stays removed."""
    marks = 0
    for resource in _CARRIERS:
        async for namespace, name in _marked(api, resource):
            marks += await _unmark(api, resource, namespace, name)
    labelled = await api.list(kube.CONTROLLER_REVISIONS, labels=records.TARGET)
    kept = [
        record for record in labelled if lenient.read_owner(record) is None
    ]  # a workload's own history carries its labels
    for record in kept:
        meta = record["metadata"]
        try:
            await api.delete(kube.CONTROLLER_REVISIONS, meta["namespace"], meta["name"], uid=meta["uid"], agent=_AGENT)
        except (kube.NotFound, kube.Conflict):  # gone, or another one by now, which is not what was found
            continue
    return Removed(marks=marks, records=sum(not attestations.is_attestation(record) for record in kept))


async def _marked(api: kube.Kube, resource: kube.Resource) -> AsyncIterator[tuple[str, str]]:
    for marked in await api.list(resource):
        if annotation.KEY in lenient.mapping(marked["metadata"].get("annotations")):
            yield marked["metadata"]["namespace"], marked["metadata"]["name"]


async def _unmark(api: kube.Kube, resource: kube.Resource, namespace: str, name: str) -> bool:
    """Remove one mark; whether it was there. An object that changes meanwhile is read again."""
    for remaining in reversed(range(_TRIES)):
        try:
            meta = (await api.get(resource, namespace, name))["metadata"]
            if annotation.KEY not in lenient.mapping(meta.get("annotations")):
                return False
            identity = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
            body = {"metadata": {**identity, "annotations": {annotation.KEY: None}}}
            await api.patch(resource, namespace, name, body, agent=_AGENT)
        except kube.NotFound:
            return False
        except kube.Conflict:
            if not remaining:
                raise
        else:
            return True
    raise AssertionError("the last try returns or raises")
