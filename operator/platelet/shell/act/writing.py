"""The one write of a change: how it is sent, and what its answer says, which is the object as stored."""

from collections.abc import Mapping

from platelet import changes
from platelet.api.readers import autoscalers, workloads
from platelet.model.autoscaler import AutoscalerKind
from platelet.model.change import Answer, Patch
from platelet.model.effects import Write
from platelet.model.resource import SCALERS, WORKLOADS
from platelet.model.situation import StoredWrite
from platelet.model.workload import Kind
from platelet.shell.kube import Json, Kube


async def send(kube: Kube, write: Write, patch: Patch, timeout: float) -> Json:  # noqa: ASYNC109 - the call's own bound
    """Send the write once, and return the answer. Raises what `kube.patch` and `kube.create` raise."""
    if patch.creates and isinstance(patch.body, Mapping):
        return await kube.create(
            patch.resource,
            write.target.namespace,
            patch.body,
            subresource=patch.subresource,
            agent=write.id,
            timeout=timeout,
        )
    return await kube.patch(
        patch.resource,
        write.target.namespace,
        patch.name,
        patch.body,
        subresource=patch.subresource,
        agent=write.id,
        timeout=timeout,
    )


def read_answer(write: Write, patch: Patch, body: Json) -> StoredWrite:
    """Read what the object holds from now on, as far as the answer shows it.

    Raises KeyError where the answer is not the object that was written.
    """
    whole = not patch.subresource
    scaler, kind = _scaler(patch), _workload(patch)
    answer = Answer(
        body=body,
        workload=workloads.read_workload(kind, body) if whole and kind is not None else None,
        autoscaler=autoscalers.read_autoscaler(scaler, body) if whole and scaler is not None else None,
        kept=write.kept,
    )
    values = changes.of(write.change).stored(write.change, answer)
    template = answer.workload.template_hash if answer.workload is not None and write.change.object is None else None
    return StoredWrite(attempt=write.id, values=values, template_hash=template)


def read_status(write: Write, status: int) -> StoredWrite:
    """Read what a request's answer says."""
    values = changes.of(write.change).stored(write.change, Answer(body={"status": status}))
    return StoredWrite(attempt=write.id, values=values)


def _workload(patch: Patch) -> Kind | None:
    return next((kind for kind, resource in WORKLOADS.items() if resource == patch.resource), None)


def _scaler(patch: Patch) -> AutoscalerKind | None:
    return next((kind for kind, resource in SCALERS.items() if resource == patch.resource), None)
