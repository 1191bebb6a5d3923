"""Builders of pinned changes for tests: of `shop/api`, as it was in its bad release with 2 replicas."""

from collections.abc import Mapping
from dataclasses import replace

from platelet.changes import autoscaler_bounds, replicas, restart_stamp, restored_template, template_fields
from platelet.changes.on_target import REPLACED, STUCK_PODS
from platelet.model.autoscaler import Bounds
from platelet.model.effects import Write
from platelet.model.intent import RECORD, REPLICAS, RESTART_STAMP, TEMPLATE, PinnedChange

Changes = tuple[PinnedChange, ...]


def restored(template_hash: str, record: str = "", *, left: str = "bad", stuck: bool = False) -> Changes:
    """An undo; `stuck` if the pods that an ordered StatefulSet waits for are deleted afterwards."""
    how = {RECORD: record} | ({STUCK_PODS: REPLACED} if stuck else {})
    undo = _of_api(restored_template.KIND, {TEMPLATE: left}, {TEMPLATE: template_hash})
    return (replace(undo, how=how, abandons=left),)


def restarted(stamp: str, *, before: str = "", stuck: bool = False) -> Changes:
    """A restart."""
    restart = _of_api(restart_stamp.KIND, {RESTART_STAMP: before}, {RESTART_STAMP: stamp})
    return (replace(restart, how={STUCK_PODS: REPLACED} if stuck else {}),)


def scaled(to: int, *, before: int = 2) -> Changes:
    """A number of replicas."""
    return (_of_api(replicas.KIND, {REPLICAS: str(before)}, {REPLICAS: str(to)}),)


def raised(template_hash: str, *, left: str = "bad", before: str = "512Mi", limit: str = "768Mi") -> Changes:
    """More memory for a container."""
    name = "app.resources.limits.memory"
    return (_of_api(template_fields.KIND, {TEMPLATE: left, name: before}, {TEMPLATE: template_hash, name: limit}),)


def _of_api(kind: str, before: dict[str, str], meant: dict[str, str]) -> PinnedChange:
    return PinnedChange(kind=kind, uid="uid-api", version="2", before=before, meant=meant)


def bounds_set(to: Bounds, before: Bounds, version: str = "77") -> Changes:
    """Bounds of an autoscaler."""
    planned, old = autoscaler_bounds.to(to), autoscaler_bounds.to(before)
    return (
        PinnedChange(
            kind=planned.kind,
            object=planned.object,
            uid=planned.uid,
            version=version,
            before=old.meant,
            meant=planned.meant,
        ),
    )


def precondition(write: Write) -> tuple[str, str]:
    """The uid and the resourceVersion that a write insists on."""
    body = write.patch.body
    if isinstance(body, Mapping):
        return body["metadata"]["uid"], body["metadata"]["resourceVersion"]
    tests = {step["path"]: step["value"] for step in body if step["op"] == "test"}
    return tests["/metadata/uid"], tests["/metadata/resourceVersion"]


def meant(changes: Changes) -> list[tuple[str, dict[str, str]]]:
    """What changes make true, whatever there was before."""
    return [(change.kind, dict(change.meant)) for change in changes]
