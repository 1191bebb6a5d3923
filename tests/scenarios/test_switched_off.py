"""A workload that we have switched off: only with a person, never taken for well, and brought back as it was."""

from datetime import timedelta

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import AS_BEFORE, SWITCH_OFF, approve, effects, is_over
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, runbook
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_by_hand import ask, state
from tests.scenarios.world import SHOP

HOURS = timedelta(hours=1)
ON_ALERT = [on_alert("Busy")]


def switch_off(simulation: Simulation) -> None:
    """An alert for five minutes, and a person who approves what it leads to: people have it."""
    begin(simulation, SWITCH_OFF, mode="Approve", triggers=ON_ALERT)
    simulation.apply(runbook(AS_BEFORE, name="back"))
    simulation.people = approve
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Escalated", reasons.INCONCLUSIVE)]
    assert simulation.world.replicas("api") == 0


def test_people_have_it_with_the_exact_time_and_by_whom(simulation: Simulation) -> None:
    switch_off(simulation)
    (attempt,) = simulation.remediation().status.attempts
    assert (attempt.approved_by, attempt.phase, attempt.verdict) == ("ann", "Done", "Inconclusive")
    assert attempt.outcome_at is not None
    moment = attempt.outcome_at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    expected = f"scale from 2 to 0 replicas at {moment}, approved by ann: its last pod has ended"
    assert expected in simulation.remediation().status.message


def test_it_is_not_let_go_until_somebody_scales_it_again(simulation: Simulation) -> None:
    """That nothing is wrong with what does not run is no recovery."""
    switch_off(simulation)
    simulation.run(20 * HOURS)
    assert states(simulation) == [("Escalated", reasons.INCONCLUSIVE)]
    simulation.world.store.patch(kube.DEPLOYMENTS, SHOP, "api", {"spec": {"replicas": 3}})
    simulation.run_until(lambda: states(simulation) == [("Closed", reasons.RESOLVED_BY_PEOPLE)])
    assert len(effects(simulation.world.server.audit)) == 1


def test_by_hand_it_is_brought_back_as_it_was(simulation: Simulation) -> None:
    """By another Remediation, hours later; a third one has nothing to put back."""
    switch_off(simulation)
    simulation.run(10 * HOURS)
    ask(simulation, runbook="back", mode="Approve")
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.RECOVERED))
    assert simulation.world.replicas("api") == 2
    ask(simulation, "once-more", runbook="back", mode="Approve")
    simulation.run_until(lambda: state(simulation, "once-more")[0] == "Escalated")
    assert simulation.world.replicas("api") == 2
    assert len(effects(simulation.world.server.audit)) == 2


def test_without_mode_approve_nothing_is_written(simulation: Simulation) -> None:
    """Whatever the step says."""
    begin(simulation, {**SWITCH_OFF, "approval": "Required"}, triggers=ON_ALERT)
    simulation.people = approve
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    status = simulation.remediation().status
    assert "the policy's mode is Enforce, not Approve" in status.message
    assert (simulation.world.replicas("api"), effects(simulation.world.server.audit)) == (2, {})


def test_an_alert_that_is_gone_while_it_is_off_is_no_recovery(simulation: Simulation) -> None:
    """The next step asks for a person, and nobody answers: people have it, and nothing claims that it is well."""
    off = {**SWITCH_OFF, "onInconclusive": "Next"}
    begin(simulation, off, AS_BEFORE, mode="Approve", triggers=ON_ALERT)
    simulation.alerts.fire("f1", BUSY, lasts=10 * MINUTE)

    def approve_the_first(simulation: Simulation) -> None:
        if not any(remediation.status.attempts for remediation in simulation.remediations()):
            approve(simulation)

    simulation.people = approve_the_first
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert states(simulation) == [("Escalated", reasons.INCONCLUSIVE)]
    assert "the target is switched off" in simulation.remediation().status.message
    assert simulation.world.replicas("api") == 0
