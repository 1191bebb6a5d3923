"""More memory without a restart: in the pods that run now, proven by their node, given back where it will not do it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.model.resource import PODS
from platelet.replay.resizes import Outcome
from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import (
    IN_PLACE_FOR_A_WHILE,
    MORE_MEMORY,
    OLD_MEMORY,
    approve,
    calm_limited,
    effects,
    is_over,
)
from tests.scenarios.incidents import BUSY, MINUTE, states
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.model_api import Call
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

IN_PLACE = step("adjustResources", {**MORE_MEMORY, "inPlace": "Prefer"})
RESTART = step("rolloutRestart")
OLD, NEW = ("512Mi", "256Mi"), ("768Mi", "384Mi")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def prepare(simulation: Simulation, *steps: kube.Json, **more: object) -> None:
    calm_limited(simulation, *steps, **{"triggers": [on_alert("Busy")], **more})


def busy(simulation: Simulation, lasts: timedelta = 3 * MINUTE) -> None:
    simulation.alerts.fire("f1", BUSY, lasts=lasts)


def nodes_say(simulation: Simulation, outcome: Outcome) -> None:
    simulation.world.controllers.pods.resize = lambda _pod: outcome


def resizes(simulation: Simulation) -> list[Call]:
    """What was sent to pods/NAME/resize and has changed one, each by its own attempt."""
    assert set(effects(simulation.world.server.audit).values()) <= {1}
    assert history.offences(simulation.world.server.audit) == []
    return [call for call in simulation.world.server.audit if call.subresource == "resize" and call.changed]


def uids(simulation: Simulation) -> set[str]:
    return {pod["metadata"]["uid"] for pod in simulation.world.pods("api")}


def verdicts(simulation: Simulation) -> list[tuple[str, str | None]]:
    attempts = [attempt for one in simulation.remediations() for attempt in one.status.attempts]
    return [(attempt.action, attempt.verdict) for attempt in attempts if attempt.kind == "Act"]


def is_put_off(simulation: Simulation) -> bool:
    return any(one.status.reason == reasons.RESIZE_PENDING for one in simulation.remediations())


def test_the_pods_stay_and_have_more_and_the_template_is_as_it_was(simulation: Simulation) -> None:
    prepare(simulation, IN_PLACE)
    before, template = uids(simulation), simulation.world.workload("api")["spec"]["template"]
    busy(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", "Recovered")]
    assert (uids(simulation), set(simulation.world.memory_of_pods("api"))) == (before, {NEW})
    assert simulation.world.workload("api")["spec"]["template"] == template
    assert len(resizes(simulation)) == 2
    (attempt,) = simulation.remediation().status.attempts
    assert "raise app: memory limit 512Mi -> 768Mi, memory request 256Mi -> 384Mi, in place, of pods" in attempt.summary
    assert "for as long as they are there, since the template stays as it is" in attempt.summary


def test_what_replaces_a_pod_later_has_what_the_template_says(simulation: Simulation) -> None:
    """A relief of these pods: nobody writes it on others, and nothing is said to have been changed back."""
    prepare(simulation, step("adjustResources", {**IN_PLACE_FOR_A_WHILE, "revertAfter": "30m"}))
    busy(simulation)
    simulation.run_until(lambda: states(simulation)[-1:] == [("Monitoring", "Recovered")])
    (gone, *_) = simulation.world.pods("api")
    simulation.world.store.mark_deleted(PODS, SHOP, gone["metadata"]["name"])
    simulation.run(5 * MINUTE)
    assert simulation.world.memory_of_pods("api") == {NEW, OLD}
    simulation.run_until(lambda: is_over(simulation) and simulation.world.memory_of_pods("api") == {OLD})
    assert states(simulation) == [("Closed", "Recovered")]
    assert len(resizes(simulation)) == 3


def test_what_runs_out_of_memory_has_more_at_its_next_start(simulation: Simulation) -> None:
    prepare(simulation, IN_PLACE, triggers=[on_pods("OOMKilled")])
    before, world = uids(simulation), simulation.world

    def mend(pod: kube.Json) -> Outcome:
        if pod["spec"]["containers"][0]["resources"]["limits"]["memory"] == NEW[0]:
            life = world.controllers.pods.lives[pod["metadata"]["uid"]]
            if life.behaviour == "oom":
                life.behaviour = "good"
        return "Done"

    world.controllers.pods.resize = mend
    world.sicken_pods("api", "oom")
    simulation.run_until(lambda: is_over(simulation))
    assert (states(simulation), uids(simulation)) == ([("Closed", "Recovered")], before)


@pytest.mark.parametrize(
    ("says", "reason"), [("Infeasible", reasons.RESIZE_INFEASIBLE), ("Deferred", reasons.RESIZE_PENDING)]
)
def test_what_a_node_does_not_do_is_said_reverted_and_left_to_the_next_step(
    simulation: Simulation, says: Outcome, reason: str
) -> None:
    """Without an onFailure: what a node has put off it would else do at any time later."""
    prepare(simulation, IN_PLACE, RESTART)
    nodes_say(simulation, says)
    before = uids(simulation)
    busy(simulation, lasts=6 * MINUTE)
    simulation.run_until(lambda: len(resizes(simulation)) == 4, within=4 * MINUTE)
    assert simulation.world.memory_of_pods("api") == {OLD}
    assert before <= uids(simulation)
    noted = [decision for decision in simulation.remediation().status.decisions if decision.reason == reason]
    assert f"{says}: Node didn't have enough" in noted[-1].message
    simulation.run_until(lambda: is_over(simulation))
    assert verdicts(simulation)[:2] == [("adjustResources", "Failed"), ("rolloutRestart", "Recovered")]
    assert simulation.world.memory("api") == OLD


def test_after_the_last_step_it_is_reverted_before_people_have_it(simulation: Simulation) -> None:
    prepare(simulation, IN_PLACE)
    nodes_say(simulation, "Infeasible")
    busy(simulation, lasts=6 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation)[-1][0] == "Escalated"
    assert (len(resizes(simulation)), set(simulation.world.memory_of_pods("api"))) == (4, {OLD})


def test_one_that_is_put_off_for_a_moment_is_waited_for(simulation: Simulation) -> None:
    prepare(simulation, IN_PLACE)
    nodes_say(simulation, "Deferred")
    busy(simulation)
    simulation.run_until(lambda: is_put_off(simulation))
    assert "is not resized: Deferred: Node didn't have enough resource" in simulation.remediation().status.message
    nodes_say(simulation, "Done")
    simulation.world.look_again("api")
    simulation.run_until(lambda: is_over(simulation))
    assert (states(simulation), len(resizes(simulation))) == ([("Closed", "Recovered")], 2)


def test_a_pod_that_goes_before_it_was_proven_is_no_proof(simulation: Simulation) -> None:
    prepare(simulation, IN_PLACE, RESTART)
    nodes_say(simulation, "Deferred")
    busy(simulation, lasts=6 * MINUTE)
    simulation.run_until(lambda: is_put_off(simulation))
    (gone, *_) = simulation.world.pods("api")
    simulation.world.store.mark_deleted(PODS, SHOP, gone["metadata"]["name"])
    simulation.run_until(lambda: is_over(simulation))
    assert ("adjustResources", "Failed") in verdicts(simulation)
    assert simulation.world.memory_of_pods("api") == {OLD}
    assert reasons.RESIZE_LOST in {decision.reason for decision in simulation.remediation().status.decisions}


BY_ROLLOUT = {
    "a cluster that cannot": (2, {"can_resize": False}, "the node of pod api-"),
    "more pods than one attempt writes": (5, {}, "it has 5 pods, and a step resizes 1 to 4"),
}


@pytest.mark.parametrize(("replicas", "kubelets", "why"), BY_ROLLOUT.values(), ids=BY_ROLLOUT)
def test_where_it_cannot_be_done_it_is_done_by_a_rollout_which_says_why(
    simulation: Simulation, replicas: int, kubelets: dict[str, bool], why: str
) -> None:
    simulation.world.controllers.pods.can_resize = kubelets.get("can_resize", True)
    prepare(simulation, IN_PLACE)
    simulation.world.scale("api", replicas)
    simulation.run(MINUTE)
    busy(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert (states(simulation), simulation.world.memory("api")) == ([("Closed", "Recovered")], NEW)
    assert resizes(simulation) == []
    assert f"; by a rollout: {why}" in simulation.remediation().status.attempts[0].summary


def test_observe_and_approve_say_that_it_is_in_place(simulation: Simulation) -> None:
    prepare(simulation, IN_PLACE, mode="Approve")
    busy(simulation, lasts=20 * MINUTE)
    simulation.run_until(lambda: states(simulation)[-1:] == [("AwaitingApproval", reasons.APPROVAL_NEEDED)])
    asked = simulation.remediation().status.approval
    assert asked is not None
    assert "in place, of pods" in asked.summary
    assert resizes(simulation) == []
    approve(simulation)
    simulation.run_until(lambda: len(resizes(simulation)) == 2)


def test_amounts_that_people_set_in_between_are_not_overwritten(simulation: Simulation) -> None:
    """Of the pod itself, right before the write."""
    prepare(simulation, IN_PLACE)
    server = simulation.world.server
    done: list[str] = []

    def meddle(_index: int) -> None:
        planned = [attempt for one in simulation.remediations() for attempt in one.status.attempts]
        if planned and not done:
            (pod, *_) = simulation.world.pods("api")
            done.append(pod["metadata"]["name"])
            amounts = {"limits": {"memory": "600Mi"}, "requests": {"memory": "300Mi"}}
            pod["spec"]["containers"][0]["resources"] = amounts
            simulation.world.store.patch(PODS, SHOP, done[0], {"spec": pod["spec"]}, subresource="resize")

    server.on_call = meddle
    busy(simulation)
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert done
    assert simulation.world.memory_of_pods("api") == {NEW, ("900Mi", "450Mi")}
    first = simulation.remediation().status.attempts[0]
    assert first.phase == "Superseded"


def test_the_pods_of_a_stateful_set_are_resized_where_they_are(simulation: Simulation) -> None:
    targets = {"kinds": ["StatefulSet"], "selector": {"matchLabels": {"heal": "yes"}}}
    wanted = policy(targets=targets, triggers=[on_alert("Busy")], approval={"kinds": []})
    simulation.apply(runbook(IN_PLACE), wanted)
    simulation.world.deploy_stateful_set("api", "app:good-1", 2, labels={"heal": "yes"})
    simulation.world.limit("api", OLD_MEMORY)
    simulation.run(3 * MINUTE)
    before = uids(simulation)
    labels = {"alertname": "Busy", "namespace": SHOP, "statefulset": "api"}
    simulation.alerts.fire("f1", labels, lasts=3 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert (uids(simulation), set(simulation.world.memory_of_pods("api"))) == (before, {NEW})
