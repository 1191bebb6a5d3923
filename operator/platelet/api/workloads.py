"""Kubernetes' own objects, read into the model.

Users' objects are taken as they are: a malformed detail reads as absent. Only an object without its metadata (name,
uid, creation time) raises KeyError: the API server always sets them.
"""

import re
from collections.abc import Mapping
from typing import Any

from platelet.api import lenient
from platelet.api.pods import read_pod
from platelet.api.records import read_record, record_name, record_selector, write_mark, write_record
from platelet.api.templates import POD_TEMPLATE_HASH, RESTARTED_AT, hash_template
from platelet.model.workload import ReplicaSet, Workload, WorkloadRef

__all__ = [  # one door to everything that is Kubernetes' own
    "hash_template",
    "read_pod",
    "read_record",
    "read_replica_set",
    "read_workload",
    "record_name",
    "record_selector",
    "write_mark",
    "write_record",
]
REVISION = "deployment.kubernetes.io/revision"
_REVISION_NUMBER = re.compile(r"[0-9]{1,18}")  # fits the API's int64


def read_workload(obj: Mapping[str, Any]) -> Workload:
    """Read a Deployment."""
    metadata, spec = lenient.mapping(obj["metadata"]), lenient.mapping(obj.get("spec"))
    status = lenient.mapping(obj.get("status"))
    template = lenient.mapping(spec.get("template"))
    return Workload(
        ref=WorkloadRef(kind="Deployment", namespace=metadata["namespace"], name=metadata["name"]),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=lenient.number(metadata.get("generation")),
        observed_generation=lenient.number(status.get("observedGeneration")),
        created_at=lenient.read_creation(metadata),
        labels=lenient.texts(metadata.get("labels")),
        annotations=lenient.texts(metadata.get("annotations")),
        selector=lenient.mapping(spec.get("selector")),
        owner=lenient.read_owner(obj),
        paused=spec.get("paused") is True,
        deleting=bool(metadata.get("deletionTimestamp")),
        replicas=lenient.number(spec.get("replicas"), absent=1),
        template=template,
        template_hash=hash_template(template),
        restart_stamp=lenient.texts(lenient.mapping(template.get("metadata")).get("annotations")).get(RESTARTED_AT, ""),
        status_replicas=lenient.number(status.get("replicas")),
        updated_replicas=lenient.number(status.get("updatedReplicas")),
        ready_replicas=lenient.number(status.get("readyReplicas")),
        available_replicas=lenient.number(status.get("availableReplicas")),
        conditions={
            kind: (lenient.text(condition.get("status")), lenient.text(condition.get("reason")))
            for kind, condition in lenient.by_type(status.get("conditions")).items()
        },
    )


def read_replica_set(obj: Mapping[str, Any]) -> ReplicaSet:
    """Read a ReplicaSet. A revision annotation that is no number reads as 0, which no undo goes to."""
    metadata, spec = lenient.mapping(obj["metadata"]), lenient.mapping(obj.get("spec"))
    template = lenient.mapping(spec.get("template"))
    revision = lenient.texts(metadata.get("annotations")).get(REVISION, "")
    return ReplicaSet(
        name=metadata["name"],
        uid=metadata["uid"],
        revision=int(revision) if _REVISION_NUMBER.fullmatch(revision) else 0,
        replicas=lenient.number(spec.get("replicas"), absent=1),
        created_at=lenient.read_creation(metadata),
        template=template,
        template_hash=hash_template(template),
        pod_template_hash=lenient.texts(metadata.get("labels")).get(POD_TEMPLATE_HASH, ""),
    )
