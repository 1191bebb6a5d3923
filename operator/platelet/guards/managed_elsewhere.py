"""Nobody else would take the change back: GitOps and owning operators do (TRAPS 12, 13). A restart survives them."""

from datetime import datetime

from platelet.guards import occurrence
from platelet.model import ownership, reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny
from platelet.model.workload import Workload

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
    owner = _operators_resource(workload)
    if owner:
        message = f"{owner} owns {workload.ref} and would take the change back; change it there, or set force"
        return occurrence.hopeless(situation, now, reasons.OPERATOR_MANAGED, message)
    return None


def _operators_resource(workload: Workload) -> str:
    """The resource that an operator keeps the workload as; OLM labels it where it cannot own it: across namespaces."""
    if workload.owner is not None:
        return f"{workload.owner.kind} {workload.owner.name}"
    name = workload.labels.get(ownership.OLM_OWNER, "")
    return f"{workload.labels.get(ownership.OLM_OWNER_KIND) or 'OLM'} {name}" if name else ""


def _gitops_owner(workload: Workload) -> str:
    ref = workload.ref
    itself = f"{API_GROUP}/{ref.kind}:{ref.namespace}/{ref.name}"
    return ownership.gitops_owner(workload.labels, workload.annotations, itself)
