"""What all changes of the target itself have in common: the object, its identity, and who may own it."""

from typing import Final

from platelet.model import ownership
from platelet.model.change import Answer, Live
from platelet.model.intent import REPLICAS, RESTART_STAMP, TEMPLATE, PinnedChange
from platelet.model.situation import Situation
from platelet.model.workload import Workload

STUCK_PODS: Final = "stuckPods"
REPLACED: Final = "replaced"


def live(pinned: PinnedChange, situation: Situation, blocked: str = "") -> Live | None:
    """The target, with those of its fields that the change writes; None where it is gone."""
    workload = situation.snapshot.workload
    if workload is None:
        return None
    fields = {
        TEMPLATE: workload.template_hash,
        RESTART_STAMP: workload.restart_stamp,
        REPLICAS: str(workload.replicas),
    }
    return Live(
        uid=workload.uid,
        resource_version=workload.resource_version,
        version=str(workload.generation),
        values={name: value for name, value in fields.items() if name in pinned.meant},
        blocked=blocked,
    )


def why_no_template(situation: Situation) -> str:
    """Why no template may be written now: people have paused the target's rollouts (TRAPS 7); empty if it may."""
    workload = situation.snapshot.workload
    return "the workload is paused" if workload is not None and workload.paused else ""


def identity(live: Live) -> dict[str, str]:
    """The precondition of a merge patch: this very object, as it was just read."""
    return {"uid": live.uid, "resourceVersion": live.resource_version}


def new_owner(pinned: PinnedChange, situation: Situation, *, forced: bool) -> str:
    """Name whoever owns the workload by now; empty: nobody does, or the policy ignores owners (`force`)."""
    del pinned
    workload = situation.snapshot.workload
    if forced or workload is None:
        return ""
    return ownership.gitops_owner_of(workload) or ownership.operators_resource_of(workload)


def answered(answer: Answer) -> Workload:
    """The target as the answer shows it. Raises KeyError where the answer is no workload."""
    if answer.workload is None:
        raise KeyError("metadata")
    return answer.workload


def replaces_stuck_pods(pinned: PinnedChange) -> bool:
    """Whether the pods that an ordered StatefulSet waits for in vain are deleted after the write (TRAPS 6)."""
    return pinned.how.get(STUCK_PODS) == REPLACED


def check(pinned: PinnedChange, name: str) -> None:
    """Raises ValueError where the field is not pinned as it was and as it is meant."""
    if name not in pinned.before or name not in pinned.meant:
        raise ValueError(f"{name} is not pinned")
