"""Nobody else would take the change back: GitOps and owning operators do (TRAPS 12, 13). A restart survives them."""

from datetime import datetime

from platelet.guards import occurrence
from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import Workload

ARGO_TRACKING_ID = "argocd.argoproj.io/tracking-id"
FLUX_LABELS = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
API_GROUP = "apps"  # of every kind that is healed


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny changes of template or replicas on what others own, and tell people; `force` in the policy allows them."""
    workload, policy = situation.workload, situation.policy
    changes = situation.action.changes_template or situation.action.changes_replicas
    if workload is None or not changes or (policy is not None and policy.force):
        return None
    gitops = _gitops_owner(workload)
    if gitops:
        message = f"{gitops} owns {workload.ref} and would take the change back; change it in Git, or set force"
        return occurrence.hopeless(situation, now, reasons.GITOPS_MANAGED, message)
    if workload.owner is not None:
        owner = f"{workload.owner.kind} {workload.owner.name}"
        message = f"{owner} owns {workload.ref} and would take the change back; change it there, or set force"
        return occurrence.hopeless(situation, now, reasons.OPERATOR_MANAGED, message)
    return None


def _gitops_owner(workload: Workload) -> str:
    application = _argo_application(workload)
    if application:
        return f"Argo CD application {application}"
    for label in FLUX_LABELS:
        if workload.labels.get(label):
            return f"Flux ({label.partition('.')[0]} {workload.labels[label]})"
    return ""


def _argo_application(workload: Workload) -> str:
    """Read the application, if the tracking id `app:group/kind:namespace/name` names this very object.

    A copied annotation names another one. `app.kubernetes.io/instance` says nothing: every Helm chart sets it.
    """
    ref = workload.ref
    itself = f":{API_GROUP}/{ref.kind}:{ref.namespace}/{ref.name}"
    tracking_id = workload.annotations.get(ARGO_TRACKING_ID, "")
    return tracking_id.removesuffix(itself) if tracking_id.endswith(itself) else ""
