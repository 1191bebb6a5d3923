"""Kinds of object, and where they live in the Kubernetes API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from platelet.model.autoscaler import AutoscalerKind
from platelet.model.intent import ObjectRef
from platelet.model.workload import Kind

NAME_PATTERN: Final = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"  # of objects of most kinds; a length is besides


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object: where it lives in the API."""

    group: str  # empty for core
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    metadata_only: bool = False  # what it holds is nobody's business: only its metadata is asked for

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def named(self, name: str) -> ObjectRef:
        """One object of this kind, in the namespace at hand."""
        return ObjectRef(api_version=self.api_version, kind=self.kind, name=name)

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.plural}{tail}"


WORKLOADS: Final[Mapping[Kind, Resource]] = {
    "Deployment": Resource("apps", "v1", "deployments", "Deployment"),
    "StatefulSet": Resource("apps", "v1", "statefulsets", "StatefulSet"),
    "DaemonSet": Resource("apps", "v1", "daemonsets", "DaemonSet"),
}
PODS: Final = Resource("", "v1", "pods", "Pod")
NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
DISRUPTION_BUDGETS: Final = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
JOBS: Final = Resource("batch", "v1", "jobs", "Job")
CRON_JOBS: Final = Resource("batch", "v1", "cronjobs", "CronJob")
CONTROLLER_REVISIONS: Final = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
SCALERS: Final[Mapping[AutoscalerKind, Resource]] = {
    "HorizontalPodAutoscaler": Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    "ScaledObject": Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"),
}


def pods_of_job(name: str) -> str:
    """The label selector of a Job's pods: its controller gives it to them, in every version of Kubernetes."""
    return f"job-name={name[:63]}"
