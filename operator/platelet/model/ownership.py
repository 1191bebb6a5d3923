"""Who else writes an object: the marks that GitOps tools and operators leave on what they own (TRAPS 12, 13)."""

from collections.abc import Mapping
from typing import Final

from platelet.model.autoscaler import Autoscaler, AutoscalerKind
from platelet.model.workload import Workload

WORKLOADS_GROUP: Final = "apps"
AUTOSCALER_GROUPS: Final[Mapping[AutoscalerKind, str]] = {
    "HorizontalPodAutoscaler": "autoscaling",
    "ScaledObject": "keda.sh",
}
ARGO_TRACKING_ID = "argocd.argoproj.io/tracking-id"
FLUX_LABELS = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")

OLM_OWNER = "olm.owner"  # of the Operator Lifecycle Manager: the name of a ClusterServiceVersion, mostly
OLM_OWNER_KIND = "olm.owner.kind"


def gitops_owner(labels: Mapping[str, str], annotations: Mapping[str, str], itself: str) -> str:
    """Name the application that owns an object; empty if none does. `itself` is `group/kind:namespace/name`.

    Argo CD's tracking id `app:group/kind:namespace/name` counts if it names this very object: a copied annotation names
    another one. `app.kubernetes.io/instance` says nothing: every Helm chart sets it.
    """
    tracking_id = annotations.get(ARGO_TRACKING_ID, "")
    if tracking_id.endswith(f":{itself}") and tracking_id != f":{itself}":
        return f"Argo CD application {tracking_id.removesuffix(f':{itself}')}"
    for label in FLUX_LABELS:
        if labels.get(label):
            return f"Flux ({label.partition('.')[0]} {labels[label]})"
    return ""


def gitops_owner_of(workload: Workload) -> str:
    """Name the application that owns a workload; empty if none does."""
    ref = workload.ref
    itself = f"{WORKLOADS_GROUP}/{ref.kind}:{ref.namespace}/{ref.name}"
    return gitops_owner(workload.labels, workload.annotations, itself)


def gitops_owner_of_autoscaler(autoscaler: Autoscaler, namespace: str) -> str:
    """Name the application that owns an autoscaler of this namespace; empty if none does."""
    kind = autoscaler.bounds.kind
    itself = f"{AUTOSCALER_GROUPS[kind]}/{kind}:{namespace}/{autoscaler.bounds.name}"
    return gitops_owner(autoscaler.labels, autoscaler.annotations, itself)


def operators_resource_of(workload: Workload) -> str:
    """The resource that an operator keeps the workload as; OLM labels it where it cannot own it: across namespaces."""
    if workload.owner is not None:
        return f"{workload.owner.kind} {workload.owner.name}"
    name = workload.labels.get(OLM_OWNER, "")
    return f"{workload.labels.get(OLM_OWNER_KIND) or 'OLM'} {name}" if name else ""
