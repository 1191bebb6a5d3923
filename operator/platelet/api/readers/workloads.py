"""Kubernetes' own objects, read into the model.

Users' objects are taken as they are: a malformed detail reads as absent. Only an object without its metadata (name,
uid, creation time) raises KeyError: the API server always sets them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from platelet.api.readers import lenient
from platelet.api.readers.pods import read_pod
from platelet.api.readers.records import (
    read_record,
    record_name,
    record_selector,
    write_mark,
    write_record,
    write_release,
)
from platelet.model.templates import CONTROLLER_REVISION_HASH, POD_TEMPLATE_HASH, RESTARTED_AT, hash_template
from platelet.model.workload import Kind, Pod, Revision, Workload, WorkloadRef

__all__ = [  # one door to everything that is Kubernetes' own
    "hash_template",
    "read_availability",
    "read_controller_revision",
    "read_pod",
    "read_record",
    "read_replica_set",
    "read_workload",
    "record_name",
    "record_selector",
    "write_mark",
    "write_record",
    "write_release",
]
_COUNTS = {
    "status_replicas": "replicas",
    "updated_replicas": "updatedReplicas",
    "ready_replicas": "readyReplicas",
    "available_replicas": "availableReplicas",
}
_DAEMON_COUNTS = {
    "status_replicas": "currentNumberScheduled",
    "updated_replicas": "updatedNumberScheduled",
    "ready_replicas": "numberReady",
    "available_replicas": "numberAvailable",
}
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
"""The numbers that a ReplicaSet had before it was rolled out again, joined by commas (deployment_util.go)."""
_LONGEST_DEADLINE = 2**31 - 1  # the API's int32
_OURS = "platelet"  # our field manager: what we restore nobody has released
_REVISION_NUMBER = re.compile(r"[0-9]{1,18}")  # fits the API's int64


def read_workload(kind: Kind, obj: Mapping[str, Any]) -> Workload:
    """Read a workload of this kind."""
    metadata, spec = lenient.mapping(obj["metadata"]), lenient.mapping(obj.get("spec"))
    template = lenient.mapping(spec.get("template"))
    return Workload(
        ref=WorkloadRef(kind=kind, namespace=metadata["namespace"], name=metadata["name"]),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=lenient.number(metadata.get("generation")),
        created_at=lenient.read_creation(metadata),
        labels=lenient.texts(metadata.get("labels")),
        annotations=lenient.texts(metadata.get("annotations")),
        selector=lenient.mapping(spec.get("selector")),
        owner=lenient.read_reconciling_owner(obj),
        paused=spec.get("paused") is True,
        deleting=bool(metadata.get("deletionTimestamp")),
        template=template,
        template_hash=hash_template(template),
        restart_stamp=_restart_stamp(template),
        template_manager=_template_manager(metadata),
        **_progress(kind, spec, lenient.mapping(obj.get("status"))),
        **_strategy(kind, spec),
    )


def _restart_stamp(template: Mapping[str, Any]) -> str:
    """Whatever stands there: people may write anything, of any length."""
    annotations = lenient.texts(lenient.mapping(template.get("metadata")).get("annotations"))
    return lenient.shorten(annotations.get(RESTARTED_AT, ""))


def _template_manager(metadata: Mapping[str, Any]) -> str:
    """Who wrote to the template last, by the API server's own account (metadata.managedFields); empty if unknown."""
    written = [
        (lenient.text(entry.get("time")), lenient.text(entry.get("manager")))
        for entry in lenient.mappings(metadata.get("managedFields"))
        if not entry.get("subresource")
        and "f:template" in lenient.mapping(lenient.mapping(entry.get("fieldsV1")).get("f:spec"))
    ]
    return max((entry for entry in written if entry[1] != _OURS), default=("", ""))[1]


def _progress(kind: Kind, spec: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
    """How many pods are wanted, and how far they are. A DaemonSet has other words for it, and wants one per node."""
    daemon = kind == "DaemonSet"
    counts = _DAEMON_COUNTS if daemon else _COUNTS
    wanted = status.get("desiredNumberScheduled") if daemon else spec.get("replicas")
    conditions = lenient.by_type(status.get("conditions"))
    return {
        "observed_generation": lenient.number(status.get("observedGeneration")),
        "replicas": lenient.number(wanted, absent=0 if daemon else 1),
        **{field: lenient.number(status.get(name)) for field, name in counts.items()},
        "current_revision": lenient.text(status.get("currentRevision")),
        "update_revision": lenient.text(status.get("updateRevision")),
        "conditions": {
            name: (lenient.text(condition.get("status")), lenient.text(condition.get("reason")))
            for name, condition in conditions.items()
        },
        "condition_times": {
            name: since
            for name, condition in conditions.items()
            if (since := lenient.moment(condition.get("lastTransitionTime"))) is not None
        },
        "cannot_create": _why_no_pods(conditions.get("ReplicaFailure", {})),
    }


def _why_no_pods(condition: Mapping[str, Any]) -> str:
    """A pod that was refused shows in no pod: a full quota, a limit range, an admission webhook. Deployments tell."""
    if condition.get("status") != "True" or condition.get("reason") != "FailedCreate":
        return ""
    return lenient.text(condition.get("message")) or "FailedCreate"


def read_availability(kind: Kind, obj: Mapping[str, Any]) -> tuple[int, int]:
    """How many pods are wanted, and how many are available."""
    progress = _progress(kind, lenient.mapping(obj.get("spec")), lenient.mapping(obj.get("status")))
    return progress["replicas"], progress["available_replicas"]


def _strategy(kind: Kind, spec: Mapping[str, Any]) -> dict[str, Any]:
    """How new pods replace old ones. What a kind does not have is absent, and reads as the default."""
    update = lenient.mapping(spec.get("updateStrategy"))
    deadline = lenient.number(spec.get("progressDeadlineSeconds"), absent=600)
    return {
        "on_delete": update.get("type") == "OnDelete",
        "ordered": kind == "StatefulSet" and spec.get("podManagementPolicy") != "Parallel",
        "first_ordinal": lenient.number(lenient.mapping(spec.get("ordinals")).get("start")),
        "partition": lenient.number(lenient.mapping(update.get("rollingUpdate")).get("partition")),
        "progress_deadline": timedelta(seconds=min(deadline, _LONGEST_DEADLINE)),
    }


def read_replica_set(obj: Mapping[str, Any]) -> Revision:
    """Read a ReplicaSet. A revision annotation that is no number reads as 0, which no undo goes to."""
    metadata, spec = lenient.mapping(obj["metadata"]), lenient.mapping(obj.get("spec"))
    template = lenient.mapping(spec.get("template"))
    annotations = lenient.texts(metadata.get("annotations"))
    revision, earlier = annotations.get(REVISION, ""), annotations.get(REVISION_HISTORY, "").split(",")
    return Revision(
        name=metadata["name"],
        uid=metadata["uid"],
        number=int(revision) if _REVISION_NUMBER.fullmatch(revision) else 0,
        earlier_numbers=tuple(int(number) for number in earlier if _REVISION_NUMBER.fullmatch(number)),
        replicas=lenient.number(spec.get("replicas"), absent=1),
        created_at=lenient.read_creation(metadata),
        template=template,
        template_hash=hash_template(template),
        revision_hash=lenient.texts(metadata.get("labels")).get(POD_TEMPLATE_HASH, ""),
    )


def read_controller_revision(kind: Kind, obj: Mapping[str, Any], pods: Sequence[Pod]) -> Revision:
    """Read a ControllerRevision of a StatefulSet or DaemonSet, and which of the workload's `pods` are of it.

    Its data is a strategic merge patch that replaces the template (history/controller_history.go of Kubernetes). A
    StatefulSet's pods are labelled with its name, a DaemonSet's with its own label.
    """
    metadata = lenient.mapping(obj["metadata"])
    template = dict(lenient.mapping(lenient.mapping(lenient.mapping(obj.get("data")).get("spec")).get("template")))
    template.pop("$patch", None)
    labels = lenient.texts(metadata.get("labels"))
    revision_hash = metadata["name"] if kind == "StatefulSet" else labels.get(CONTROLLER_REVISION_HASH, "")
    return Revision(
        name=metadata["name"],
        uid=metadata["uid"],
        number=lenient.number(obj.get("revision")),
        replicas=_count(pods, revision_hash),
        created_at=lenient.read_creation(metadata),
        template=template,
        template_hash=hash_template(template),
        revision_hash=revision_hash,
    )


def recount(revision: Revision, pods: Sequence[Pod]) -> Revision:
    """The same revision of a StatefulSet or DaemonSet, whose pods are others."""
    return replace(revision, replicas=_count(pods, revision.revision_hash))


def _count(pods: Sequence[Pod], revision_hash: str) -> int:
    return sum(pod.revision_hash == revision_hash and pod.is_active for pod in pods)
