"""What around a target could forbid an action: how much else is sick, and the nodes of its pods."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from platelet.api import workloads
from platelet.api.targets import Targets
from platelet.model.policy import Scope
from platelet.model.remediation import BEFORE_ACTING, Remediation
from platelet.model.signal import Signal
from platelet.model.situation import NodeHealth, Situation
from platelet.model.workload import Kind, Pod, WorkloadRef
from platelet.shell.kube import NODES, WORKLOADS, Json, Kube, NotFound
from platelet.shell.policy_book import Standing

_NODES_READ = 10
_TROUBLED = (*BEFORE_ACTING, "Acting", "Verifying", "Escalated")


async def look_around(
    kube: Kube, situation: Situation, standing: Standing | None, siblings: Sequence[Remediation], *, far: bool
) -> Situation:
    """Add the nodes of the sick pods; if `far`, the scope of the policy too, which costs the most.

    What is not read is unknown. Raises ApiError when a read fails.
    """
    target = situation.target
    if not far:
        return replace(situation, nodes=await _nodes(kube, situation.pods, situation.signals))
    scope, nodes = await asyncio.gather(
        _scope(kube, target, standing, siblings), _nodes(kube, situation.pods, situation.signals)
    )
    return replace(situation, scope=scope, nodes=nodes)


async def _scope(
    kube: Kube, target: WorkloadRef, standing: Standing | None, siblings: Sequence[Remediation]
) -> Scope | None:
    """All targets of the policy, and the sick ones: not Available, or with an incident that is not over."""
    if standing is None:
        return None
    chosen = standing.loaded.targets
    places = [(kind, namespace) for kind in chosen.all_kinds for namespace in sorted(standing.namespaces)]
    lists = await asyncio.gather(*(kube.list(WORKLOADS[kind], namespace) for kind, namespace in places))
    targets = [
        (kind, each)
        for (kind, _), stored in zip(places, lists, strict=True)
        for each in stored
        if _is_target(kind, each, chosen)
    ]
    troubled = {
        each.target
        for each in siblings
        if each.status.state in _TROUBLED and not each.mere_request and each.status.quiet_since is None
    }
    refs = {_ref(kind, each): _is_unavailable(kind, each) for kind, each in targets}
    sick = {ref for ref, unavailable in refs.items() if unavailable or ref in troubled}
    return Scope(total=len(targets), sick=frozenset({*sick, target}))


async def _nodes(kube: Kube, pods: Sequence[Pod], signals: Sequence[Signal]) -> Mapping[str, NodeHealth]:
    sick = {name for each in signals for name in each.pods}
    names = sorted({each.node for each in pods if each.node and (each.name in sick or each.deleting)})[:_NODES_READ]
    found = await asyncio.gather(*(_node(kube, name) for name in names))
    return {each.name: each for each in found}


async def _node(kube: Kube, name: str) -> NodeHealth:
    try:
        stored = await kube.get(NODES, "", name)
    except NotFound:
        return NodeHealth(name=name, ready=False)
    conditions = {each["type"]: each["status"] for each in (stored.get("status") or {}).get("conditions") or []}
    pressures = tuple(
        each for each in ("MemoryPressure", "DiskPressure", "PIDPressure") if conditions.get(each) == "True"
    )
    return NodeHealth(name=name, ready=conditions.get("Ready") == "True", pressures=pressures)


def _ref(kind: Kind, stored: Json) -> WorkloadRef:
    metadata = stored["metadata"]
    return WorkloadRef(kind=kind, namespace=metadata["namespace"], name=metadata["name"])


def _is_target(kind: Kind, stored: Json, targets: Targets) -> bool:
    metadata = stored["metadata"]
    return targets.matches(metadata.get("labels") or {}, metadata["name"], kind)


def _is_unavailable(kind: Kind, stored: Json) -> bool:
    """By the workload's own word; the template is not looked at, so that 1,000 of them cost little.

    A Deployment says whether too many pods are missing. The other kinds only count, so one missing pod is enough.
    """
    if kind != "Deployment":
        wanted, available = workloads.read_availability(kind, stored)
        return available < wanted
    conditions = (stored.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Available" and each.get("status") != "True" for each in conditions)
