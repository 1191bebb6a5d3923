"""The pod that an ordered StatefulSet waits for in vain (TRAPS 6, kubernetes#67250), deleted as a part of an attempt.

The controller takes pods in their order and does nothing while one is not ready: a pod that cannot start keeps its old
template, whatever was written meanwhile. The attempt has pinned that such pods are replaced; which one it is, is read
anew at every look, so a crash between the write and the deletion leads to the same end, and a pod is deleted once: what
is made in its place has the written template.

Members of a data store lose readiness for a moment while another one restarts. So only what was sick before the
attempt, or visibly fails, is stuck; and none is deleted while one that was just replaced is not ready yet.
"""

from dataclasses import replace
from datetime import datetime

from platelet import changes
from platelet.core import record, target_state, withdrawals
from platelet.core.decision import Decision
from platelet.model import reasons, symptoms
from platelet.model.effects import DeletePod
from platelet.model.remediation import Attempt
from platelet.model.situation import Situation
from platelet.model.workload import Pod, Workload


def decide(situation: Situation, decision: Decision, attempt: Attempt, now: datetime) -> Decision:
    """Add the deletion of the stuck pod, if there is one, to what is decided while the rollout is under way."""
    pod = stuck_pod(situation, attempt, now)
    if pod is None or withdrawals.why_no_further(situation, now):
        return decision
    status = decision.status
    why = "it is sick, of an older template, and its StatefulSet waits for it"
    message = f"delete pod {pod.name} (uid {pod.uid}): {why}"
    if not any(decision.message == message for decision in status.decisions):
        status = record.note(
            status, now, step=status.step_name, by=attempt.action, reason=reasons.STUCK_POD, message=message
        )
    deletion = _deletion(pod, attempt)
    return replace(decision, status=status, effects=(*decision.effects, deletion))


def _deletion(pod: Pod, attempt: Attempt) -> DeletePod:
    return DeletePod(
        attempt=attempt.id,
        namespace=pod.namespace,
        name=pod.name,
        uid=pod.uid,
        resource_version=pod.resource_version,
    )


def stuck_pod(situation: Situation, attempt: Attempt, now: datetime) -> Pod | None:
    """The one pod that the controller waits for, if it is sick and not of the written template; else None.

    None as well while the controller has not seen what was written, and where a partition holds the pod back: what is
    made in its place would be the same.
    """
    workload = situation.snapshot.workload
    pinned = any(changes.replaces_stuck_pods(change) for change in attempt.changes)
    if workload is None or not pinned or not _rolls(workload):
        return None
    if not target_state.landed(situation, attempt):
        return None
    pods = situation.snapshot.pods
    mine = {pod.name: pod for pod in pods if pod.owner is not None and pod.owner.uid == workload.uid}
    if any(_is_on_its_way(pod, workload) for pod in mine.values()):
        return None
    for index in range(workload.replicas):
        pod = mine.get(f"{workload.ref.name}-{workload.first_ordinal + index}")
        if pod is None:
            return None
        if not pod.ready:
            held = index < workload.held_replicas
            return pod if not held and _can_be_replaced(pod, workload) and _is_sick(pod, attempt, now) else None
    return None


def _rolls(workload: Workload) -> bool:
    """Whether its controller follows the live template, pod by pod."""
    seen = workload.observed_generation >= workload.generation
    return workload.ordered and not workload.on_delete and not workload.deleting and seen


def _is_on_its_way(pod: Pod, workload: Workload) -> bool:
    """Whether it is just being replaced: it goes, or it came with the written template and is not ready yet."""
    return pod.deleting or (not pod.ready and pod.revision_hash == workload.update_revision)


def _can_be_replaced(pod: Pod, workload: Workload) -> bool:
    """Whether a deletion brings another template. Pods that have ended are replaced by the controller itself."""
    known = pod.revision_hash and workload.update_revision
    return bool(known) and pod.revision_hash != workload.update_revision and pod.phase not in ("Succeeded", "Failed")


def _is_sick(pod: Pod, attempt: Attempt, now: datetime) -> bool:
    """Whether it was not ready before the attempt already, or a container of it fails again and again."""
    since = pod.ready_changed_at or pod.created_at
    return since <= attempt.intended_at or pod.uid in symptoms.remember({}, [pod], now)
