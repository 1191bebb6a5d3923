"""The pod that an ordered StatefulSet waits for in vain (TRAPS 6, kubernetes#67250), deleted as a part of an attempt.

The controller takes pods in their order and does nothing while one is not ready: a pod that cannot start keeps its old
template, whatever was written meanwhile. The attempt has pinned that such pods are replaced; which one it is, is read
anew at every look, so a crash between the write and the deletion leads to the same end, and a pod is deleted once: what
is made in its place has the written template.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from platelet.core import meaning, record
from platelet.core.decision import Decision
from platelet.guards import suspended
from platelet.model import reasons
from platelet.model.effects import DeletePod
from platelet.model.remediation import Attempt
from platelet.model.situation import Situation
from platelet.model.workload import Pod, Workload


def decide(situation: Situation, decision: Decision, attempt: Attempt, now: datetime) -> Decision:
    """Add the deletion of the stuck pod, if there is one, to what is decided while the rollout is under way."""
    workload = situation.workload
    pod = stuck_pod(workload, attempt, situation.pods) if workload is not None else None
    if pod is None or suspended.deny(situation, now) is not None:
        return decision
    status = decision.status
    why = "it is not ready, of an older template, and its StatefulSet waits for it"
    message = f"delete pod {pod.name} (uid {pod.uid}): {why}"
    if not any(each.message == message for each in status.decisions):
        status = record.note(
            status, now, step=status.step_name, by=attempt.action, reason=reasons.STUCK_POD, message=message
        )
    deletion = DeletePod(attempt=attempt.id, namespace=pod.namespace, name=pod.name, uid=pod.uid)
    return replace(decision, status=status, effects=(*decision.effects, deletion))


def stuck_pod(workload: Workload, attempt: Attempt, pods: Sequence[Pod]) -> Pod | None:
    """The one pod that the controller waits for, if it is not ready and not of the written template; else None.

    None as well while the controller has not seen what was written, and where a partition holds the pod back: what is
    made in its place would be the same.
    """
    if not attempt.post.replace_stuck_pods or not _rolls(workload) or not meaning.landed(workload, attempt):
        return None
    by_name = {each.name: each for each in pods if each.owner is not None and each.owner.uid == workload.uid}
    for index in range(workload.replicas):
        pod = by_name.get(f"{workload.ref.name}-{workload.first_ordinal + index}")
        if pod is None or pod.deleting:
            return None
        if not pod.ready:
            held = index < workload.held_replicas
            return None if held or _is_over(pod) or _is_new(pod, workload) else pod
    return None


def _rolls(workload: Workload) -> bool:
    """Whether its controller follows the live template, pod by pod."""
    seen = workload.observed_generation >= workload.generation
    return workload.ordered and not workload.on_delete and not workload.deleting and seen


def _is_over(pod: Pod) -> bool:
    """Pods that have ended are replaced by the controller itself."""
    return pod.phase in ("Succeeded", "Failed")


def _is_new(pod: Pod, workload: Workload) -> bool:
    return not (pod.revision_hash and workload.update_revision) or pod.revision_hash == workload.update_revision
