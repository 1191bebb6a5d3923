"""More memory than any node can hold: no rollout is begun that would hang, and the next step follows."""

from collections.abc import Iterator

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import calm_limited, is_over
from tests.scenarios.incidents import states
from tests.scenarios.manifests import on_pods
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_adjustments import ADJUST, NEW, OLD, RESTART, decisions, writes

OOM = [on_pods("OOMKilled", "CrashLoopBackOff")]
TOO_SMALL = "node node-1, the largest of 1 that it may run on, can give"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def strike(simulation: Simulation) -> None:
    simulation.world.sicken_pods("api", "oom")
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))


def requests_for_nodes(simulation: Simulation) -> list[str]:
    calls = simulation.world.server.audit
    return [
        f"{call.verb} {call.resource}"
        for call in calls
        if call.resource in ("nodes", "configmaps") or (call.resource, call.namespace) == ("pods", "")
    ]


def test_what_no_node_can_hold_is_passed_over(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, RESTART, triggers=OOM)
    simulation.world.size_node("node-1", "300Mi")
    strike(simulation)
    assert decisions(simulation.remediation(), reasons.NO_NODE_LARGE_ENOUGH) == [
        f"app: no node can hold a pod that asks for 384Mi of memory: {TOO_SMALL} 300Mi of memory"
    ]
    assert [attempt.action for attempt in simulation.remediation().status.attempts] == ["rolloutRestart"]
    assert simulation.world.memory("api") == OLD
    assert states(simulation) == [("Closed", "Recovered")]
    assert requests_for_nodes(simulation) == ["get configmaps", "get configmaps"]  # is there an autoscaler of nodes?


def test_what_other_pods_leave_too_little_room_for_is_passed_over(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, RESTART, triggers=OOM)
    simulation.world.size_node("node-1", "1Gi")
    container = {"name": "app", "image": "other", "resources": {"requests": {"memory": "800Mi"}}}
    simulation.world.store.create(
        kube.PODS,
        "elsewhere",
        {
            "metadata": {"name": "other", "labels": {"app": "other"}},
            "spec": {"nodeName": "node-1", "containers": [container]},
        },
    )
    strike(simulation)
    left = "node node-1, the one of 1 that other pods leave the most of, can give 224Mi of memory"
    assert decisions(simulation.remediation(), reasons.NO_ROOM_ON_NODES) == [
        f"app: no node can hold a pod that asks for 384Mi of memory: {left}"
    ]
    assert [attempt.action for attempt in simulation.remediation().status.attempts] == ["rolloutRestart"]


def test_a_larger_node_that_its_pods_may_go_to_is_enough_and_costs_one_request(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, triggers=OOM)
    simulation.world.size_node("node-1", "300Mi")
    simulation.world.add_node("node-2")
    strike(simulation)
    assert simulation.world.memory("api") == NEW
    assert requests_for_nodes(simulation) == ["list pods"]


def test_where_a_cluster_autoscaler_may_add_a_larger_node_it_is_tried(simulation: Simulation) -> None:
    calm_limited(simulation, ADJUST, triggers=OOM)
    simulation.world.size_node("node-1", "300Mi")
    simulation.world.store.create(kube.CONFIG_MAPS, "kube-system", {"metadata": {"name": "cluster-autoscaler-status"}})
    strike(simulation)
    assert simulation.world.memory("api") == NEW
    (attempt,) = simulation.remediation().status.attempts
    assert "whether a node can hold its pods is not known: the cluster autoscaler may add" in attempt.summary


def test_who_asks_for_no_more_asks_for_no_node(simulation: Simulation) -> None:
    calm_limited(simulation, RESTART, ADJUST, triggers=OOM)
    simulation.world.size_node("node-1", "300Mi")
    strike(simulation)
    assert requests_for_nodes(simulation) == []
    assert writes(simulation) == 1
