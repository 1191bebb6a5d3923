"""Who is told of an incident hears of what follows, and above all of its end."""

from datetime import timedelta
from typing import Any

import pytest

from platelet.model import approval, reasons
from platelet.model.notification import Notification
from platelet.model.remediation import Remediation
from platelet.shell import kube
from tests.scenarios.heals import HEAL, LIMITS, approve, effects, sample
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

PAGER = {"webhook": {"url": "http://pager.svc/hook"}}
HOUR = timedelta(hours=1)


def told(simulation: Simulation) -> list[str]:
    """What the webhook was told, in order."""
    return [delivery.request.body["type"].rpartition(".")[2] for delivery in simulation.mailbox.delivered]


def untold(simulation: Simulation) -> list[Notification]:
    """What a sink is still to be told of the only incident."""
    return [
        notification
        for notification in simulation.remediation().status.notifications
        if notification.state == "Pending"
    ]


def events(simulation: Simulation, kind: str = "Deployment") -> list[str]:
    """The reasons of our Events on objects of a kind, in order."""
    written = [call.body for call in simulation.world.server.audit if call.resource == kube.EVENTS.plural]
    return [body["reason"] for body in written if body["regarding"]["kind"] == kind]


def escalated(simulation: Simulation) -> Remediation:
    """The one that people have."""
    return next(remediation for remediation in simulation.remediations() if remediation.status.state == "Escalated")


def actions(simulation: Simulation) -> int:
    """How many writes of ours have changed the workload."""
    return len(effects(simulation.world.server.audit))


def hand_back(simulation: Simulation, token: str, by: str = "ann") -> None:
    """What `platelet retry` writes."""
    annotations = {approval.RETRY: token, approval.RETRIED_BY: by}
    name = simulation.remediations()[-1].name
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, name, {"metadata": {"annotations": annotations}})


def test_events_tell_the_whole_story_of_a_heal(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), limits=LIMITS)
    simulation.world.release("api", "app:crash")
    simulation.run(30 * MINUTE)
    assert events(simulation) == ["Opened", "Acted", "Recovered", "Resolved"]
    assert events(simulation, "RemediationPolicy") == ["Opened", "Acted", "Recovered", "Resolved"]


def test_what_was_cancelled_or_went_by_itself_has_an_end_too(simulation: Simulation) -> None:
    begin(simulation, step("scale", {"to": 4}), triggers=[on_alert("Busy")], suspended={"reason": "freeze"})
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run(20 * MINUTE)
    assert events(simulation) == ["Opened", "Resolved"]


def test_observing_tells_nobody(simulation: Simulation) -> None:
    begin(simulation, step("rolloutUndo"), mode="Observe", escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run(20 * MINUTE)
    simulation.world.release("api", "app:good-2")
    simulation.run(20 * MINUTE)
    assert (events(simulation), told(simulation)) == ([], [])


def test_who_was_called_hears_that_people_mended_it(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: told(simulation) == ["escalated"])
    simulation.world.release("api", "app:good-2")
    simulation.run(10 * MINUTE)
    assert told(simulation) == ["escalated", "resolved"]
    assert simulation.mailbox.delivered[-1].request.body["data"]["reason"] == reasons.RESOLVED_BY_PEOPLE
    assert untold(simulation) == []


ENDS: dict[str, Any] = {
    "the target was deleted": lambda simulation: simulation.world.delete("api"),
    "a policy of higher priority takes it up": lambda simulation: (
        simulation.apply(policy("urgent", priority=9)),
        simulation.run(MINUTE),
    ),
    "people release something else that fails": lambda simulation: simulation.world.release("api", "app:crash-2"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_who_was_called_hears_of_any_end(simulation: Simulation, end: Any) -> None:
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: told(simulation) == ["escalated"])
    end(simulation)
    simulation.run(20 * MINUTE)
    assert told(simulation)[:2] == ["escalated", "resolved"]
    assert len({delivery.correlation.id for delivery in simulation.mailbox.delivered}) == len(
        simulation.mailbox.delivered
    )


def test_who_was_asked_hears_what_came_of_the_answer(simulation: Simulation) -> None:
    simulation.people = approve
    begin(simulation, step("rolloutUndo"), mode="Approve", limits=LIMITS, escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run(30 * MINUTE)
    assert told(simulation) == ["approvalneeded", "answered", "acted", "recovered", "resolved"]


def test_who_was_not_called_is_not_told_that_it_is_over(simulation: Simulation) -> None:
    """A webhook is for escalations and questions."""
    begin(simulation, step("rolloutUndo"), limits=LIMITS, escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run(30 * MINUTE)
    assert (states(simulation), told(simulation)) == ([("Closed", reasons.RECOVERED)], [])


def test_an_end_that_cannot_be_told_is_told_later(simulation: Simulation) -> None:
    """Although it is closed by then, by whoever leads; and an Event says so meanwhile."""
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: told(simulation) == ["escalated"])
    simulation.mailbox.down = True
    simulation.world.release("api", "app:good-2")
    simulation.run(30 * MINUTE)
    assert states(simulation) == [("Closed", reasons.RESOLVED_BY_PEOPLE)]
    assert events(simulation)[-1] == "NotDelivered"
    (waiting,) = untold(simulation)
    assert (waiting.kind, waiting.error) == ("Resolved", "pager.svc answered 503")
    simulation.processes[0].end()
    simulation.mailbox.down = False
    simulation.run(timedelta())  # the next replica starts
    simulation.run(30 * MINUTE)
    assert told(simulation) == ["escalated", "resolved"]
    assert untold(simulation) == []


def test_a_pager_that_is_gone_for_good_is_not_tried_for_ever(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: told(simulation) == ["escalated"])
    simulation.mailbox.down = True
    simulation.world.release("api", "app:good-2")
    simulation.run(timedelta(hours=25))
    assert untold(simulation) == []


def test_another_symptom_and_a_graver_severity_are_told_once_each(simulation: Simulation) -> None:
    warning = {**on_alert("Busy"), "alert": {**on_alert("Busy")["alert"], "severity": "warning"}}
    down = {"alert": {"matchers": ['alertname="Down"'], "severity": "critical"}}
    triggers = [warning, down, on_pods(minRestarts=1)]
    begin(simulation, step("rolloutUndo"), triggers=triggers, escalation=PAGER)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: told(simulation) == ["escalated"])
    simulation.alerts.fire("f2", {**BUSY, "alertname": "Down"})
    simulation.run(10 * MINUTE)
    assert told(simulation) == ["escalated", "escalated"]
    assert "it is graver now, critical" in simulation.mailbox.delivered[-1].request.body["data"]["message"]
    simulation.world.sicken_pods("api", "crash")
    simulation.run(2 * HOUR)
    assert told(simulation) == ["escalated"] * 3
    assert "CrashLoopBackOff" in simulation.mailbox.delivered[-1].request.body["data"]["message"]
    assert len({delivery.correlation.id for delivery in simulation.mailbox.delivered}) == 3
    assert actions(simulation) == 0


def test_what_comes_back_after_a_quiet_hour_is_told_again(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), image="app:flaky-3m", escalation=PAGER)
    simulation.run_until(lambda: told(simulation) == ["escalated"], within=4 * HOUR)
    before = actions(simulation)
    for minutes in (20, 90):
        simulation.world.sicken_pods("api", "good")
        simulation.run(minutes * MINUTE)
        simulation.world.sicken_pods("api", "crash")
        simulation.run(20 * MINUTE)
    assert told(simulation) == ["escalated", "escalated"]
    assert simulation.mailbox.delivered[-1].request.body["data"]["reason"] == reasons.RECURRED
    assert actions(simulation) == before


@pytest.mark.parametrize(("priority", "acts"), [(9, True), (0, False), (-9, False)])
def test_a_policy_of_higher_priority_may_act_on_what_people_have(
    simulation: Simulation,
    priority: int,
    acts: bool,  # noqa: FBT001 - a table's column
) -> None:
    """The warning's runbook knows nothing to do; the critical alert's does."""
    simulation.apply(runbook(step("rolloutUndo")), runbook(step("rolloutRestart"), name="critical"))
    simulation.apply(policy(triggers=[on_alert("Busy")]))
    urgent = policy("urgent", triggers=[on_alert("Down")], priority=priority, runbookRef={"name": "critical"})
    simulation.apply(urgent)
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(3 * MINUTE)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: [state for state, _ in states(simulation)] == ["Escalated"])
    simulation.alerts.fire("f2", {**BUSY, "alertname": "Down"})
    simulation.run(20 * MINUTE)
    assert (actions(simulation) == 1) == acts
    assert len(simulation.remediations()) == (2 if acts else 1)


def test_a_person_hands_it_back_and_the_steps_are_tried_again_once(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), escalation=PAGER)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: told(simulation) == ["escalated"])
    first = escalated(simulation).status.escalation
    assert first is not None
    hand_back(simulation, first.token)
    simulation.run(HOUR)
    again = escalated(simulation)
    assert again.status.escalation is not None
    assert again.status.escalation.token != first.token
    assert actions(simulation) == 2
    assert [attempt.id.rpartition("/")[2] for attempt in again.status.attempts] == ["1", "2"]
    assert told(simulation) == ["escalated", "acted", "escalated"]
    simulation.run(2 * HOUR)
    assert actions(simulation) == 2


WRONG = {"another token": {"token": "feed"}, "nobody's name": {"by": ""}}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_what_is_no_answer_to_this_escalation_is_not_heard(simulation: Simulation, answer: dict[str, str]) -> None:
    begin(simulation, step("rolloutRestart"))
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: "Escalated" in dict(states(simulation)))
    shown = escalated(simulation).status.escalation
    assert shown is not None
    hand_back(simulation, answer.get("token", shown.token), answer.get("by", "ann"))
    simulation.run(HOUR)
    assert actions(simulation) == 1


def test_handing_back_frees_no_limit(simulation: Simulation) -> None:
    begin(simulation, step("rolloutRestart"), limits={"rate": {"maxActions": 2, "per": "12h"}})
    simulation.world.release("api", "app:crash")
    for _ in range(8):
        simulation.run(HOUR)
        for remediation in simulation.remediations():
            if remediation.status.state == "Escalated" and remediation.status.escalation is not None:
                hand_back(simulation, remediation.status.escalation.token)
    assert actions(simulation) == 2


def test_a_well_target_that_is_handed_back_is_closed(simulation: Simulation) -> None:
    """Without waiting for hours; nothing is done to it."""
    begin(simulation, step("rolloutRestart"), image="app:flaky-3m")
    simulation.run_until(lambda: "Escalated" in dict(states(simulation)), within=4 * HOUR)
    simulation.world.sicken_pods("api", "good")
    simulation.run(30 * MINUTE)
    before, shown = actions(simulation), escalated(simulation).status.escalation
    assert shown is not None
    hand_back(simulation, shown.token)
    simulation.run(MINUTE)
    assert states(simulation)[-1] == ("Closed", reasons.RESOLVED_BY_PEOPLE)
    assert actions(simulation) == before


@pytest.mark.parametrize("image", ["app:crash", "app:pullfail"])
def test_waiting_for_settled_ends_either_way(simulation: Simulation, image: str) -> None:
    """`kubectl wait --for=condition=Settled`: healed and watched, or people have it."""
    triggers = [on_pods("CrashLoopBackOff", "ImagePullBackOff")]
    begin(simulation, step("rolloutUndo" if image == "app:crash" else "rolloutRestart"), triggers=triggers)
    simulation.world.release("api", image)
    simulation.run(3 * HOUR)
    status = simulation.remediation().status
    settled = {condition.type: (condition.status, condition.reason) for condition in status.conditions}["Settled"]
    assert settled == ("True", status.reason)


def test_a_kill_at_any_call_loses_no_end() -> None:
    """Told at least once, whichever call the process dies at; nothing is done on the way."""

    def play(faults: dict[int, FaultKind]) -> tuple[range, bool, list[tuple[str, str]], int]:
        with Simulation() as simulation:
            simulation.world.server.faults.at.update(faults)
            begin(simulation, step("rolloutRestart"), escalation=PAGER)
            simulation.world.release("api", "app:crash")
            simulation.run_until(lambda: "escalated" in told(simulation))
            first = simulation.world.server.index
            simulation.world.release("api", "app:good-2")
            simulation.run(10 * MINUTE)
            mending = range(first, simulation.world.server.index)
            return mending, "resolved" in told(simulation), states(simulation), actions(simulation)

    mending, *calm = play({})
    kinds: tuple[FaultKind, ...] = ("kill before", "kill after")
    for number, index in enumerate(sample(mending, 20)):
        assert play({index: kinds[number % 2]})[1:] == tuple(calm), index
