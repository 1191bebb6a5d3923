"""Temporary changes are reverted, whatever happens in between; what is no longer ours is left alone."""

from datetime import timedelta

import pytest

from platelet.changes import kept_values
from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import (
    AS_BEFORE,
    HEAL,
    HEALS,
    OLD_MEMORY,
    RAISE,
    SWITCH_OFF,
    approve,
    is_over,
    look,
)
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP


def test_a_bad_release_during_a_scale_up_is_undone_and_the_scale_up_reverted(simulation: Simulation) -> None:
    simulation.apply(
        runbook(step("rolloutUndo")),
        policy(),
        runbook(step("scale", {"to": 4, "revertAfter": "30m"}), name="more"),
        policy("busy", triggers=[on_alert("Busy")], runbookRef={"name": "more"}),
    )
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(3 * MINUTE)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.alerts.resolve("f1")
    simulation.run(5 * MINUTE)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: simulation.world.image("api") == "app:good-1")
    assert simulation.world.replicas("api") == 4
    simulation.run_until(lambda: simulation.world.replicas("api") == 2)
    simulation.run_until(lambda: is_over(simulation))
    simulation.run(30 * MINUTE)
    assert (simulation.world.image("api"), simulation.world.replicas("api")) == ("app:good-1", 2)
    assert look(simulation).unsettled == []


def test_a_scale_up_whose_remediation_was_deleted_is_reverted(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4, "revertAfter": "30m"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.alerts.resolve("f1")
    simulation.run(5 * MINUTE)
    simulation.world.store.delete(kube.REMEDIATIONS, SHOP, simulation.remediation().name)
    simulation.run(60 * MINUTE)
    assert simulation.world.replicas("api") == 2
    assert look(simulation).unsettled == []


def test_a_scale_up_is_reverted_when_the_alert_resolves(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4, "revertWhenResolved": True}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.run(10 * MINUTE)
    assert simulation.world.replicas("api") == 4
    simulation.alerts.resolve("f1")
    simulation.run(10 * MINUTE)
    assert simulation.world.replicas("api") == 2


def test_a_number_of_replicas_that_people_have_set_is_not_reverted(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4, "revertAfter": "10m"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.alerts.resolve("f1")
    simulation.run(MINUTE)
    simulation.world.scale("api", 7)
    simulation.run(60 * MINUTE)
    assert simulation.world.replicas("api") == 7
    assert look(simulation).unsettled == []


def test_a_release_between_a_reverts_intent_and_its_write_does_not_lose_it(simulation: Simulation) -> None:
    """The operator is killed right after it stored the intent, and people release before it is back."""
    begin(simulation, step("scale", {"to": 4, "revertAfter": "10m"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.alerts.resolve("f1")
    server, released = simulation.world.server, False

    def strike(index: int) -> None:
        nonlocal released
        last = server.audit[-1]
        if not released and last.resource == kube.REMEDIATIONS.plural and "'Revert', 'step'" in str(last.body):
            released = True
            server.faults.at[index] = "kill before"
            simulation.world.release("api", "app:good-2")

    server.on_call = strike
    simulation.run(60 * MINUTE)
    assert released
    assert (simulation.world.image("api"), simulation.world.replicas("api")) == ("app:good-2", 2)


def test_a_revert_that_is_refused_is_not_forgotten(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4, "revertAfter": "10m"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.alerts.resolve("f1")
    server, refused = simulation.world.server, False

    def strike(index: int) -> None:
        nonlocal refused
        last = server.audit[-1]
        if not refused and "/back" in str(last.body) and last.resource == kube.REMEDIATIONS.plural:
            refused = True
            for following in range(index, index + 20):
                server.faults.at[following] = "refused"

    server.on_call = strike
    simulation.run(90 * MINUTE)
    is_escalated = any(state == "Escalated" for state, _ in states(simulation))
    assert refused
    assert simulation.world.replicas("api") == 2 or is_escalated


def test_a_target_that_is_created_anew_owes_no_revert(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4, "revertAfter": "10m"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY, lasts=MINUTE)
    simulation.run(5 * MINUTE)
    simulation.world.delete("api")
    simulation.world.deploy("api", "app:good-1", replicas=4, labels=HEAL)
    simulation.run(60 * MINUTE)
    assert simulation.world.replicas("api") == 4
    assert look(simulation).unsettled == []


@pytest.mark.parametrize(("how", "left_with"), [("Revert", 2), ("Drop", 4)])
def test_before_a_removal_what_was_lent_is_returned_or_let_stay_and_no_trace_is_left(
    simulation: Simulation, how: str, left_with: int
) -> None:
    """It was paused before, and its Remediation was deleted; a release meanwhile leaves no revision record."""
    begin(simulation, step("scale", {"to": 4, "revertAfter": "2h"}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    simulation.alerts.resolve("f1")
    simulation.run(30 * MINUTE)
    simulation.budget_spec({"suspended": {"reason": "uninstall"}})
    simulation.world.store.delete(kube.REMEDIATIONS, SHOP, simulation.remediation().name)
    simulation.run(MINUTE)
    simulation.budget_spec({"suspended": {"reason": "uninstall", "leaving": how}})
    for record in simulation.world.store.find(kube.CONTROLLER_REVISIONS):
        meta = record["metadata"]
        simulation.world.store.delete(kube.CONTROLLER_REVISIONS, meta["namespace"], meta["name"])
    simulation.world.release("api", "app:good-2")
    simulation.run(5 * MINUTE)
    assert simulation.world.replicas("api") == left_with
    assert [entry for entry in simulation.budget().status.entries if entry.revert and not entry.revert.done] == []
    assert simulation.world.store.find(kube.CONTROLLER_REVISIONS) == []


def test_bounds_are_raised_while_it_is_busy_and_given_back(simulation: Simulation) -> None:
    """The HPA follows both ways; the number of replicas is never ours."""
    begin(simulation, step("scale", RAISE), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 5)
    assert simulation.world.bounds("api") == (5, 5)
    simulation.alerts.resolve("f1")
    simulation.run(20 * MINUTE)
    assert (simulation.world.bounds("api"), simulation.world.replicas("api")) == ((2, 4), 2)
    assert look(simulation).unsettled == []
    changed = [call.resource for call in simulation.world.server.audit if call.agent in look(simulation).effects]
    assert set(changed) == {kube.AUTOSCALERS.plural}


def test_bounds_that_people_have_changed_meanwhile_are_left_alone(simulation: Simulation) -> None:
    """Both of them, although only one was changed: they know better."""
    begin(simulation, step("scale", RAISE), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 5)
    simulation.alerts.resolve("f1")
    simulation.run(MINUTE)
    simulation.world.rebound("api", maxReplicas=12)
    simulation.run(60 * MINUTE)
    assert simulation.world.bounds("api") == (5, 12)
    assert look(simulation).unsettled == []


def test_raised_bounds_whose_remediation_was_deleted_are_given_back(simulation: Simulation) -> None:
    """What they were is on the budget."""
    begin(simulation, step("scale", RAISE), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == 5)
    simulation.alerts.resolve("f1")
    simulation.run(3 * MINUTE)
    simulation.world.store.delete(kube.REMEDIATIONS, SHOP, simulation.remediation().name)
    simulation.run(60 * MINUTE)
    assert simulation.world.bounds("api") == (2, 4)
    assert look(simulation).unsettled == []


def more(action: str, settings: kube.Json, **until: str | bool) -> kube.Json:
    """A second step of the same action."""
    return {**step(action, {**settings, **until}), "name": "more"}


LENT_TWICE: dict[str, tuple[kube.Json, kube.Json]] = {
    "replicas, the first for a shorter time": (
        step("scale", {"to": 4, "revertAfter": "30m"}),
        more("scale", {"to": 6}, revertAfter="1h"),
    ),
    "replicas, the first for a longer time": (
        step("scale", {"to": 4, "revertAfter": "2h"}),
        more("scale", {"to": 6}, revertAfter="1h"),
    ),
    "replicas, both until the alert has resolved": (
        step("scale", {"to": 4, "revertWhenResolved": True}),
        more("scale", {"to": 6}, revertWhenResolved=True),
    ),
    "bounds of an HPA": (
        step("scale", {**RAISE, "revertAfter": "30m"}),
        more("scale", {**RAISE, "to": 7}, revertAfter="30m"),
    ),
    "memory, both for as long": (
        step("adjustResources", {"memory": {"to": "768Mi", "max": "1Gi"}, "revertAfter": "30m"}),
        more("adjustResources", {"memory": {"to": "1Gi", "max": "1Gi"}}, revertAfter="30m"),
    ),
    "one of two variables": (
        step("setEnv", {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}], "revertAfter": "30m"}),
        more("setEnv", {"env": [{"name": "B", "value": "2"}]}, revertAfter="30m"),
    ),
}


@pytest.mark.parametrize("steps", LENT_TWICE.values(), ids=LENT_TWICE)
def test_what_two_steps_have_lent_on_top_of_each_other_is_as_before_in_the_end(
    simulation: Simulation, steps: tuple[kube.Json, kube.Json]
) -> None:
    """What came last goes first, whichever is due first: the value in between stays nowhere."""
    begin(simulation, *steps, triggers=[on_alert("Busy")])
    simulation.world.limit("api", OLD_MEMORY)
    if "autoscaler" in steps[0].get("scale", {}):
        simulation.world.autoscale("api", 2, 4)
    simulation.run(MINUTE)
    before = look(simulation)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: len(look(simulation).effects) == 2)
    simulation.run(MINUTE)
    simulation.alerts.resolve("f1")
    simulation.run(timedelta(hours=3))
    after = look(simulation)
    assert len(after.effects) == 4
    assert (after.replicas, after.bounds, after.container) == (before.replicas, before.bounds, before.container)
    assert (after.unsettled, after.offences) == ([], [])


def test_what_a_step_has_put_back_before_its_time_is_not_put_back_again(simulation: Simulation) -> None:
    """People switch it off themselves later: the same number, and none of ours."""
    off = {**SWITCH_OFF, "scale": {**SWITCH_OFF["scale"], "revertAfter": "1h"}, "onInconclusive": "Next"}
    begin(simulation, off, AS_BEFORE, mode="Approve", triggers=[on_alert("Busy")])
    simulation.people = approve
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run_until(lambda: simulation.world.replicas("api") == 0)
    simulation.run_until(lambda: simulation.world.replicas("api") == 2)
    simulation.run(20 * MINUTE)
    simulation.people = None
    simulation.world.scale("api", 0)
    simulation.run(timedelta(hours=2))
    assert simulation.world.replicas("api") == 0
    assert look(simulation).unsettled == []


@pytest.mark.parametrize("heal", ["a variable on an alert, and its revert", "a key of a ConfigMap and a restart"])
def test_people_hear_that_a_value_stays_whose_record_somebody_has_deleted(simulation: Simulation, heal: str) -> None:
    """Whether it is still ours, and what there was before, nobody knows any more."""
    next(known for name, known in HEALS.items() if name.startswith(heal)).prepare(simulation)
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run_until(lambda: is_over(simulation) or look(simulation).counted == 1)
    simulation.run(6 * MINUTE)
    for record in simulation.world.store.find(kube.CONTROLLER_REVISIONS, SHOP):
        name = record["metadata"]["name"]
        if name.startswith(kept_values.PREFIX):
            simulation.world.store.delete(kube.CONTROLLER_REVISIONS, SHOP, name)
    simulation.run(30 * MINUTE)
    assert ("Escalated", reasons.NOT_REVERTED) in states(simulation)
    assert look(simulation).unsettled == []
