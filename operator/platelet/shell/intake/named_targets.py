"""What an alert's labels say of a target by themselves, and what must be followed to find it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from platelet.model.workload import KINDS, WorkloadRef
from platelet.shell.kube import REPLICA_SETS, Json
from platelet.triggers import targeting

HEALED = "Deployment, StatefulSet or DaemonSet"
_NOT_HEALED = "and only Deployments, StatefulSets and DaemonSets are healed"
_APPS = "apps/v1"

Followed = (
    targeting.KindlessNamed
    | targeting.PodNamed
    | targeting.ReplicaSetNamed
    | targeting.HpaNamed
    | targeting.ServicesNamed
)
"""What leads to a workload only by other objects."""
Read = targeting.Nothing | targeting.WorkloadNamed | targeting.JobNamed | targeting.PdbNamed | targeting.ClaimNamed
"""What says by itself whether it is a workload."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where an alert's labels lead: to one workload, or why to none."""

    target: WorkloadRef | None = None
    why: str = ""
    named: bool = True  # the labels name something; False: nothing at all, so the policy may say what is meant
    gone: bool = False  # they name a pod that was there
    other: bool = False  # what they name is there and is surely of no kind that is healed
    labels: Mapping[str, str] = field(default_factory=dict)  # of the target, where it was looked at


def read(located: Read) -> Found:
    """Where the labels lead by themselves. That the workload exists is not said."""
    match located:
        case targeting.Nothing(reason=reason, named=named):
            return Found(why=reason, named=named)
        case targeting.WorkloadNamed(kind=kind, namespace=namespace, name=name):
            target = healed(namespace, {"kind": kind, "name": name})
            return Found(target) if target else Found(why=f"the alert names a {kind}, {_NOT_HEALED}", other=True)
        case targeting.JobNamed():
            return Found(why=f"the alert names a Job, {_NOT_HEALED}", other=True)
        case targeting.PdbNamed(name=name):
            return Found(why=f"the alert is about PodDisruptionBudget {name}, which names no workload")
        case targeting.ClaimNamed(name=name):
            return Found(why=f"the alert is about PersistentVolumeClaim {name}, which says nothing of a workload")
        case _:
            assert_never(located)


def healed(namespace: str, reference: Json) -> WorkloadRef | None:
    """The workload that an owner reference or a scaleTargetRef names. Other API groups have namesakes of our kinds."""
    kind = next((kind for kind in KINDS if kind == reference.get("kind")), None)
    if kind is None or not _is_of_apps(reference.get("apiVersion", _APPS)):
        return None
    return WorkloadRef(kind=kind, namespace=namespace, name=reference["name"])


def is_ours_to_follow(api_version: str, kind: str) -> bool:
    """Whether what controls a pod can lead to a workload that is healed."""
    return _is_of_apps(api_version) and (kind == REPLICA_SETS.kind or kind in KINDS)


def _is_of_apps(api_version: str) -> bool:
    return api_version.startswith("apps/")
