"""A step that evicts failing pods: each uid once, only while it fails, and a PodDisruptionBudget has the last word."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.model.resource import DISRUPTION_BUDGETS, PODS
from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import HEAL, LIMITS, MINUTE, approve, deletions, is_over
from tests.scenarios.incidents import states
from tests.scenarios.manifests import on_pods, policy, runbook, step
from tests.scenarios.model_api import Call
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

EVICT, BOTH, RESTART = step("evictPods"), step("evictPods", {"maxPods": 2}), step("rolloutRestart")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def prepare(simulation: Simulation, *steps: kube.Json, **more: object) -> None:
    limits = {**LIMITS, "maxUnhealthy": "100%"}
    simulation.apply(runbook(*steps), policy(limits=limits, **{"triggers": [on_pods()], **more}))  # type: ignore[arg-type]
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def sicken_one(simulation: Simulation, behaviour: str = "crash-unready") -> str:
    """The name of the one pod that falls ill; the others stay well."""
    (pod, *_) = simulation.world.pods("api")
    lives = simulation.world.controllers.pods.lives
    lives[pod["metadata"]["uid"]].sicken(behaviour, simulation.world.now)  # type: ignore[arg-type]
    simulation.world.step()
    return str(pod["metadata"]["name"])


def budget(simulation: Simulation, *, healthy: int, wanted: int, allowed: int = 0) -> None:
    """A PodDisruptionBudget of the workload, as its controller would write it, or another word of it."""
    status = {"currentHealthy": healthy, "desiredHealthy": wanted, "disruptionsAllowed": allowed}
    spec = {"selector": {"matchLabels": {"app": "api"}}, "minAvailable": wanted}
    body = {"metadata": {"name": "api"}, "spec": spec, "status": {**status, "observedGeneration": 1}}
    if simulation.world.store.find(DISRUPTION_BUDGETS, SHOP):
        simulation.world.store.delete(DISRUPTION_BUDGETS, SHOP, "api")
    simulation.world.store.create(DISRUPTION_BUDGETS, SHOP, body)


def evictions(simulation: Simulation) -> list[Call]:
    return [call for call in simulation.world.server.audit if call.subresource == "eviction"]


def evicted(simulation: Simulation) -> list[str]:
    """The names of the pods that went."""
    assert deletions(simulation.world.server.audit) == ()
    return [call.name for call in evictions(simulation) if call.changed]


def noted(simulation: Simulation) -> list[str]:
    return [decision.reason for decision in simulation.remediation().status.decisions]


def test_the_failing_pod_goes_and_the_well_ones_stay(simulation: Simulation) -> None:
    prepare(simulation, EVICT)
    name = sicken_one(simulation)
    others = {pod["metadata"]["uid"] for pod in simulation.world.pods("api") if pod["metadata"]["name"] != name}
    simulation.run_until(lambda: is_over(simulation))
    assert evicted(simulation) == [name]
    assert states(simulation) == [("Closed", "Recovered")]
    assert others <= {pod["metadata"]["uid"] for pod in simulation.world.pods("api")}
    assert history.offences(simulation.world.server.audit) == []


def test_what_evictions_do_not_help_leads_to_the_next_step(simulation: Simulation) -> None:
    """One of two is evicted, and the other one fails on."""
    prepare(simulation, {**EVICT, "verify": {"timeout": "1m", "stableFor": "10s"}}, RESTART)
    simulation.world.sicken_pods("api", "crash-unready")
    simulation.run_until(lambda: is_over(simulation))
    attempts = simulation.remediation().status.attempts
    assert [(attempt.action, attempt.verdict) for attempt in attempts] == [
        ("evictPods", "Failed"), ("rolloutRestart", "Recovered"),
    ]  # fmt: skip
    assert len(evicted(simulation)) == 1


def test_one_that_is_ready_between_its_crashes_goes_while_it_is_not(simulation: Simulation) -> None:
    prepare(simulation, EVICT)
    name = sicken_one(simulation, "crash")
    simulation.run_until(lambda: is_over(simulation))
    assert evicted(simulation) == [name]
    assert states(simulation) == [("Closed", "Recovered")]


def test_a_budget_is_waited_for_with_the_reason_and_nothing_else_is_done(simulation: Simulation) -> None:
    prepare(simulation, EVICT, RESTART)
    budget(simulation, healthy=1, wanted=2)
    name = sicken_one(simulation)
    simulation.run(20 * MINUTE)
    status = simulation.remediation().status
    assert (status.state, status.reason) == ("Waiting", reasons.DISRUPTION_BUDGET)
    assert "PodDisruptionBudget api needs 2 healthy pods and has 1" in status.message
    assert (evictions(simulation), status.attempts) == ([], ())
    budget(simulation, healthy=1, wanted=1)
    simulation.run_until(lambda: is_over(simulation))
    assert evicted(simulation) == [name]
    assert states(simulation) == [("Closed", "Recovered")]


def test_a_budget_that_never_lets_it_go_leads_to_people(simulation: Simulation) -> None:
    prepare(simulation, EVICT, RESTART)
    budget(simulation, healthy=1, wanted=2)
    sicken_one(simulation)
    simulation.run_until(lambda: is_over(simulation), within=timedelta(hours=3))
    assert states(simulation) == [("Escalated", reasons.GAVE_UP)]
    assert "needs 2 healthy pods and has 1" in simulation.remediation().status.message
    assert evictions(simulation) == []


def test_a_429_that_nobody_foresaw_is_asked_again_and_says_why(simulation: Simulation) -> None:
    """The budget changes between the plan and the eviction; it is asked a few times in two minutes, then looked at."""
    prepare(simulation, EVICT, RESTART)
    name = sicken_one(simulation)
    server = simulation.world.server

    def forbid(_index: int) -> None:
        intended = any(a.phase == "Intended" for r in simulation.remediations() for a in r.status.attempts)
        if intended and not simulation.world.store.find(DISRUPTION_BUDGETS, SHOP):
            budget(simulation, healthy=1, wanted=2)

    server.on_call = forbid
    simulation.run_until(lambda: len(evictions(simulation)) > 1, within=10 * MINUTE)
    assert {call.code for call in evictions(simulation)} == {429}
    simulation.run(timedelta(seconds=30))
    assert "it would violate" in simulation.remediation().status.message
    simulation.run(5 * MINUTE)
    assert simulation.remediation().status.reason == reasons.DISRUPTION_BUDGET
    asked = len(evictions(simulation))
    assert asked < 15
    server.on_call = None
    budget(simulation, healthy=2, wanted=2)
    simulation.run_until(lambda: is_over(simulation))
    assert evicted(simulation) == [name]
    assert len(evictions(simulation)) == asked + 1
    assert [attempt.phase for attempt in simulation.remediation().status.attempts] == ["Superseded", "Done"]


def test_what_is_over_is_removed_beside_it(simulation: Simulation) -> None:
    """The kubelet has evicted it weeks ago: its controller has made another one, and lets it lie."""
    prepare(simulation, EVICT)
    (pod, *_) = simulation.world.pods("api")
    meta = {key: pod["metadata"][key] for key in ("labels", "ownerReferences")}
    body = {"metadata": {**meta, "name": "api-over"}, "spec": pod["spec"]}
    simulation.world.store.create(PODS, SHOP, body)
    over = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    simulation.world.store.patch(PODS, SHOP, "api-over", {"status": over}, subresource="status")
    name = sicken_one(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert evicted(simulation) == [name, "api-over"]
    assert states(simulation) == [("Closed", "Recovered")]


def test_a_yes_is_to_these_very_pods(simulation: Simulation) -> None:
    prepare(simulation, {**BOTH, "approval": "Required"})
    first = sicken_one(simulation)
    simulation.run_until(lambda: states(simulation)[-1:] == [("AwaitingApproval", reasons.APPROVAL_NEEDED)])
    asked = simulation.remediation().status.approval
    assert asked is not None
    assert asked.summary == f"evict 1 of 1 failing pods: {first}"
    simulation.world.sicken_pods("api", "crash-unready")
    simulation.run(MINUTE)
    anew = simulation.remediation().status.approval
    assert anew is not None
    assert "evict 2 of 2" in anew.summary
    assert evictions(simulation) == []
    approve(simulation)
    simulation.run_until(lambda: len(evicted(simulation)) == 2)


def test_the_second_of_two_that_is_well_by_then_stays(simulation: Simulation) -> None:
    """The first one is evicted, and the step is proven by what is made."""
    prepare(simulation, BOTH)
    simulation.world.sicken_pods("api", "crash-unready")
    lives = simulation.world.controllers.pods.lives

    def mend(_index: int) -> None:
        if len(gone := [call.name for call in evictions(simulation) if call.changed]) == 1:
            (pod,) = [pod for pod in simulation.world.pods("api") if pod["metadata"]["uid"] in old]
            if pod["metadata"]["name"] not in gone:
                lives[pod["metadata"]["uid"]].sicken("good", simulation.world.now)
                simulation.world.step()

    old = set(lives)
    simulation.world.server.on_call = mend
    simulation.run_until(lambda: is_over(simulation))
    assert len(evicted(simulation)) == 1
    (attempt,) = simulation.remediation().status.attempts
    assert (attempt.phase, attempt.verdict, len(attempt.changes)) == ("Done", "Recovered", 1)


def test_observe_says_which_pod_it_would_evict(simulation: Simulation) -> None:
    prepare(simulation, EVICT, mode="Observe")
    name = sicken_one(simulation)
    simulation.run(3 * MINUTE)
    assert f"would evict 1 of 1 failing pods: {name}" in simulation.remediation().status.message
    assert evictions(simulation) == []


def test_where_nothing_fails_that_an_eviction_ends_the_next_step_follows(simulation: Simulation) -> None:
    prepare(simulation, EVICT, RESTART, triggers=[{"alert": {"matchers": ['alertname="Busy"']}}])
    simulation.alerts.fire("f1", {"alertname": "Busy", "namespace": SHOP, "deployment": "api"}, lasts=5 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert evictions(simulation) == []
    assert reasons.NOTHING_TO_EVICT in noted(simulation)
    assert [attempt.action for attempt in simulation.remediation().status.attempts] == ["rolloutRestart"]
