"""What a VerticalPodAutoscaler writes: the requests, and mostly the limits, of containers of one workload.

https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/ and the API reference of the
autoscaler (`ContainerResourcePolicy`).
"""

from collections.abc import Mapping
from typing import Any, Final

from platelet.model.workload import WorkloadRef

_OFF: Final = "Off"  # of the whole one it only advises, of a container it leaves that alone; `Initial` writes new pods
_ANY: Final = "*"  # the policy of containers that no other one names
_ALL: Final = ("cpu", "memory")


def written_resources(scaler: Mapping[str, Any], target: WorkloadRef, container: str) -> frozenset[str]:
    """Which of `cpu` and `memory` it writes on this container of the target; modes of the future count as writing."""
    spec = scaler.get("spec") or {}
    reference, mode = spec.get("targetRef") or {}, (spec.get("updatePolicy") or {}).get("updateMode")
    if (reference.get("kind"), reference.get("name")) != (target.kind, target.name) or mode == _OFF:
        return frozenset()
    policies = (spec.get("resourcePolicy") or {}).get("containerPolicies") or ()
    by_name = {policy.get("containerName"): policy for policy in reversed(policies)}  # the first one of a name counts
    policy = by_name.get(container) or by_name.get(_ANY) or {}
    if policy.get("mode") == _OFF:
        return frozenset()
    controlled = policy.get("controlledResources")
    return frozenset(_ALL if controlled is None else controlled)
