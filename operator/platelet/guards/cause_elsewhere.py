"""The cause is within the workload (TRAPS 44): no action on it mends a node, a full quota or a deleted Secret.

Pods that no node takes are the release's own fault where the new template asks for what the last healthy one did not,
and only its pods hang: then an undo mends it. And where a node is lost, so are the pods on it that nobody replaces.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from platelet.guards import occurrence
from platelet.model import reasons, refusals, scheduling
from platelet.model.enumeration import name_some
from platelet.model.policy import ActionTraits
from platelet.model.revision import last_healthy
from platelet.model.situation import NodeHealth, Situation
from platelet.model.verdict import Deny
from platelet.model.workload import Pod, Workload, newest_revision_hash

UNSCHEDULABLE = "Unschedulable"  # a signal that only ever leads to people
STUCK = "StuckTerminating"  # the same: what holds a pod that is to go is no template, and never taken away by force
ROOM_WITHIN = timedelta(minutes=5)
_NAMED = 3  # how many causes a message names
_QUOTED = 300  # characters of the API server's own words


def deny(situation: Situation, action: ActionTraits, now: datetime) -> Deny | None:
    """Deny, and tell people, when something is missing, no pod can be made, or every sick pod has a cause outside."""
    denial = _deny(situation, action, now)
    if denial is None or action.heals_rollout or situation.snapshot.workload is None:
        return denial
    return replace(denial, undo_helps=situation.snapshot.workload.makes_no_pods or bool(_brought(situation)))


def _deny(situation: Situation, action: ActionTraits, now: datetime) -> Deny | None:
    if situation.surroundings.missing_references:
        missing = name_some(situation.surroundings.missing_references, _NAMED)
        message = f"{missing} is missing, and the last healthy template needs it too"
        return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)
    refused = situation.snapshot.workload.cannot_create if situation.snapshot.workload is not None else ""
    would_be_again = action.heals_rollout and _is_refused_anyway(situation)
    if refused and (action.needs_room or would_be_again or _only_lacks_pods(situation)):
        message = f"no more pods of {situation.target} can be made: {refused[:_QUOTED]}"
        return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)
    no_room = _no_room(situation, action, now)
    if no_room is not None:
        return no_room
    if situation.signals and all(signal.reason == STUCK for signal in situation.signals):
        message = f"{situation.signals[0].message}; nothing is deleted by force"
        return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)
    mends = action.heals_rollout and bool(_brought(situation))
    if not mends and situation.signals and all(signal.reason == UNSCHEDULABLE for signal in situation.signals):
        return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, situation.signals[0].message)
    sick = [*_sick_pods(situation), *_lost_pods(situation)]
    causes = ["" if mends and pod.unschedulable else _cause(pod, situation.surroundings.nodes) for pod in sick]
    if not causes or not all(causes):
        return None
    named = name_some(sorted(set(causes)), _NAMED)
    message = f"all {len(sick)} sick pods have a cause outside of the workload: {named}"
    return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)


def _only_lacks_pods(situation: Situation) -> bool:
    """Whether nothing is wrong but that pods are missing, of a template whose rollout was complete once."""
    workload = situation.snapshot.workload
    if workload is None or not workload.rolled_out or workload.available_replicas >= workload.replicas:
        return False
    return not any(_is_unready(pod) for pod in situation.snapshot.pods)


def _is_refused_anyway(situation: Situation) -> bool:
    """Whether a rollout stands still because its pods are refused, for nothing that its own template has brought."""
    workload = situation.snapshot.workload
    if workload is None or workload.rolled_out or any(_is_unready(pod) for pod in situation.snapshot.pods):
        return False
    ran = _template_that_ran(workload, situation)
    return ran is not None and not refusals.is_own(workload.template, ran, workload.cannot_create)


def _is_unready(pod: Pod) -> bool:
    return pod.is_active and not pod.ready


def _no_room(situation: Situation, action: ActionTraits, now: datetime) -> Deny | None:
    """While a pod waits for a node, more pods are no remedy, nor larger ones, nor another restart of our own.

    A cluster autoscaler may still bring a node, so people are told after a while.
    """
    last = next(reversed(situation.remediation.status.attempts), None)
    unplaced = [pod for pod in situation.snapshot.pods if pod.is_active and pod.unschedulable]
    if not (action.changes_replicas or action.changes_template):
        # The API has whole seconds, the intent has not.
        ours = None if last is None else last.intended_at.replace(microsecond=0)
        unplaced = [pod for pod in unplaced if ours is not None and pod.created_at >= ours]
    if not action.needs_room or not unplaced:
        return None
    oldest = min(unplaced, key=lambda pod: pod.created_at)
    message = f"there is no room for pods of {situation.target}: {oldest.name} is {_unplaced(oldest)}"
    if now < oldest.created_at + ROOM_WITHIN:
        return Deny(reason=reasons.CAUSE_ELSEWHERE, message=message, retry_at=oldest.created_at + ROOM_WITHIN)
    return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)


def _brought(situation: Situation) -> tuple[str, ...]:
    """What the live template asks of nodes that one which ran did not; empty if that is not why its pods hang."""
    workload = situation.snapshot.workload
    hanging = [pod for pod in situation.snapshot.pods if pod.is_active and pod.unschedulable]
    if workload is None or not hanging:
        return ()
    newest, ran = newest_revision_hash(workload, situation.snapshot.revisions), _template_that_ran(workload, situation)
    if not newest or ran is None or any(pod.revision_hash != newest for pod in hanging):
        return ()
    missing = (scheduling.brought(workload.template, ran, pod.unschedulable) for pod in hanging)
    return next((fields for fields in missing if fields), ())


def _template_that_ran(workload: Workload, situation: Situation) -> Mapping[str, Any] | None:
    """The last healthy template; where none is known to be, an older one whose pods are ready at present."""
    healthy = last_healthy(situation.snapshot.records)
    if healthy is not None:
        return healthy.template
    ready = {pod.revision_hash for pod in situation.snapshot.pods if pod.is_active and pod.ready}
    older = (revision for revision in situation.snapshot.revisions if revision.template_hash != workload.template_hash)
    return next((revision.template for revision in older if revision.revision_hash in ready), None)


def _lost_pods(situation: Situation) -> list[Pod]:
    """Pods that hang on a node that is lost, where their controller makes no others as long as they are there."""
    active = sum(pod.is_active for pod in situation.snapshot.pods)
    if situation.snapshot.workload is None or active >= situation.snapshot.workload.replicas:
        return []
    nodes = situation.surroundings.nodes
    return [pod for pod in situation.snapshot.pods if pod.deleting and pod.node in nodes and not nodes[pod.node].ready]


def _sick_pods(situation: Situation) -> list[Pod]:
    """Find the pods that signals name, and (signals name a few only) the unready ones as old as a signal.

    A younger one is on its way to replace a sick one: it starts, and does not speak for the others.
    """
    named = {name for signal in situation.signals for name in signal.pods}
    begun = max((signal.since for signal in situation.signals), default=None)
    return [
        pod
        for pod in situation.snapshot.pods
        if pod.is_active and (pod.name in named or (not pod.ready and begun is not None and pod.created_at <= begun))
    ]


def _cause(pod: Pod, nodes: Mapping[str, NodeHealth]) -> str:
    if pod.unschedulable:
        return _unplaced(pod)
    node = nodes.get(pod.node)
    if node is None:
        return ""
    if not node.ready:
        return f"node {node.name} is NotReady"
    return f"node {node.name} has {', '.join(node.pressures)}" if node.pressures else ""


def _unplaced(pod: Pod) -> str:
    return f"unschedulable ({pod.unschedulable[:_QUOTED]})"
