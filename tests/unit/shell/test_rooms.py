"""Weighing nodes for a plan: where they come from, how often, and what is said where one may not look."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from platelet.actions.adjust_resources import SCALERS, AdjustResources
from platelet.model import quantity, templates
from platelet.model.amount import Amount
from platelet.model.node_room import Room
from platelet.model.situation import Situation
from platelet.shell import kube
from platelet.shell.kube import Json
from platelet.shell.read.rooms import RoomReader
from tests.unit.situations import NOW, a_daemon_set, a_pod, a_situation, a_step, a_workload

TEMPLATE = {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "512Mi"}}}]}}
HASH = templates.hash_template(TEMPLATE)
ADJUST = a_step("adjustResources", AdjustResources(memory=Amount(by_percent=50, max=quantity.parse("2Gi"))))
FORBIDDEN = kube.Refused(403, "Forbidden", "no")
NONE = kube.NotFound(404, "NotFound", "none")
LOST = kube.Unanswered(503, "ServiceUnavailable", "later")


def a_node(name: str, memory: str) -> Json:
    conditions = [{"type": "Ready", "status": "True"}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions, "allocatable": {"memory": memory}}}


class Cluster:
    """Nodes that are told, and ConfigMaps that are there or not."""

    def __init__(self, *nodes: Json, listing: Exception | None = None, config_map: Exception | None = NONE) -> None:
        """Nothing was asked."""
        self.stored, self.listing, self.config_map = nodes, listing, config_map
        self.listed, self.taken, self.looked_up, self.looked_into = 0, 0, list[str](), list[str]()
        self.pods: Mapping[str, str] = {}  # the memory that somebody else takes of a node
        self.pods_listing: Exception | None = None

    async def nodes(self) -> Iterable[Json]:
        """One by one."""
        self.listed += 1
        if self.listing is not None:
            raise self.listing
        return self._in_turn()

    def _in_turn(self) -> Iterable[Json]:
        for node in self.stored:
            self.taken += 1
            yield node

    async def list(self, resource: kube.Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> Any:
        """Only the pods of a node that still take something of it are asked for."""
        assert (resource, namespace, labels) == (kube.PODS, "", "")
        by_node, *others = fields.split(",")
        assert others == ["status.phase!=Succeeded", "status.phase!=Failed"]
        self.looked_into.append(by_node.removeprefix("spec.nodeName="))
        if self.pods_listing is not None:
            raise self.pods_listing
        taken = self.pods.get(self.looked_into[-1])
        containers = [{"resources": {"requests": {"memory": taken}}}]
        return [{"metadata": {"uid": "other"}, "spec": {"containers": containers}}] if taken else []

    async def get(self, resource: kube.Resource, namespace: str, name: str) -> Json:
        """Only the status of a cluster autoscaler is looked for."""
        assert (resource, name) == (kube.CONFIG_MAPS, "cluster-autoscaler-status")
        self.looked_up.append(namespace)
        if self.config_map is not None:
            raise self.config_map
        return {"metadata": {"name": name}}


def reader(cluster: Cluster) -> RoomReader:
    return RoomReader(cluster, cluster)  # type: ignore[arg-type]


def seen(**changes: Any) -> Situation:
    live = a_workload(template=TEMPLATE, template_hash=HASH)
    known: dict[str, Any] = {
        "workload": live,
        "revisions": (),
        "steps": (ADJUST,),
        "lists": {SCALERS.plural: ()},
    }
    return a_situation(**{**known, **changes})


async def room(cluster: Cluster, situation: Situation | None = None) -> Room:
    (only,) = (await reader(cluster).read(situation or seen(), NOW)).values()
    return only


async def test_the_first_node_that_can_hold_it_is_enough() -> None:
    cluster = Cluster(*(a_node(f"node-{number}", "1Gi") for number in range(250)))
    assert await room(cluster) == Room()
    assert (cluster.taken, cluster.looked_into, cluster.looked_up) == (1, ["node-0"], [])


async def test_a_node_of_which_others_leave_too_little_is_passed_over() -> None:
    cluster = Cluster(a_node("node-1", "1Gi"), a_node("node-2", "1Mi"), a_node("node-3", "1Gi"))
    cluster.pods = {"node-1": "900Mi"}
    assert await room(cluster) == Room()
    assert cluster.looked_into == ["node-1", "node-3"]


async def test_where_all_are_full_an_autoscaler_is_looked_for() -> None:
    cluster = Cluster(*(a_node(f"node-{number}", "1Gi") for number in range(10)))
    cluster.pods = {f"node-{number}": "900Mi" for number in range(10)}
    known = await room(cluster)
    assert known.is_full
    assert "the one of 10 that other pods leave the most of, can give 124Mi of memory" in known.refusal
    assert cluster.looked_up == ["kube-system", "openshift-machine-api"]


async def test_no_more_than_ten_nodes_are_looked_into() -> None:
    cluster = Cluster(*(a_node(f"node-{number}", "1Gi") for number in range(250)))
    cluster.pods = {f"node-{number}": "900Mi" for number in range(250)}
    assert await room(cluster) == Room(unknown="the first 10 nodes that are large enough are full")
    assert len(cluster.looked_into) == 10


async def test_what_pods_with_a_priority_may_displace_is_not_asked() -> None:
    important = {"spec": {**TEMPLATE["spec"], "priorityClassName": "high"}}
    live = a_workload(template=important, template_hash=templates.hash_template(important))
    cluster = Cluster(a_node("node-1", "1Gi"))
    assert await room(cluster, seen(workload=live)) == Room()
    assert cluster.looked_into == []


async def test_where_pods_of_others_may_not_be_listed_nothing_is_refused() -> None:
    cluster = Cluster(a_node("node-1", "1Gi"))
    cluster.pods_listing = FORBIDDEN
    assert "what other pods take of a node may not be listed (403" in (await room(cluster)).unknown


async def test_where_none_can_all_were_looked_at_and_an_autoscaler_is_looked_for() -> None:
    cluster = Cluster(*(a_node(f"node-{number}", "500Mi") for number in range(250)))
    assert "the largest of 250 that it may run on, can give 500Mi of memory" in (await room(cluster)).refusal
    assert (cluster.taken, cluster.looked_up) == (250, ["kube-system", "openshift-machine-api"])


UNKNOWN = {
    "nodes may not be listed": (Cluster(listing=FORBIDDEN), "nodes may not be listed (403 Forbidden)"),
    "a cluster autoscaler runs": (Cluster(a_node("n", "1Mi"), config_map=None), "may add a node"),
    "whether one runs may not be asked": (
        Cluster(a_node("n", "1Mi"), config_map=FORBIDDEN),
        "may not be looked up",
    ),
}


@pytest.mark.parametrize(("cluster", "words"), UNKNOWN.values(), ids=UNKNOWN)
async def test_what_is_not_known_is_no_refusal(cluster: Cluster, words: str) -> None:
    known = await room(cluster)
    assert not known.refusal
    assert words in known.unknown


async def test_no_autoscaler_makes_the_nodes_of_a_daemon_set_larger() -> None:
    live = a_daemon_set(template=TEMPLATE, template_hash=HASH)
    cluster = Cluster(a_node("node-1", "1Mi"), a_node("node-2", "64Gi"), config_map=None)
    assert "node node-1" in (await room(cluster, seen(workload=live, pods=(a_pod(),)))).refusal
    assert cluster.looked_up == []


@pytest.mark.parametrize("cluster", [Cluster(listing=LOST), Cluster(a_node("n", "1Mi"), config_map=LOST)])
async def test_a_read_that_fails_otherwise_is_made_again_later(cluster: Cluster) -> None:
    with pytest.raises(kube.Unanswered):
        await room(cluster)


async def test_what_was_weighed_a_moment_ago_is_not_weighed_again() -> None:
    cluster = Cluster(a_node("node-1", "1Gi"))
    reading = reader(cluster)
    for _ in range(3):
        await reading.read(seen(), NOW)
    assert cluster.listed == 1
    await reading.read(seen(pods=(a_pod(node="node-2"),)), NOW)
    assert cluster.listed == 2


async def test_where_no_such_plan_is_in_sight_nothing_is_asked() -> None:
    cluster = Cluster(a_node("node-1", "1Gi"))
    assert await reader(cluster).read(seen(budget=None), NOW) == {}
    assert cluster.listed == 0
