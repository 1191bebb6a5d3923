"""What around a target could forbid an action: how much else is sick, the nodes of its pods, who owns its replicas."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from platelet.api.targets import Targets
from platelet.model.policy import Scope
from platelet.model.remediation import Remediation
from platelet.model.signal import Signal
from platelet.model.situation import NodeHealth
from platelet.model.workload import Pod, WorkloadRef
from platelet.shell.kube import AUTOSCALERS, DEPLOYMENTS, NODES, Json, Kube, NotFound
from platelet.shell.policy_book import Standing

_NODES_READ = 10
_TROUBLED = ("Waiting", "Acting", "Verifying", "Escalated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The surroundings of one target. What was not read is unknown."""

    scope: Scope | None = None
    nodes: Mapping[str, NodeHealth] = field(default_factory=dict)
    autoscalers: tuple[str, ...] = ()


async def read(  # noqa: PLR0913 - where to look
    kube: Kube,
    target: WorkloadRef,
    standing: Standing | None,
    siblings: Sequence[Remediation],
    pods: Sequence[Pod],
    signals: Sequence[Signal],
) -> Around:
    """Read all of it. Raises ApiError when a read fails."""
    scope, nodes, stored = await asyncio.gather(
        _scope(kube, target, standing, siblings), _nodes(kube, pods, signals), kube.list(AUTOSCALERS, target.namespace)
    )
    wanted = (target.kind, target.name)
    scaled = ((each["metadata"]["name"], each["spec"]["scaleTargetRef"]) for each in stored)
    autoscalers = (name for name, reference in scaled if (reference.get("kind"), reference.get("name")) == wanted)
    return Around(scope=scope, nodes=nodes, autoscalers=tuple(autoscalers))


async def _scope(
    kube: Kube, target: WorkloadRef, standing: Standing | None, siblings: Sequence[Remediation]
) -> Scope | None:
    """All targets of the policy, and the sick ones: not Available, or with an incident that is not over."""
    if standing is None:
        return None
    lists = await asyncio.gather(*(kube.list(DEPLOYMENTS, namespace) for namespace in sorted(standing.namespaces)))
    targets = [each for stored in lists for each in stored if _is_target(each, standing.loaded.targets)]
    troubled = {
        WorkloadRef(kind=ref.kind, namespace=each.namespace, name=ref.name)
        for each in siblings
        if each.status.state in _TROUBLED and (ref := each.spec.target_ref)
    }
    refs = {_ref(each): _is_unavailable(each) for each in targets}
    sick = {ref for ref, unavailable in refs.items() if unavailable or ref in troubled}
    return Scope(total=len(targets), sick=frozenset({*sick, target}))


async def _nodes(kube: Kube, pods: Sequence[Pod], signals: Sequence[Signal]) -> Mapping[str, NodeHealth]:
    sick = {name for each in signals for name in each.pods}
    names = sorted({each.node for each in pods if each.node and each.name in sick})[:_NODES_READ]
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


def _ref(stored: Json) -> WorkloadRef:
    metadata = stored["metadata"]
    return WorkloadRef(kind="Deployment", namespace=metadata["namespace"], name=metadata["name"])


def _is_target(stored: Json, targets: Targets) -> bool:
    metadata = stored["metadata"]
    return targets.matches(metadata.get("labels") or {}, metadata["name"], "Deployment")


def _is_unavailable(stored: Json) -> bool:
    """By the Deployment's own word; the template is not looked at, so that 1,000 of them cost little."""
    conditions = (stored.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Available" and each.get("status") != "True" for each in conditions)
