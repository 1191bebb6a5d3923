"""The nodes of a target's sick pods: a cause that no action on the target would heal."""

from collections.abc import Mapping, Sequence

from platelet.model.signal import Signal
from platelet.model.situation import NodeHealth
from platelet.model.workload import Pod
from platelet.shell.read.sources import Source

_NODES_READ = 10


async def read_nodes(source: Source, pods: Sequence[Pod], signals: Sequence[Signal]) -> Mapping[str, NodeHealth]:
    """The nodes of the sick pods. Raises ApiError when a read fails."""
    sick = {name for signal in signals for name in signal.pods}
    names = sorted({pod.node for pod in pods if pod.node and (pod.name in sick or pod.deleting)})[:_NODES_READ]
    return {name: await _read_node(source, name) for name in names}


async def _read_node(source: Source, name: str) -> NodeHealth:
    stored = await source.node(name)
    if stored is None:
        return NodeHealth(name=name, ready=False)
    conditions = {
        condition["type"]: condition["status"] for condition in (stored.get("status") or {}).get("conditions") or []
    }
    pressures = tuple(
        pressure for pressure in ("MemoryPressure", "DiskPressure", "PIDPressure") if conditions.get(pressure) == "True"
    )
    return NodeHealth(name=name, ready=conditions.get("Ready") == "True", pressures=pressures)
