"""What is remembered may be of the past: that delays what is done, and never makes it wrong (I5, docs/adr/0021)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from platelet.model import approval, reasons
from platelet.model.durations import format_time
from platelet.shell import kube
from tests.scenarios.heals import HEAL, approve, effects
from tests.scenarios.incidents import MINUTE, begin, images_written, is_well, states
from tests.scenarios.manifests import policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

SECOND = timedelta(seconds=1)
Deed = Callable[[Simulation], object]
OURS = {resource.plural for resource in (kube.REMEDIATIONS, kube.RUNBOOKS, kube.POLICIES, kube.BUDGETS)}
WORKLOADS = {resource.plural for resource in (kube.PODS, kube.DEPLOYMENTS, kube.REPLICA_SETS)}
EVERYTHING = OURS | WORKLOADS | {kube.CONTROLLER_REVISIONS.plural, kube.NAMESPACES.plural, kube.NODES.plural}
STOPS: dict[str, Deed] = {
    "pause everything": lambda it: it.budget_spec({"suspended": {"reason": "release freeze"}}),
    "suspend the namespace": lambda it: it.world.store.patch(
        kube.NAMESPACES, "", SHOP, {"metadata": {"annotations": {"platelet.dev/suspend": "freeze"}}}
    ),
    "suspend the workload": lambda it: it.world.annotate("api", {"platelet.dev/suspend": "true"}),
    "lower the policy to Observe": lambda it: it.world.store.patch(
        kube.POLICIES, SHOP, "heal", {"spec": {"mode": "Observe"}}
    ),
    "delete the policy": lambda it: it.world.store.delete(kube.POLICIES, SHOP, "heal"),
    "delete its runbook": lambda it: it.world.store.delete(kube.RUNBOOKS, SHOP, "heal"),
    "take the label off": lambda it: it.world.edit("api", {"metadata": {"labels": {"heal": None}}}),
    "roll back themselves": lambda it: it.world.release("api", "app:good-1"),
    "delete the workload": lambda it: it.world.delete("api"),
}
BESIDE_A_PAUSE = {name: deed for name, deed in STOPS.items() if name != "pause everything"}


def stand_still(simulation: Simulation, kinds: set[str]) -> None:
    for process in simulation.processes:
        process.unseen |= kinds


def go_on(simulation: Simulation) -> None:
    for process in simulation.processes:
        process.unseen.clear()


@pytest.mark.parametrize("deed", STOPS.values(), ids=STOPS)
def test_what_people_did_unseen_is_heard_before_anything_is_written(simulation: Simulation, deed: Deed) -> None:
    """All streams stand still from when the pods are sick; the incident comes due by time alone."""
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: bool(simulation.remediations()))
    before = effects(simulation.world.server.audit)
    stand_still(simulation, EVERYTHING)
    deed(simulation)
    simulation.run(MINUTE)
    assert effects(simulation.world.server.audit) == before


@pytest.mark.parametrize("deed", BESIDE_A_PAUSE.values(), ids=BESIDE_A_PAUSE)
def test_what_people_did_unseen_while_it_waited_is_heard_before_anything_is_written(
    simulation: Simulation, deed: Deed
) -> None:
    """It was opened, and waits for the end of a pause, which comes by time alone; all streams stand still meanwhile."""
    begin(simulation, step("rolloutUndo"))
    until = simulation.world.now + 5 * MINUTE
    simulation.budget_spec({"suspended": {"reason": "release freeze", "until": format_time(until)}})
    simulation.world.release("api", "app:crash")
    simulation.run(3 * MINUTE)
    assert states(simulation) == [("Waiting", reasons.SUSPENDED)]
    stand_still(simulation, EVERYTHING)
    deed(simulation)
    simulation.run(10 * MINUTE)
    assert effects(simulation.world.server.audit) == {}


def test_pods_that_have_recovered_unseen_are_not_acted_on(simulation: Simulation) -> None:
    """The restart would be for pods that are well again (I5)."""
    begin(simulation, step("rolloutRestart"))
    simulation.world.sicken_pods("api", "crash")
    simulation.run_until(lambda: any(pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods(simulation)))
    simulation.run(20 * SECOND)
    stand_still(simulation, WORKLOADS)
    simulation.world.rollout_restart("api")
    simulation.run(5 * MINUTE)
    assert effects(simulation.world.server.audit) == {}
    go_on(simulation)
    simulation.run(10 * MINUTE)
    assert is_well(simulation)


def pods(simulation: Simulation) -> list[kube.Json]:
    return [pod for pod in simulation.world.pods("api") if pod["status"].get("containerStatuses")]


@pytest.mark.parametrize(
    "kinds", [{kind} for kind in sorted(EVERYTHING)] + [EVERYTHING], ids=lambda kinds: "+".join(sorted(kinds))
)
def test_streams_that_stand_still_for_minutes_only_delay(simulation: Simulation, kinds: set[str]) -> None:
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"))
    stand_still(simulation, kinds)
    simulation.world.release("api", "app:crash")
    simulation.run(3 * MINUTE)
    go_on(simulation)
    simulation.run(30 * MINUTE)
    assert is_well(simulation), simulation.describe()
    assert images_written(simulation) == ["app:good-1"]
    assert {state for state, _ in states(simulation)} == {"Closed"}


def test_a_no_that_was_not_seen_is_heard_before_the_write(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Approve")
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: "AwaitingApproval" in {state for state, _ in states(simulation)})
    approve(simulation)
    stand_still(simulation, {kube.REMEDIATIONS.plural})
    (only,) = simulation.remediations()
    assert only.status.approval is not None
    annotations = {approval.REJECT: only.status.approval.token, approval.REJECTED_BY: "ann"}
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, only.name, {"metadata": {"annotations": annotations}})
    simulation.run(10 * MINUTE)
    assert effects(simulation.world.server.audit) == {}


def test_a_look_that_finds_nothing_to_do_costs_no_request(simulation: Simulation) -> None:
    """An incident that waits is woken by each of its pods, and looks; between two resyncs only the Lease is renewed."""
    simulation.apply(runbook(step("rolloutUndo")), policy(maintenanceWindows=[]))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(3 * MINUTE)
    simulation.budget_spec({"suspended": {"reason": "release freeze"}})
    simulation.world.release("api", "app:crash")
    simulation.run(11 * MINUTE)
    before = len(simulation.world.server.audit)
    simulation.run(3 * MINUTE)
    since = [call for call in simulation.world.server.audit[before:] if call.resource != kube.LEASES.plural]
    assert [f"{call.verb} {call.resource}" for call in since] == []
