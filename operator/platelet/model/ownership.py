"""Who else writes an object: the marks that GitOps tools and operators leave on what they own (TRAPS 12, 13)."""

from collections.abc import Mapping

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
