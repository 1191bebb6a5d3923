"""The one write of an attempt: what is sent, and what its answer says, which is the object as stored.

Patches touch only the fields that they mean, with uid and resourceVersion as preconditions (TRAPS 4, 9).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platelet.api import autoscalers, lenient, records, workloads
from platelet.api.templates import RESTARTED_AT
from platelet.model.effects import Write
from platelet.model.intent import PostState
from platelet.shell.kube import CONTROLLER_REVISIONS, SCALERS, WORKLOADS, Json, Kube, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A PATCH that is ready to be sent."""

    resource: Resource
    namespace: str
    name: str
    subresource: str
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]]

    async def send(self, kube: Kube, agent: str, timeout: float) -> Json:  # noqa: ASYNC109 - the call's own bound
        """Send it once, and return the answer. Raises what `kube.patch` raises."""
        return await kube.patch(
            self.resource,
            self.namespace,
            self.name,
            self.body,
            subresource=self.subresource,
            agent=agent,
            timeout=timeout,
        )


async def prepare(kube: Kube, write: Write) -> Patch:
    """Make the PATCH of an attempt.

    An undo reads the template from its revision record: NotFound, KeyError or ValueError where that cannot be restored.
    """
    post, identity = write.post, {"uid": write.uid, "resourceVersion": write.resource_version}
    workload, name = WORKLOADS[write.target.kind], write.target.name
    if post.autoscaler is not None:
        bounds = {"metadata": identity, "spec": autoscalers.write_bounds(post.autoscaler)}
        return _patch(write, SCALERS[post.autoscaler.kind], post.autoscaler.name, bounds)
    if post.replicas is not None:
        replicas = {"metadata": identity, "spec": {"replicas": post.replicas}}
        return _patch(write, workload, name, replicas, subresource="scale")
    if post.restart_stamp is not None:
        stamp = {"metadata": {"annotations": {RESTARTED_AT: post.restart_stamp}}}
        return _patch(write, workload, name, {"metadata": identity, "spec": {"template": stamp}})
    return _patch(write, workload, name, await _undo(kube, write))


def read_answer(write: Write, answer: Json) -> PostState:
    """Read what the object holds from now on, as far as the answer shows it. Raises KeyError without its metadata."""
    post = write.post
    if post.autoscaler is not None:
        return PostState(autoscaler=autoscalers.read_autoscaler(post.autoscaler.kind, answer).bounds)
    if post.replicas is not None:  # a Scale, which says nothing at 0
        return PostState(replicas=lenient.number(lenient.mapping(answer["spec"]).get("replicas")))
    stored = workloads.read_workload(write.target.kind, answer)
    return PostState(template_hash=stored.template_hash, restart_stamp=stored.restart_stamp)


def _patch(write: Write, resource: Resource, name: str, body: Any, *, subresource: str = "") -> Patch:
    return Patch(resource=resource, namespace=write.target.namespace, name=name, subresource=subresource, body=body)


async def _undo(kube: Kube, write: Write) -> list[dict[str, Any]]:
    post = write.post
    stored = records.read_record(await kube.get(CONTROLLER_REVISIONS, write.target.namespace, post.record or ""))
    if stored.template_hash != post.template_hash:
        raise ValueError("it holds another template than the one that was pinned")
    return [
        {"op": "test", "path": "/metadata/uid", "value": write.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": write.resource_version},
        {"op": "replace", "path": "/spec/template", "value": dict(stored.template)},
    ]
