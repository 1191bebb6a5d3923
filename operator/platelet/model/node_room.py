"""Whether a node can hold what pods of a template would ask for: ever, and beside the pods of others that it holds now.

As the scheduler's plugin NodeResourcesFit counts (`fitsRequest` in pkg/scheduler/framework/plugins/noderesources/fit.go
of Kubernetes). The old pods of the rollout are left out, since they make room in the course of it; so are pods that are
going, and those that any other may displace. So a yes is none: the rollout tells.

A no is only said where it is sure. Pods with a priority of their own may displace others, so what those take is not
asked. Where a pod runs on a node to which its template does not lead, an admission adds what is not known here, and
every node counts. Where something adds nodes as they are needed, none is the largest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from platelet.model import pod_requests, templates
from platelet.model.node import Node
from platelet.model.quantity import Form, Quantity
from platelet.model.template_shape import mapping

_MADE_BY: Final = {"karpenter.sh/nodepool": "Karpenter", "karpenter.sh/provisioner-name": "Karpenter"}
"""Labels of nodes by what makes them as they are needed, of any size."""
_FORMS: Final[Mapping[str, Form]] = {"memory": "binary", "ephemeral-storage": "binary"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Pods that a plan would have made: of which template, which of their resources it raises, where they run now."""

    template: Mapping[str, Any] = field(repr=False)
    raised: tuple[str, ...]
    runs_on: frozenset[str] = frozenset()  # names of nodes
    replaces: frozenset[str] = frozenset()  # uids of the pods that make room for them
    on_each: bool = False  # each of these nodes must hold one: a DaemonSet

    @property
    def may_displace(self) -> bool:
        """Whether its pods say that they are more important than others may be."""
        return bool(mapping(self.template.get("spec")).get("priorityClassName"))

    @property
    def key(self) -> str:
        """Identifies it, so that the same question is not weighed again at once."""
        return f"{templates.hash_template(self.template)} {' '.join(sorted(self.runs_on))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What was found: nothing to say where a node can hold such a pod."""

    refusal: str = ""  # why no node can
    unknown: str = ""  # why that cannot be said
    is_full: bool = False  # a node would be large enough if others took less of it


@dataclass(slots=True)
class Weighing:
    """Weigh nodes one by one."""

    placement: Placement
    _needs: dict[str, Decimal] = field(init=False)
    _open: list[Node] = field(default_factory=list)  # that may be the largest, whether or not such pods may go there
    _homes: list[Node] = field(default_factory=list)  # on which its pods run
    _makers: set[str] = field(default_factory=set)
    _full: list[Node] = field(default_factory=list)  # with what others leave of them

    def __post_init__(self) -> None:
        """Count what a pod asks for."""
        template = self.placement.template
        asked = {name: pod_requests.requested(template, name) for name in pod_requests.named(template)}
        self._needs = {name: amount for name, amount in asked.items() if amount > 0}

    def add(self, node: Node) -> bool:
        """Take one more node into account. True: it is large enough, but for what others take of it."""
        if node.name in self.placement.runs_on:
            self._homes.append(node)
        self._makers.update(maker for label, maker in _MADE_BY.items() if label in node.labels)
        if node.is_open and node.allocatable:
            self._open.append(node)
            return not self.placement.on_each and node.takes(self.placement.template) and self._holds(node)
        return False

    def leaves_room(self, node: Node, pods: Iterable[Mapping[str, Any]]) -> bool:
        """Take into account what runs on a node that is large enough. True: no other node can change the answer."""
        others = [pod for pod in pods if self._stays(pod)]
        left = {
            name: max(amount - sum(pod_requests.requested(pod, name) for pod in others), pod_requests.NONE)
            for name, amount in node.allocatable.items()
            if name in self._needs
        }
        rest = replace(node, allocatable=left)
        holds = self._holds(rest)
        if not holds:
            self._full.append(rest)
        return holds

    def _stays(self, pod: Mapping[str, Any]) -> bool:
        metadata, spec = mapping(pod.get("metadata")), mapping(pod.get("spec"))
        goes = metadata.get("uid") in self.placement.replaces or "deletionTimestamp" in metadata
        return not goes and (spec.get("priority") or 0) >= 0

    def end(self) -> Room:
        """Say what was found."""
        if self.placement.on_each:
            small = [node for node in self._homes if node.allocatable and not self._holds(node)]
            return self._refuse(small, "is one that must hold it") if small else Room()
        strays = any(not node.takes(self.placement.template) for node in self._homes)
        candidates = [node for node in self._open if strays or node.takes(self.placement.template)]
        if not candidates:
            return Room(unknown="of the nodes that are ready, none is known to take its pods")
        if any(map(self._holds, candidates)) and (strays or not self._full):
            return Room()
        if self._makers:
            return Room(unknown=f"{', '.join(sorted(self._makers))} may add a node")
        if self._full:
            which = f"the one of {len(self._full)} that other pods leave the most of"
            return replace(self._refuse(self._full, which), is_full=True)
        return self._refuse(candidates, f"the largest of {len(candidates)} that it may run on")

    def _holds(self, node: Node) -> bool:
        """Whether it can give as much to one pod. What it does not name may come from elsewhere: from a driver, say."""
        return all(node.allocatable.get(name, need) >= need for name, need in self._needs.items())

    def _refuse(self, nodes: Sequence[Node], which: str) -> Room:
        """Name what is asked for, and the largest node of each resource of which there is too little."""
        raised = {name: self._needs[name] for name in self.placement.raised if name in self._needs}
        asked = raised or self._needs
        largest = {name: _largest(nodes, name) for name in asked}
        has = [
            f"node {node.name}, {which}, can give {_say(name, node.allocatable[name])} of {name}"
            for name, node in largest.items()
            if node.allocatable.get(name, asked[name]) < asked[name]
        ]
        asks = " and ".join(f"{_say(name, need)} of {name}" for name, need in asked.items())
        why = "; ".join(has) or f"none of {len(nodes)} nodes can give all that it needs"
        return Room(refusal=f"no node can hold a pod that asks for {asks}: {why}")


def _largest(nodes: Sequence[Node], resource: str) -> Node:
    return max(nodes, key=lambda node: node.allocatable.get(resource, pod_requests.NONE))


def _say(resource: str, amount: Decimal) -> str:
    return str(Quantity(amount, _FORMS.get(resource, "decimal")))
