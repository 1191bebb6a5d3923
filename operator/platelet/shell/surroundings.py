"""What around a target could forbid an action: how much else is sick, and the nodes of its pods."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from platelet.model.signal import Signal
from platelet.model.situation import NodeHealth, Situation
from platelet.model.workload import Pod
from platelet.shell import scope
from platelet.shell.kube import NODES, Kube, NotFound
from platelet.shell.policy_book import Standing
from platelet.shell.survey import Survey

_NODES_READ = 10


async def look_around(
    kube: Kube, situation: Situation, standing: Standing | None, home: Survey, *, far: bool
) -> Situation:
    """Add the nodes of the sick pods; if `far`, the scope of the policy too, which costs the most.

    What is not read is unknown. `home` are the Remediations of the target's namespace. Raises ApiError when a read
    fails.
    """
    if not far:
        return replace(situation, nodes=await _nodes(kube, situation.pods, situation.signals))
    found, nodes = await asyncio.gather(
        scope.read_scope(kube, situation, standing, home), _nodes(kube, situation.pods, situation.signals)
    )
    return replace(situation, scope=found, nodes=nodes)


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
