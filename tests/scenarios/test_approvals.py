"""Mode Approve, played to its end: with a yes, a no, nobody, a yes to what is no longer the plan."""

from collections.abc import Callable
from datetime import timedelta

from platelet.model import approval, reasons
from platelet.model.remediation import Remediation
from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import approve, effects, is_over
from tests.scenarios.incidents import MINUTE, begin, is_well, states
from tests.scenarios.manifests import step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP


def is_asked(simulation: Simulation) -> Callable[[], bool]:
    return lambda: any(remediation.status.state == "AwaitingApproval" for remediation in simulation.remediations())


def newest(simulation: Simulation) -> Remediation:
    """A release that is still starting is no incident: what it comes to opens another one."""
    return max(simulation.remediations(), key=lambda remediation: remediation.name)


def annotate(simulation: Simulation, annotations: dict[str, str]) -> None:
    """As kubectl would."""
    name = newest(simulation).name
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, name, {"metadata": {"annotations": annotations}})


def token(simulation: Simulation) -> str:
    asked = newest(simulation).status.approval
    assert asked is not None
    return asked.token


def writes(simulation: Simulation) -> int:
    return len(effects(simulation.world.server.audit))


def test_nothing_is_done_before_the_yes_and_everything_after_it(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Approve")
    simulation.world.release("api", "app:crash")
    simulation.run_until(is_asked(simulation))
    simulation.run(20 * MINUTE)
    assert (writes(simulation), is_well(simulation)) == (0, False)
    approve(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert [attempt.approved_by for attempt in simulation.remediation().status.attempts] == ["ann"]
    assert writes(simulation) == 1


def test_each_rung_asks_anew(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), {**step("rolloutRestart"), "name": "again"}, mode="Approve")
    simulation.people = approve
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: is_over(simulation))
    attempts = simulation.remediation().status.attempts
    assert [(attempt.step, attempt.approved_by) for attempt in attempts] == [(0, "ann"), (1, "ann")]
    assert history.offences(simulation.world.server.audit) == []


def test_one_step_of_an_enforced_runbook_asks(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), {**step("rolloutUndo"), "approval": "Required"})
    simulation.world.release("api", "app:crash")
    simulation.run_until(is_asked(simulation))
    assert writes(simulation) == 1
    approve(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert [attempt.approved_by for attempt in simulation.remediation().status.attempts] == ["", "ann"]
    assert is_well(simulation)


def test_a_no_is_the_end_of_automation_for_this_incident(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), step("rolloutRestart"), mode="Approve")
    simulation.world.release("api", "app:crash")
    simulation.run_until(is_asked(simulation))
    annotate(simulation, {approval.REJECT: token(simulation), approval.REJECTED_BY: "bob"})
    simulation.run(60 * MINUTE)
    assert states(simulation) == [("Escalated", reasons.REJECTED)]
    assert writes(simulation) == 0


def test_nobody_answers(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Approve", approval={"expiresAfter": "10m"})
    simulation.world.release("api", "app:crash")
    simulation.run_until(is_asked(simulation))
    simulation.run(9 * MINUTE)
    assert is_asked(simulation)()
    simulation.run(MINUTE + timedelta(seconds=30))
    assert states(simulation) == [("Escalated", reasons.APPROVAL_EXPIRED)]
    annotate(simulation, {approval.APPROVE: token(simulation), approval.APPROVED_BY: "ann"})
    simulation.run(60 * MINUTE)
    assert writes(simulation) == 0


def test_a_yes_to_a_plan_that_a_further_release_has_overtaken_does_nothing(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Approve")
    simulation.world.release("api", "app:crash-1")
    simulation.run_until(is_asked(simulation))
    old = token(simulation)
    simulation.world.release("api", "app:crash-2")
    annotate(simulation, {approval.APPROVE: old, approval.APPROVED_BY: "ann"})
    simulation.run(10 * MINUTE)
    assert writes(simulation) == 0
    assert token(simulation) != old
    assert is_asked(simulation)()
    approve(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert simulation.world.image("api") == "app:good-1"
    assert writes(simulation) == 1


def test_the_kill_switch_between_the_yes_and_the_act_holds(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Approve")
    simulation.world.release("api", "app:crash")
    simulation.run_until(is_asked(simulation))
    simulation.budget_spec({"suspended": {"reason": "freeze"}})
    approve(simulation)
    simulation.run(10 * MINUTE)
    assert (states(simulation), writes(simulation)) == ([("Waiting", reasons.SUSPENDED)], 0)
    simulation.budget_spec({"suspended": None})
    simulation.run_until(lambda: is_over(simulation))
    assert writes(simulation) == 1
