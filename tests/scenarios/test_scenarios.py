"""Incidents from the field, played to their end."""

from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import effects, is_over, last_write
from tests.scenarios.incidents import BUSY, MINUTE, begin, images_written, is_well, states
from tests.scenarios.manifests import on_alert, on_pods, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP


def test_a_restart_after_a_bad_release_does_not_hide_the_good_template(simulation: Simulation) -> None:
    """TRAPS 2."""
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash")
    simulation.run(timedelta(seconds=20))
    simulation.world.rollout_restart("api")
    simulation.run_until(lambda: is_over(simulation))
    assert simulation.world.image("api") == "app:good-1"
    assert is_well(simulation)


@pytest.mark.parametrize("between", [timedelta(seconds=5), timedelta(seconds=40), 3 * MINUTE])
def test_two_bad_releases_in_a_row_never_lead_to_the_other_bad_one(simulation: Simulation, between: timedelta) -> None:
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"))
    simulation.world.release("api", "app:crash-1")
    simulation.run(between)
    simulation.world.release("api", "app:crash-2")
    simulation.run(40 * MINUTE)
    assert is_over(simulation)
    assert set(images_written(simulation)) <= {"app:good-1"}
    assert simulation.world.image("api") == "app:good-1" or states(simulation)[-1][0] == "Escalated"


def test_a_later_bad_release_never_leads_back_to_a_known_bad_template(simulation: Simulation) -> None:
    """TRAPS 1: kubectl's "previous" would be the bad one."""
    begin(simulation, step("rolloutUndo"))
    for image in ("app:crash-1", "app:crash-2", "app:crash-1"):
        simulation.world.release("api", image)
        simulation.run_until(lambda: simulation.world.image("api") == "app:good-1")
        simulation.run(20 * MINUTE)
        assert is_well(simulation)
    assert images_written(simulation) == ["app:good-1"] * 3


def test_what_was_changed_is_kept_as_it_was_before_the_first_act(simulation: Simulation) -> None:
    """Evidence before the fix."""
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: is_over(simulation))
    change = simulation.remediation().status.recent_change
    assert change is not None
    assert change.differences == ("app image app:good-1 -> crash",)
    assert (change.healthy_at is not None, change.released_at is not None) == (True, True)


def test_the_newest_of_several_healthy_templates_is_restored(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"))
    simulation.world.release("api", "app:good-2")
    simulation.run(5 * MINUTE)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: is_over(simulation))
    assert simulation.world.image("api") == "app:good-2"


def test_without_a_known_healthy_template_people_are_told(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), image="app:crash-1")
    simulation.world.release("api", "app:crash-2")
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)]
    assert effects(simulation.world.server.audit) == {}


@pytest.mark.parametrize("image", ["app:crash-unready", "app:pullfail", "app:unready", "app:configerror"])
def test_an_unfinished_rollout_is_undone(simulation: Simulation, image: str) -> None:
    every = on_pods("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "Unready")
    begin(simulation, step("rolloutUndo"), triggers=[every])
    simulation.world.release("api", image)
    simulation.run_until(lambda: is_over(simulation))
    assert simulation.world.image("api") == "app:good-1"
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


def test_a_fault_that_comes_back_after_recovery_goes_to_the_next_step_and_then_to_people(
    simulation: Simulation,
) -> None:
    """It is well for 3 minutes after each restart: longer than stableFor, never longer than reopenWithin."""
    begin(simulation, step("rolloutRestart"), {**step("rolloutRestart"), "name": "again"}, image="app:flaky-200s")
    simulation.run_until(lambda: is_over(simulation), within=timedelta(hours=6))
    assert states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)]
    attempts = simulation.remediation().status.attempts
    assert [(attempt.step, attempt.verdict) for attempt in attempts] == [(0, "Recovered"), (1, "Recovered")]


def test_another_actor_who_reverts_every_write_is_left_to_people(simulation: Simulation) -> None:
    """I13: at most two actions, then people."""
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"))
    simulation.world.release("api", "app:crash")
    for _ in range(600):
        simulation.run(timedelta(seconds=5))
        if simulation.world.image("api") != "app:crash":
            simulation.world.release("api", "app:crash")
    assert states(simulation) == [("Escalated", reasons.REVERTED_BY_OTHERS)]
    assert len(effects(simulation.world.server.audit)) <= 2


def test_an_escalated_incident_that_people_mend_is_let_go_and_nothing_is_written_any_more(
    simulation: Simulation,
) -> None:
    begin(simulation, step("rolloutRestart"))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: is_over(simulation))
    assert "platelet.dev/escalated" in simulation.world.deployment("api")["metadata"]["annotations"]
    simulation.world.release("api", "app:good-2")
    simulation.run(10 * MINUTE)
    assert states(simulation) == [("Closed", reasons.RESOLVED_BY_PEOPLE)]
    assert "platelet.dev/escalated" not in simulation.world.deployment("api")["metadata"]["annotations"]
    last = last_write(simulation)
    simulation.run(60 * MINUTE)
    assert last_write(simulation) == last


def test_deleting_its_remediation_does_not_give_a_target_more_actions(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), limits={"rate": {"maxActions": 2, "per": "1h"}, "cooldown": "0s"})
    simulation.world.release("api", "app:crash")
    for _ in range(10):
        simulation.run(5 * MINUTE)
        for remediation in simulation.remediations():
            simulation.world.store.delete(kube.REMEDIATIONS, SHOP, remediation.name)
    assert len(effects(simulation.world.server.audit)) <= 2


def test_pods_that_recover_before_the_signal_is_old_enough_are_left_alone(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), triggers=[on_pods(**{"for": "5m"})])
    simulation.world.sicken_pods("api", "crash")
    simulation.run(2 * MINUTE)
    simulation.world.sicken_pods("api", "good")
    simulation.run(30 * MINUTE)
    assert effects(simulation.world.server.audit) == {}
    assert {state for state, _ in states(simulation)} <= {"Closed"}


def test_the_same_alert_fifty_times_is_one_remediation_and_one_attempt(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4}), triggers=[on_alert("Busy")])
    simulation.alerts.fire("f1", BUSY, times=50)
    simulation.run(10 * MINUTE)
    assert len(simulation.remediations()) == 1
    assert len(effects(simulation.world.server.audit)) == 1


def test_observing_writes_nothing_on_the_workload(simulation: Simulation) -> None:
    """I18, I21."""
    begin(simulation, step("rolloutUndo"), mode="Observe")
    simulation.world.release("api", "app:crash")
    simulation.run(20 * MINUTE)
    ours = {
        "leases",
        "remediations",
        "remediationpolicies",
        "runbooks",
        "actionbudgets",
        "controllerrevisions",
        "events",
    }
    assert {call.resource for call in simulation.world.server.writes()} <= ours
    assert len(simulation.remediations()) == 1
    simulation.world.release("api", "app:good-2")
    simulation.run(20 * MINUTE)
    assert states(simulation) == [("Closed", reasons.WOULD_HAVE_ACTED)]


def test_the_mark_of_an_escalation_goes_with_its_remediation(simulation: Simulation) -> None:
    """People mend the workload and delete the Remediation before it was let go."""
    begin(simulation, step("rolloutRestart"))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: is_over(simulation))
    simulation.world.release("api", "app:good-2")
    simulation.run(timedelta(seconds=20))
    simulation.world.store.delete(kube.REMEDIATIONS, SHOP, simulation.remediation().name)
    simulation.run(10 * MINUTE)
    assert "platelet.dev/escalated" not in simulation.world.deployment("api")["metadata"]["annotations"]
    assert simulation.remediations() == []


def test_an_escalated_incident_is_silent_while_its_workload_crash_loops(simulation: Simulation) -> None:
    """The trigger is an alert: the pods do not hold the incident open, but they are not well either."""
    begin(simulation, step("scale", {"to": 4}), triggers=[on_alert("Busy")])
    simulation.world.release("api", "app:crash")
    simulation.alerts.fire("f1", BUSY, lasts=30 * MINUTE)
    simulation.run(40 * MINUTE)
    assert states(simulation)[0][0] == "Escalated"
    last = last_write(simulation)
    simulation.run(30 * MINUTE)
    assert last_write(simulation) == last
    assert states(simulation)[0][0] == "Escalated"
