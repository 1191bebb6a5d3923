"""A runbook on demand: a Remediation that people create is judged, limited, verified and recorded like any other."""

from datetime import timedelta
from typing import Any

import pytest

from platelet.model import approval, reasons
from platelet.model.remediation import Remediation
from platelet.shell import kube
from tests.scenarios.heals import EVERY_INDEX, HEAL, LIMITS, Heal, effects, judge, moments, play, sample
from tests.scenarios.incidents import BUSY, MINUTE, begin, images_written
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP


def ask(simulation: Simulation, name: str = "by-hand", runbook: str = "heal", **spec: Any) -> None:
    """`kubectl create` of a Remediation."""
    body = {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Remediation",
        "metadata": {"name": name},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "api"},
            "policyRef": {"name": "heal"},
            "runbookRef": {"name": runbook},
            "mode": "Enforce",
            "requestedBy": "alice",
            **spec,
        },
    }
    simulation.world.store.create(kube.REMEDIATIONS, SHOP, body)


def by_hand(simulation: Simulation, name: str = "by-hand") -> Remediation:
    """One Remediation."""
    return next(remediation for remediation in simulation.remediations() if remediation.name == name)


def state(simulation: Simulation, name: str = "by-hand") -> tuple[str, str]:
    """Its state and reason; empty before it is there."""
    named = (remediation.status for remediation in simulation.remediations() if remediation.name == name)
    return next(((status.state, status.reason) for status in named), ("", ""))


def count(simulation: Simulation) -> int:
    """How many writes changed the workload."""
    return len(effects(simulation.world.server.audit))


def test_a_healthy_workload_is_restarted_when_people_ask(simulation: Simulation) -> None:
    """Once, verified, and closed; the record says who asked and why."""
    begin(simulation, step("rolloutRestart"))
    ask(simulation, reason="a new certificate")
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.RECOVERED))
    assert count(simulation) == 1
    status = by_hand(simulation).status
    assert [(fact.source, fact.reason, fact.message) for fact in status.evidence] == [
        ("request", "RunByHand", "alice asked for runbook heal: a new certificate")
    ]
    assert status.attempts[0].verdict == "Recovered"
    simulation.run(20 * MINUTE)
    assert count(simulation) == 1


def test_who_asks_may_choose_within_the_bounds_of_the_runbook(simulation: Simulation) -> None:
    """The number of the request is pinned with the steps, and the record says who chose it."""
    begin(simulation, step("scale", {"to": 3, "max": 5}))
    ask(simulation, parameters={"replicas": "4"})
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.RECOVERED))
    assert simulation.world.deployment("api")["spec"]["replicas"] == 4
    status = by_hand(simulation).status
    assert status.steps[0]["scale"]["to"] == 4
    assert status.evidence[0].message == "alice asked for runbook heal with replicas=4"


def test_what_is_beyond_the_bounds_is_not_done(simulation: Simulation) -> None:
    """Closed at once, with the bounds in the message."""
    begin(simulation, step("scale", {"to": 3, "max": 5}))
    ask(simulation, parameters={"replicas": "6"})
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.INVALID_SPEC))
    assert "parameters.replicas: '6' is no number from 1 to 5" in by_hand(simulation).status.message
    assert count(simulation) == 0


def test_in_mode_observe_it_is_a_question_with_an_answer(simulation: Simulation) -> None:
    """The plan is told and nothing is done, also by a policy that may."""
    begin(simulation, step("rolloutRestart"))
    ask(simulation, mode="Observe")
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.WOULD_HAVE_ACTED))
    assert by_hand(simulation).status.message.startswith("would rolling restart of all 2 pods")
    assert count(simulation) == 0


def test_an_observed_request_says_which_brake_would_deny_it(simulation: Simulation) -> None:
    """With the guard's own reason."""
    begin(simulation, step("rolloutRestart"))
    simulation.budget_spec({"suspended": {"reason": "freeze"}})
    ask(simulation, mode="Observe")
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.SUSPENDED))
    assert "would not act: " in by_hand(simulation).status.message


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        pytest.param({"runbook": "none"}, reasons.INVALID_SPEC, "there is no Runbook shop/none", id="no such Runbook"),
        pytest.param(
            {"runbookRef": {"name": "heal", "namespace": "platelet-system"}},
            reasons.INVALID_SPEC,
            "is in another namespace",
            id="a Runbook of another namespace",
        ),
        pytest.param({"policyRef": {"name": "none"}}, reasons.CANCELLED, "the policy was deleted", id="no such policy"),
        pytest.param(
            {"targetRef": {"kind": "Deployment", "name": "web"}}, reasons.TARGET_GONE, "deleted", id="no such workload"
        ),
        pytest.param(
            {"policyRef": {"name": "watch"}}, reasons.CANCELLED, "mode is now Observe", id="the policy only observes"
        ),
        pytest.param(
            {"policyRef": {"name": "others"}}, reasons.CANCELLED, "no longer for this workload", id="another's policy"
        ),
    ],
)
def test_what_may_not_be_done_is_closed_with_its_reason(
    simulation: Simulation, spec: dict[str, Any], reason: str, message: str
) -> None:
    """At once, and nothing is done."""
    begin(simulation, step("rolloutRestart"))
    simulation.apply(policy("watch", mode="Observe"))
    simulation.apply(policy("others", targets={"selector": {"matchLabels": {"heal": "no"}}}))
    ask(simulation, **spec)
    simulation.run_until(lambda: state(simulation) == ("Closed", reason), MINUTE)
    assert message in by_hand(simulation).status.message
    assert count(simulation) == 0


@pytest.mark.parametrize(
    ("limits", "first", "reason"),
    [
        pytest.param({"cooldown": "30m"}, "app:crash", reasons.COOLDOWN, id="cooldown after a heal"),
        pytest.param(
            {"cooldown": "0s", "rate": {"maxActions": 1, "per": "1h"}},
            "app:crash",
            reasons.TARGET_RATE_LIMITED,
            id="the target's rate",
        ),
    ],
)
def test_limits_count_what_the_operator_did_by_itself(
    simulation: Simulation, limits: kube.Json, first: str, reason: str
) -> None:
    """A person gets no extra place."""
    begin(simulation, step("rolloutUndo"), limits={**LIMITS, **limits})
    simulation.apply(runbook(step("rolloutRestart"), name="again"))
    simulation.world.release("api", first)
    simulation.run_until(lambda: state(simulation, "deployment-api-1")[0] == "Closed")
    ask(simulation, runbook="again")
    simulation.run_until(lambda: state(simulation) == ("Waiting", reason))
    simulation.run(5 * MINUTE)
    assert count(simulation) == 1
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.RECOVERED))
    assert count(simulation) == 2


def test_a_pause_holds_for_people_too(simulation: Simulation) -> None:
    """What was asked meanwhile is done after it, if nobody reverts it."""
    begin(simulation, step("rolloutRestart"))
    simulation.budget_spec({"suspended": {"reason": "freeze"}})
    ask(simulation)
    simulation.run(30 * MINUTE)
    assert (state(simulation), count(simulation)) == (("Waiting", reasons.SUSPENDED), 0)
    simulation.budget_spec({"suspended": None})
    simulation.run_until(lambda: state(simulation)[0] == "Closed")
    assert count(simulation) == 1


def test_the_runbook_is_pinned_at_the_first_look(simulation: Simulation) -> None:
    """What is written into it afterwards was not what people asked for; steps in the spec are nobody's Runbook."""
    begin(simulation, step("rolloutRestart"))
    simulation.budget_spec({"suspended": {"reason": "freeze"}})
    ask(simulation, steps=[step("scale", {"to": 9})])
    simulation.run(MINUTE)
    simulation.world.store.patch(kube.RUNBOOKS, SHOP, "heal", {"spec": {"steps": [step("scale", {"to": 7})]}})
    simulation.budget_spec({"suspended": None})
    simulation.run_until(lambda: state(simulation)[0] == "Closed")
    assert [attempt.action for attempt in by_hand(simulation).status.attempts] == ["rolloutRestart"]
    assert simulation.world.replicas("api") == 2


def test_of_two_requests_the_older_acts_and_the_other_waits(simulation: Simulation) -> None:
    """TargetBusy until the first is over, and the cooldown; then it has its turn."""
    begin(simulation, step("rolloutRestart"))
    ask(simulation, "first")
    ask(simulation, "second")
    simulation.run_until(lambda: state(simulation, "second") == ("Waiting", reasons.TARGET_BUSY))
    assert count(simulation) <= 1
    simulation.run_until(lambda: state(simulation, "second")[0] == "Closed")
    closed_at = by_hand(simulation, "first").status.closed_at
    first, second = [call.at for call in simulation.world.server.writes(kube.DEPLOYMENTS) if call.agent]
    assert closed_at is not None
    assert second >= max(closed_at, first + MINUTE)


def test_a_request_during_an_incident_waits_for_it(simulation: Simulation) -> None:
    """And what the pods show belongs to the incident, not to the request."""
    begin(simulation, step("rolloutUndo"), limits=LIMITS)
    simulation.apply(runbook(step("rolloutRestart"), name="again"))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: len(simulation.remediations()) == 1)
    simulation.run(timedelta(seconds=1))
    ask(simulation, runbook="again")
    simulation.run_until(lambda: state(simulation) == ("Waiting", reasons.TARGET_BUSY))
    simulation.run_until(lambda: state(simulation, "deployment-api-1")[0] == "Closed")
    assert images_written(simulation) == ["app:good-1"]
    assert {fact.source for fact in by_hand(simulation).status.evidence} == {"request"}


def test_an_incident_during_a_request_is_merged_into_it(simulation: Simulation) -> None:
    """A target has at most one open Remediation that may act; what is wrong by then is healed by what was asked for."""
    begin(simulation, step("rolloutUndo"), limits=LIMITS)
    simulation.apply(policy("urgent", priority=9))
    simulation.budget_spec({"suspended": {"reason": "freeze"}})
    ask(simulation)
    simulation.run(MINUTE)
    simulation.world.release("api", "app:crash")
    simulation.run(5 * MINUTE)
    assert {fact.source for fact in by_hand(simulation).status.evidence} == {"request", "pod"}
    simulation.budget_spec({"suspended": None})
    simulation.run_until(lambda: state(simulation)[0] == "Closed")
    assert images_written(simulation) == ["app:good-1"]
    assert len(simulation.remediations()) == 1


def test_what_did_not_help_is_told_to_people_and_closes_when_the_target_is_well(simulation: Simulation) -> None:
    """A request that came to nothing does not keep the incident open."""
    begin(simulation, step("rolloutUndo"))
    ask(simulation)  # there is nothing to go back to
    simulation.run_until(lambda: state(simulation) == ("Escalated", reasons.NO_STEP_LEFT))
    assert count(simulation) == 0
    simulation.run_until(lambda: state(simulation) == ("Closed", reasons.RESOLVED_BY_ITSELF), timedelta(minutes=10))


def _calm(simulation: Simulation) -> None:
    simulation.apply(runbook(step("rolloutRestart")), policy(limits=LIMITS))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def test_a_kill_at_any_call_changes_nothing_of_it() -> None:
    """One effect, the same end."""
    heal = Heal(prepare=_calm, strike=ask, effects=1)
    calm = play(heal)
    judge(calm.outcome, None)
    assert sum(calm.outcome.effects.values()) == 1
    where = moments(calm.incident, calm.simulation.world.server.audit)
    for index, fault in sample(where, 1 if EVERY_INDEX else 5):
        judge(play(heal, faults={index: fault}).outcome, calm.outcome)


def test_what_people_hand_back_waits_for_the_verdict_on_what_they_asked_for_meanwhile(simulation: Simulation) -> None:
    """Two of one workload: the older one may act again, but not into the verification of the younger one."""
    verify = {"timeout": "3m", "checks": [{"alertResolved": {}}]}
    quick = {"cooldown": "1s", "rate": {"maxActions": 9, "per": "1h"}}
    begin(simulation, step("rolloutRestart", verify=verify), triggers=[on_alert("Busy")], limits=quick)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: any(known.status.state == "Escalated" for known in simulation.remediations()))
    (older,) = simulation.remediations()
    assert older.status.escalation is not None
    ask(simulation)
    simulation.run_until(lambda: state(simulation)[0] == "Verifying")
    answer = {approval.RETRY: older.status.escalation.token, approval.RETRIED_BY: "ann"}
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, older.name, {"metadata": {"annotations": answer}})
    simulation.run(30 * timedelta(seconds=1))
    assert (state(simulation)[0], count(simulation)) == ("Verifying", 2)
    waiting = by_hand(simulation, older.name).status.waiting
    assert waiting is not None
    assert (waiting.reason, "by-hand" in waiting.message) == (reasons.TARGET_BUSY, True)
    simulation.run_until(lambda: state(simulation)[0] != "Verifying")
    simulation.run(MINUTE)
    assert count(simulation) == 3
