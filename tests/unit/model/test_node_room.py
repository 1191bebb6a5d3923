"""Whether a node can ever hold a pod: which nodes it may go to, what it asks for, and what is said where none can."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from platelet.api.readers import nodes
from platelet.model.node import Node
from platelet.model.node_room import Placement, Room, Weighing

GIB = 2**30


def a_node(name: str = "small", memory: str = "4Gi", **changes: Any) -> Node:
    """Read a node that is ready; `spec`, `labels` and `allocatable` are added to it."""
    ready = {"type": "Ready", "status": changes.pop("ready", "True")}
    allocatable = {"cpu": "4", "memory": memory, **changes.pop("allocatable", {})}
    metadata = {"name": name, "labels": changes.pop("labels", {}), **changes.pop("metadata", {})}
    return nodes.read_node(
        {"metadata": metadata, "spec": changes, "status": {"conditions": [ready], "allocatable": allocatable}}
    )


def a_template(memory: str = "8Gi", **spec: Any) -> dict[str, Any]:
    """A template of one container that asks for memory, the resource that is raised."""
    return {"spec": {"containers": [{"name": "app", "resources": {"requests": {"memory": memory}}}], **spec}}


def weigh(template: dict[str, Any], *known: Node, raised: tuple[str, ...] = ("memory",), **placement: Any) -> Room:
    """Weigh all of these nodes, one by one, until the answer is sure."""
    weighing = Weighing(Placement(template=template, raised=raised, **placement))
    for node in known:
        if weighing.add(node):
            break
    return weighing.end()


def a_pod(memory: str = "1Gi", uid: str = "other", **spec: Any) -> dict[str, Any]:
    """A pod of somebody else that runs."""
    return {"metadata": {"uid": uid}, **a_template(memory, **spec)}


def weigh_beside(node: Node, *pods: dict[str, Any], beside: Sequence[Node] = (), **placement: Any) -> Room:
    """Weigh a node that is large enough, on which these pods run, after others that are not."""
    own = frozenset({"own"})
    weighing = Weighing(Placement(template=a_template("2Gi"), raised=("memory",), replaces=own, **placement))
    assert not any(map(weighing.add, beside))
    assert weighing.add(node)
    return Room() if weighing.leaves_room(node, pods) else weighing.end()


def in_zone(*zones: str, operator: str = "In", key: str = "zone", where: str = "matchExpressions") -> dict[str, Any]:
    term = {where: [{"key": key, "operator": operator, "values": list(zones)}]}
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {"nodeAffinity": rule}


LARGE = {"memory": "16Gi"}
TAINT = {"key": "team", "value": "data", "effect": "NoSchedule"}
SMALL_ONE = "node small, the largest of 1 that it may run on, can give 4Gi of memory"
EASED = {
    "the largest holds it": (a_template(), [a_node(), a_node("large", **LARGE)]),
    "exactly as much as there is": (a_template("4Gi"), [a_node()]),
    "no resource at all": ({"spec": {"containers": [{"name": "app"}]}}, [a_node()]),
    "a taint that it tolerates": (
        a_template(tolerations=[{"key": "team", "operator": "Exists"}]), [a_node(taints=[TAINT], **LARGE)],
    ),
    "a taint that all tolerate who say so": (
        a_template(tolerations=[{"operator": "Exists"}]), [a_node(taints=[TAINT], **LARGE)],
    ),
    "a toleration of the future": (
        a_template(tolerations=[{"key": "team", "operator": "Gt", "value": "3"}]), [a_node(taints=[TAINT], **LARGE)],
    ),
    "a taint that only asks": (a_template(), [a_node(taints=[{**TAINT, "effect": "PreferNoSchedule"}], **LARGE)]),
    "a runtime class, which brings tolerations": (
        a_template(runtimeClassName="kata"), [a_node(taints=[TAINT], **LARGE)],
    ),
    "a selector that holds": (a_template(nodeSelector={"zone": "a"}), [a_node(labels={"zone": "a"}, **LARGE)]),
    "an affinity that holds": (a_template(affinity=in_zone("a", "b")), [a_node(labels={"zone": "b"}, **LARGE)]),
    "an affinity to a name": (
        a_template(affinity=in_zone("large", key="metadata.name", where="matchFields")), [a_node("large", **LARGE)],
    ),
    "an affinity in words of the future": (a_template(affinity=in_zone("a", operator="Near")), [a_node(**LARGE)]),
    "an affinity that is only wished for": (
        a_template(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [1]}}),
        [a_node(**LARGE)],
    ),
    "a device that a driver gives, and no node names": (
        a_template("1Gi", containers=[{"name": "app", "resources": {"limits": {"x.com/gpu": "1"}}}]), [a_node()],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("template", "known"), EASED.values(), ids=EASED)
def test_a_node_can_hold_it(template: dict[str, Any], known: list[Node]) -> None:
    assert weigh(template, *known) == Room()


REFUSED = {
    "all are too small": (a_template(), [a_node()], SMALL_ONE),
    "the larger one is cordoned": (a_template(), [a_node(), a_node("large", unschedulable=True, **LARGE)], SMALL_ONE),
    "the larger one is not ready": (a_template(), [a_node(), a_node("large", ready="Unknown", **LARGE)], SMALL_ONE),
    "the larger one is being deleted": (
        a_template(), [a_node(), a_node("large", metadata={"deletionTimestamp": "x"}, **LARGE)], SMALL_ONE,
    ),
    "the larger one has a taint": (a_template(), [a_node(), a_node("large", taints=[TAINT], **LARGE)], SMALL_ONE),
    "a toleration of another value": (
        a_template(tolerations=[{"key": "team", "value": "web"}]),
        [a_node(), a_node("large", taints=[TAINT], **LARGE)],
        SMALL_ONE,
    ),
    "a toleration of another effect": (
        a_template(tolerations=[{"operator": "Exists", "effect": "NoExecute"}]),
        [a_node(), a_node("large", taints=[TAINT], **LARGE)],
        SMALL_ONE,
    ),
    "the larger one has another label": (
        a_template(nodeSelector={"zone": "a"}),
        [a_node(labels={"zone": "a"}), a_node("large", labels={"zone": "b"}, **LARGE)],
        SMALL_ONE,
    ),
    "the larger one is in another zone": (
        a_template(affinity=in_zone("b", operator="NotIn")),
        [a_node(labels={"zone": "a"}), a_node("large", labels={"zone": "b"}, **LARGE)],
        SMALL_ONE,
    ),
    "a number that is too large": (
        a_template(affinity=in_zone("3", operator="Lt")),
        [a_node(labels={"zone": "1"}), a_node("large", labels={"zone": "3"}, **LARGE)],
        SMALL_ONE,
    ),
    "a node that is named": (a_template(nodeName="small"), [a_node(), a_node("large", **LARGE)], SMALL_ONE),
    "what containers ask for together": (
        a_template("2Gi", initContainers=[
            {"name": "mesh", "restartPolicy": "Always", "resources": {"limits": {"memory": "3Gi"}}}
        ]),
        [a_node()],
        "no node can hold a pod that asks for 5Gi of memory: node small",
    ),
    "no single one has it all": (
        a_template("3Gi", containers=[{"name": "app", "resources": {"requests": {"memory": "8Gi", "cpu": "8"}}}]),
        [a_node(allocatable={"cpu": "16"}), a_node("large", **LARGE)],
        "asks for 8Gi of memory: none of 2 nodes can give all that it needs",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("template", "known", "words"), REFUSED.values(), ids=REFUSED)
def test_no_node_can_hold_it(template: dict[str, Any], known: list[Node], words: str) -> None:
    room = weigh(template, *known)
    assert words in room.refusal, room
    assert not room.unknown


def test_each_resource_that_is_raised_is_named_with_its_largest_node() -> None:
    template = a_template(containers=[{"name": "app", "resources": {"requests": {"memory": "8Gi", "cpu": "8"}}}])
    known = a_node(allocatable={"cpu": "6"}), a_node("other", "6Gi")
    assert weigh(template, *known, raised=("cpu", "memory")).refusal == (
        "no node can hold a pod that asks for 8 of cpu and 8Gi of memory: node small, the largest of 2 that it may run "
        "on, can give 6 of cpu; node other, the largest of 2 that it may run on, can give 6Gi of memory"
    )


LEFT = "node small, the one of 1 that other pods leave the most of, can give"
GOING = {"deletionTimestamp": "2026-11-21T12:00:00Z"}
BESIDE = {
    "nobody else": ([], ""),
    "others who leave just enough": ([a_pod(), a_pod()], ""),
    "its own pods, which make room": ([a_pod("3Gi", uid="own"), a_pod()], ""),
    "one that is going": ([{**a_pod("4Gi"), "metadata": GOING}], ""),
    "one that any other may displace": ([a_pod("4Gi", priority=-10)], ""),
    "one that asks for something else": ([a_pod(containers=[{"resources": {"requests": {"cpu": "4"}}}])], ""),
    "others who leave too little": ([a_pod(), a_pod("1025Mi")], f"{LEFT} 2047Mi of memory"),
    "others who ask for more than there is": ([a_pod("3Gi"), a_pod("3Gi")], f"{LEFT} 0 of memory"),
    "one that is more important": ([a_pod("3Gi", priority=1000)], f"{LEFT} 1Gi of memory"),
    "one that has been given a limit only": (
        [a_pod(containers=[{"resources": {"limits": {"memory": "3Gi"}}}])], f"{LEFT} 1Gi of memory",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pods", "refusal"), BESIDE.values(), ids=BESIDE)
def test_what_others_take_of_a_node_is_missing(pods: list[dict[str, Any]], refusal: str) -> None:
    room = weigh_beside(a_node(), *pods)
    assert room.is_full == bool(refusal)
    assert room.refusal == (f"no node can hold a pod that asks for 2Gi of memory: {refusal}" if refusal else "")


def test_nodes_that_are_full_are_named_before_those_that_are_too_small() -> None:
    assert LEFT in weigh_beside(a_node(), a_pod("3Gi"), beside=[a_node("tiny", "1Gi")]).refusal


def test_a_full_node_is_no_refusal_where_one_may_be_added_or_its_pods_run_elsewhere() -> None:
    pool = a_node(labels={"karpenter.sh/nodepool": "default"})
    assert weigh_beside(pool, a_pod("3Gi")) == Room(unknown="Karpenter may add a node")
    strange = a_node("large", taints=[TAINT], **LARGE)
    assert weigh_beside(a_node(), a_pod("3Gi"), beside=[strange], runs_on=frozenset({"large"})) == Room()


def test_pods_with_a_priority_may_displace_others() -> None:
    assert Placement(template=a_template(priorityClassName="high"), raised=()).may_displace
    assert not Placement(template=a_template(), raised=()).may_displace


UNKNOWN = {
    "there is no node": ([], "none is known to take its pods"),
    "none takes its pods at the moment": ([a_node(unschedulable=True)], "none is known to take its pods"),
    "what makes nodes makes larger ones": (
        [a_node(labels={"karpenter.sh/nodepool": "default"})], "Karpenter may add a node"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("known", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_no_refusal(known: list[Node], words: str) -> None:
    room = weigh(a_template(), *known)
    assert not room.refusal
    assert words in room.unknown


def test_where_its_pods_run_elsewhere_than_its_template_leads_every_node_counts() -> None:
    """An admission has added a toleration, or a selector: which, the template does not say."""
    small, tainted = a_node(), a_node("large", taints=[TAINT], **LARGE)
    assert weigh(a_template(), small, tainted, runs_on=frozenset({"large"})) == Room()
    assert SMALL_ONE in weigh(a_template(), small, tainted, runs_on=frozenset({"small"})).refusal


def test_each_node_of_a_daemon_set_must_hold_its_pod() -> None:
    small, large = a_node(), a_node("large", **LARGE)
    refused = weigh(a_template(), large, small, runs_on=frozenset({"small", "large"}), on_each=True)
    assert "node small, is one that must hold it, can give 4Gi of memory" in refused.refusal
    assert weigh(a_template(), large, small, runs_on=frozenset({"large"}), on_each=True) == Room()


ODD: list[Any] = [{}, {"conditions": "x"}, {"allocatable": {"memory": "lots"}}, {"allocatable": None}]


@pytest.mark.parametrize("status", ODD, ids=str)
def test_odd_nodes_and_templates_are_no_errors(status: Any) -> None:
    node = nodes.read_node({"metadata": {"name": "odd"}, "spec": {"taints": "x"}, "status": status})
    odd: list[dict[str, Any]] = [{}, {"affinity": "x", "tolerations": {}, "containers": None}, {"nodeSelector": ["x"]}]
    for spec in odd:
        assert weigh({"spec": spec}, node).refusal == ""


def test_what_can_be_given_is_read_as_the_api_server_writes_it() -> None:
    node = a_node(memory="16Gi", allocatable={"cpu": "3920m"})
    assert node.allocatable == {"memory": Decimal(16 * GIB), "cpu": Decimal("3.92")}
