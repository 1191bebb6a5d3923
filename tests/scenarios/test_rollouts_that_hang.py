"""A release whose pods are never made, or that no node takes, although those of the release before it run."""

from typing import Any

import pytest

from platelet.model import reasons
from platelet.shell.kube import Json
from tests.scenarios.heals import HEAL, effects
from tests.scenarios.incidents import MINUTE, begin, is_well, states
from tests.scenarios.manifests import on_alert, on_pods, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

STUCK: Json = {"workload": {"conditions": ["RolloutStuck"]}}
PENDING: Json = {"pod": {"reasons": ["Unschedulable"], "for": "2m"}}
SHORT: Json = {"workload": {"conditions": ["ReplicasUnavailable"], "for": "2m"}}
NO_SUCH_NODE = "0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector."
FULL = "0/4 nodes are available: 4 Insufficient memory. preemption: 0/4 nodes are available: 4 No preemption victims."
QUOTA = 'pods "api-x" is forbidden: exceeded quota: team, requested: limits.memory=8Gi, used: limits.memory=2Gi'


def asks(pod: Json) -> bool:
    """Whether it is of the release that asks for what there is not."""
    return "nodeSelector" in pod or "resources" in pod["containers"][0]


def release(simulation: Simulation, **changes: Any) -> None:
    """`kubectl apply` of the same image, with another pod spec."""
    simulation.world.edit("api", {"spec": {"template": {"spec": changes}}})


def greedy(amount: str) -> dict[str, Any]:
    """A container that asks for so much memory."""
    return {"containers": [{"name": "app", "image": "app:good-1", "resources": {"requests": {"memory": amount}}}]}


BROUGHT = {
    "a node selector that no node has": (NO_SUCH_NODE, {"nodeSelector": {"disk": "nvme"}}),
    "a request that no node has room for": (FULL, greedy("900Gi")),
}


@pytest.mark.parametrize("trigger", [STUCK, PENDING], ids=["by the deadline", "by its pods"])
@pytest.mark.parametrize(("words", "changes"), BROUGHT.values(), ids=BROUGHT)
def test_what_only_the_new_template_asks_of_nodes_is_undone(
    simulation: Simulation, words: str, changes: dict[str, Any], trigger: Json
) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[trigger])
    simulation.world.no_node_for(words, asks)
    release(simulation, **changes)
    simulation.run(30 * MINUTE)
    assert is_well(simulation), simulation.describe()
    assert len(effects(simulation.world.server.audit)) == 1
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


def test_a_full_cluster_that_a_release_does_not_ask_more_of_is_for_people(simulation: Simulation) -> None:
    """Another image asks for no more room than the one before it."""
    begin(simulation, step("rolloutUndo"), triggers=[STUCK, PENDING])
    simulation.world.no_node_for(FULL, lambda _pod: True)
    simulation.world.release("api", "app:good-2")
    simulation.run(30 * MINUTE)
    assert states(simulation) == [("Escalated", reasons.CAUSE_ELSEWHERE)]
    assert effects(simulation.world.server.audit) == {}


def test_a_release_whose_pods_are_all_refused_is_undone_before_its_deadline(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[STUCK])
    simulation.world.refuse_pods(QUOTA, asks)
    release(simulation, **greedy("8Gi"))
    simulation.run(5 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    simulation.run(25 * MINUTE)
    assert is_well(simulation)
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


ANYWAY = {
    "a quota of pods that is full": 'pods "api-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2',
    "a quota that demands limits": 'pods "api-x" is forbidden: failed quota: team: must specify limits.memory for: app',
    "a webhook that does not answer": 'Internal error occurred: failed calling webhook "v.x.io": no endpoints',
    "Pod Security": 'pods "api-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
}


@pytest.mark.parametrize("words", ANYWAY.values(), ids=ANYWAY)
def test_a_release_whose_pods_are_refused_for_what_it_has_not_brought_is_for_people(
    simulation: Simulation, words: str
) -> None:
    """The ones of the template before would be refused as well; once it is mended the release goes on by itself."""
    begin(simulation, step("rolloutRestart"), step("rolloutUndo"), triggers=[STUCK])
    simulation.world.refuse_pods(words, lambda _pod: True)
    simulation.world.release("api", "app:good-2")
    simulation.run(30 * MINUTE)
    assert effects(simulation.world.server.audit) == {}
    status = simulation.remediation().status
    assert (status.state, status.reason) == ("Escalated", reasons.CAUSE_ELSEWHERE)
    assert words in status.message


def test_an_alert_about_a_release_whose_pods_are_all_refused_leads_to_the_undo(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), triggers=[on_alert("Stuck")])
    simulation.world.refuse_pods(QUOTA, asks)
    release(simulation, **greedy("8Gi"))
    simulation.run(MINUTE)
    labels = {"alertname": "Stuck", "namespace": SHOP, "deployment": "api"}
    simulation.alerts.fire("f1", labels, lasts=4 * MINUTE)
    simulation.run(30 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


def test_a_quota_that_is_full_for_pods_of_a_proven_release_is_for_people(simulation: Simulation) -> None:
    """No rollout: the old pods went, and the same template's new ones are refused."""
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"), triggers=[SHORT])
    simulation.world.refuse_pods(QUOTA, lambda _pod: True)
    simulation.world.scale("api", 4)
    simulation.run(30 * MINUTE)
    assert states(simulation) == [("Escalated", reasons.CAUSE_ELSEWHERE)]
    assert effects(simulation.world.server.audit) == {}


def test_no_more_replicas_are_asked_for_while_a_restart_finds_no_room(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), step("scale", {"by": 2, "max": 8}), triggers=[on_pods()])
    simulation.world.no_node_for(FULL, lambda _pod: True)
    simulation.world.sicken_pods("api", "crash")
    simulation.run(40 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    status = simulation.remediation().status
    assert (status.state, status.reason) == ("Escalated", reasons.CAUSE_ELSEWHERE)
    assert "Insufficient memory" in status.message
    assert "Insufficient memory" in status.attempts[0].verdict_message


def test_a_stateful_set_whose_next_pod_is_refused_is_undone(simulation: Simulation) -> None:
    """Nothing says that it is refused: it is missing in the middle of the rollout, and all others are well."""
    begin(
        simulation,
        step("rolloutUndo"),
        triggers=[SHORT],
        approval={"kinds": []},
        targets={"kinds": ["StatefulSet"], "selector": {"matchLabels": HEAL}},
    )
    simulation.world.deploy_stateful_set("db", "app:good-1", 3, labels=HEAL)
    simulation.run(5 * MINUTE)
    simulation.world.refuse_pods(QUOTA, asks)
    simulation.world.edit("db", {"spec": {"template": {"spec": greedy("8Gi")}}})
    simulation.run(40 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "no node"])
def test_what_does_not_help_such_a_release_is_passed_over_for_the_undo(simulation: Simulation, refused: bool) -> None:  # noqa: FBT001 - a table's column
    """Neither two hours of waiting nor a call to people, while the next step heals."""
    begin(simulation, step("scale", {"by": 1, "max": 5}), step("rolloutRestart"), step("rolloutUndo"), triggers=[STUCK])
    if refused:
        simulation.world.refuse_pods(QUOTA, asks)
    else:
        simulation.world.no_node_for(FULL, asks)
    release(simulation, **greedy("8Gi"))
    simulation.run(40 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
