"""Nobody else would revert the change: GitOps and owning operators do (TRAPS 12, 13). A restart survives them."""

from datetime import datetime

from platelet.guards import occurrence
from platelet.model import ownership, reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny changes of template or replicas on what others own, and tell people; `force` in the policy allows them."""
    workload, policy = situation.snapshot.workload, situation.policy
    if workload is None or (policy is not None and policy.force):
        return None
    gitops = ownership.gitops_owner_of(workload)
    if gitops:
        message = f"{gitops} owns {workload.ref} and would revert the change; change it in Git, or set force"
        return occurrence.hopeless(situation, now, reasons.GITOPS_MANAGED, message)
    owner = ownership.operators_resource_of(workload)
    if owner:
        message = f"{owner} owns {workload.ref} and would revert the change; change it there, or set force"
        return occurrence.hopeless(situation, now, reasons.OPERATOR_MANAGED, message)
    return None
