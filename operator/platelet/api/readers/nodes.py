"""Nodes between the API and the model. As lenient as `workloads`."""

from collections.abc import Mapping
from typing import Any

from platelet.api.readers import lenient
from platelet.model import pod_requests
from platelet.model.node import Node


def read_node(obj: Mapping[str, Any]) -> Node:
    """Read a Node. Raises KeyError without its name."""
    metadata, spec, status = (lenient.mapping(obj.get(part)) for part in ("metadata", "spec", "status"))
    ready = lenient.by_type(status.get("conditions")).get("Ready", {}).get("status") == "True"
    amounts = lenient.mapping(status.get("allocatable")).items()
    return Node(
        name=metadata["name"],
        labels=lenient.texts(metadata.get("labels")),
        taints=tuple(lenient.mappings(spec.get("taints"))),
        is_open=ready and spec.get("unschedulable") is not True and not metadata.get("deletionTimestamp"),
        allocatable={name: pod_requests.amount(amount) or pod_requests.NONE for name, amount in amounts},
    )
