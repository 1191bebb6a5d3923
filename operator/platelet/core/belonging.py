"""Whose a value is by now that we wrote: somebody may have come to own it since, and then it is not ours to put back.

When a step was planned nobody owned what it would write, or the policy had set `force` (I17). What owns it now has come
meanwhile, and would undo a take-back, or be overridden by it.
"""

from platelet.model import ownership
from platelet.model.intent import PostState
from platelet.model.situation import Situation


def new_owner(situation: Situation, written: PostState, *, forced: bool) -> str:
    """Name who owns by now what this write has set; empty if it is still ours.

    A number of replicas belongs to whatever scales the workload, also where the policy forces: such a step never sets
    the number of a workload that is autoscaled.
    """
    if written.replicas is not None and situation.autoscalers:
        return " and ".join(str(each) for each in situation.autoscalers)
    if forced or situation.workload is None:
        return ""
    if written.autoscaler is None:
        return ownership.gitops_owner_of(situation.workload) or ownership.operators_resource_of(situation.workload)
    autoscaler = situation.autoscaler(written.autoscaler)
    return "" if autoscaler is None else ownership.gitops_owner_of_autoscaler(autoscaler, situation.target.namespace)


def is_forced(situation: Situation, policy: str) -> bool:
    """Whether the policy (`namespace/name`) that wrote it takes no heed of owners."""
    return situation.policy is not None and situation.policy.force and situation.policy.key == policy
