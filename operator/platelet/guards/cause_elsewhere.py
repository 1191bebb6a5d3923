"""The cause is within the workload (TRAPS 44): no action on it mends a node, a full quota or a deleted Secret."""

from collections.abc import Mapping
from datetime import datetime

from platelet.guards import occurrence
from platelet.model import reasons
from platelet.model.situation import NodeHealth, Situation
from platelet.model.verdict import Deny
from platelet.model.workload import Pod

UNSCHEDULABLE = "Unschedulable"  # a signal that only ever leads to people
_NAMED = 3  # how many causes a message names
_QUOTED = 300  # characters of the API server's own words


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny, and tell people, when something is missing, no pod can be made, or every sick pod has a cause outside."""
    if situation.missing_references:
        missing = _first(situation.missing_references)
        message = f"{missing} is missing, and the last healthy template needs it too"
        return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)
    refused = situation.workload.cannot_create if situation.workload is not None else ""
    if refused and situation.action.needs_room:
        message = f"no more pods of {situation.target} can be made: {refused[:_QUOTED]}"
        return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)
    if situation.signals and all(signal.reason == UNSCHEDULABLE for signal in situation.signals):
        return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, situation.signals[0].message)
    sick = _sick_pods(situation)
    causes = [_cause(pod, situation.nodes) for pod in sick]
    if not causes or not all(causes):
        return None
    message = f"all {len(sick)} sick pods have a cause outside of the workload: {_first(sorted(set(causes)))}"
    return occurrence.hopeless(situation, now, reasons.CAUSE_ELSEWHERE, message)


def _sick_pods(situation: Situation) -> list[Pod]:
    """Find the pods that signals name, and (signals name a few only) the unready ones as old as a signal.

    A younger one is on its way to replace a sick one: it starts, and does not speak for the others.
    """
    named = {name for signal in situation.signals for name in signal.pods}
    begun = max((signal.since for signal in situation.signals), default=None)
    return [
        pod
        for pod in situation.pods
        if not pod.deleting and (pod.name in named or (not pod.ready and begun is not None and pod.created_at <= begun))
    ]


def _cause(pod: Pod, nodes: Mapping[str, NodeHealth]) -> str:
    if pod.unschedulable:
        return f"unschedulable ({pod.unschedulable})"
    node = nodes.get(pod.node)
    if node is None:
        return ""
    if not node.ready:
        return f"node {node.name} is NotReady"
    return f"node {node.name} has {', '.join(node.pressures)}" if node.pressures else ""


def _first(causes: tuple[str, ...] | list[str]) -> str:
    more = len(causes) - _NAMED
    return ", ".join(causes[:_NAMED]) + (f" and {more} more" if more > 0 else "")
