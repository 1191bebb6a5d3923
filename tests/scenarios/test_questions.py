"""A question climbs the levels as an incident does, until it is answered, has expired, or somebody looks at it.

All who were asked hear how it was answered. Each is told at least once under an id that stays the same, whatever dies.
"""

from datetime import timedelta
from typing import Any

from platelet.model import approval, reasons
from platelet.shell import kube
from tests.scenarios.escalations import FOLLOWED
from tests.scenarios.heals import approve, is_over, sample, with_faults
from tests.scenarios.incidents import MINUTE, begin, states
from tests.scenarios.manifests import escalation_policy, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

L1 = {"after": "0s", "sinks": ["oncall"]}
L2 = {"after": "10m", "sinks": ["lead"]}
L3 = {"after": "20m", "sinks": ["manager"]}
ASKED, ANSWERED = "ApprovalNeeded", "Answered"


def ask(simulation: Simulation, *levels: dict[str, Any]) -> None:
    """A release crash-loops, and a person must approve that it is undone."""
    simulation.apply(escalation_policy(*levels))
    begin(simulation, step("rolloutUndo"), mode="Approve", escalation=FOLLOWED)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: [state for state, _ in states(simulation)] == ["AwaitingApproval"])


def annotate(simulation: Simulation, word: str, by: str, name: str) -> None:
    """Ann answers to the plan that is shown."""
    remediation = simulation.remediation()
    assert remediation.status.approval is not None
    annotations = {word: remediation.status.approval.token, by: name}
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, remediation.name, {"metadata": {"annotations": annotations}})


def taken(simulation: Simulation, *kinds: str) -> list[tuple[timedelta, str, str]]:
    """How many minutes after the question which sink took what, in order."""
    status = simulation.remediation().status
    assert status.approval is not None
    begun = status.approval.asked_at
    return sorted(
        (MINUTE * round((known.told_at - begun) / MINUTE), known.sink, known.kind)
        for known in status.notifications
        if known.told_at is not None and known.sink != "annotation" and known.kind in kinds
    )


def test_each_level_is_asked_at_its_time_and_all_who_were_asked_hear_the_answer(simulation: Simulation) -> None:
    ask(simulation, L1, L2, L3)
    simulation.run(12 * MINUTE)
    assert taken(simulation, ASKED) == [(timedelta(), "oncall", ASKED), (10 * MINUTE, "lead", ASKED)]
    approve(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert [sink for _, sink, _ in taken(simulation, ANSWERED)] == ["lead", "oncall"]
    assert "manager" not in {known.sink for known in simulation.remediation().status.notifications}
    (answer,) = {known.message for known in simulation.remediation().status.notifications if known.kind == ANSWERED}
    assert answer.startswith("approved by ann: ")


def test_a_level_is_asked_again_for_as_long_as_nobody_answers(simulation: Simulation) -> None:
    ask(simulation, {**L1, "repeatEvery": "4m"}, L2)
    simulation.run(11 * MINUTE)
    assert [(after // MINUTE, sink) for after, sink, _ in taken(simulation, ASKED)] == [
        (0, "oncall"),
        (4, "oncall"),
        (8, "oncall"),
        (10, "lead"),
    ]


def test_who_looks_at_it_ends_the_climb_and_has_not_answered(simulation: Simulation) -> None:
    ask(simulation, {**L1, "repeatEvery": "4m"}, L2, L3)
    simulation.run(5 * MINUTE)
    annotate(simulation, approval.ACKNOWLEDGE, approval.ACKNOWLEDGED_BY, "bob")
    simulation.run(20 * MINUTE)
    assert states(simulation) == [("AwaitingApproval", reasons.APPROVAL_NEEDED)]
    assert [sink for _, sink, _ in taken(simulation, ASKED)] == ["oncall", "oncall"]
    asked = simulation.remediation().status.approval
    assert asked is not None
    assert (asked.acknowledged_by, asked.answer, simulation.remediation().status.attempts) == ("bob", None, ())
    approve(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
    assert [attempt.approved_by for attempt in simulation.remediation().status.attempts] == ["ann"]


def test_a_level_that_is_asked_until_the_end_goes_on_when_somebody_looks_at_it(simulation: Simulation) -> None:
    ask(simulation, L1, {**L2, "until": "Resolved"}, L3)
    annotate(simulation, approval.ACKNOWLEDGE, approval.ACKNOWLEDGED_BY, "bob")
    simulation.run(25 * MINUTE)
    assert [(after // MINUTE, sink) for after, sink, _ in taken(simulation, ASKED)] == [(0, "oncall"), (10, "lead")]


def test_when_it_has_expired_all_who_were_asked_hear_it_and_the_levels_begin_with_the_incident(
    simulation: Simulation,
) -> None:
    """Who is called for the incident at once hears it by that; the others hear it now, and are called at their time."""
    ask(simulation, L1, L2, L3)
    simulation.run(32 * MINUTE)
    assert states(simulation) == [("Escalated", reasons.APPROVAL_EXPIRED)]
    assert [(after // MINUTE, sink) for after, sink, _ in taken(simulation, ASKED)] == [
        (0, "oncall"),
        (10, "lead"),
        (20, "manager"),
    ]
    assert taken(simulation, ANSWERED, "Escalated") == [
        (30 * MINUTE, "lead", ANSWERED),
        (30 * MINUTE, "manager", ANSWERED),
        (30 * MINUTE, "oncall", "Escalated"),
    ]
    simulation.run(10 * MINUTE)
    assert (40 * MINUTE, "lead", "Escalated") in taken(simulation, "Escalated")


def test_a_no_is_told_to_all_who_were_asked(simulation: Simulation) -> None:
    ask(simulation, L1, L2)
    simulation.run(12 * MINUTE)
    annotate(simulation, approval.REJECT, approval.REJECTED_BY, "bob")
    simulation.run(3 * MINUTE)
    assert states(simulation) == [("Escalated", reasons.REJECTED)]
    assert taken(simulation, ANSWERED, "Escalated") == [
        (12 * MINUTE, "lead", ANSWERED),
        (12 * MINUTE, "oncall", "Escalated"),
    ]


def test_a_level_that_cannot_be_asked_does_not_keep_the_next_one_waiting(simulation: Simulation) -> None:
    simulation.mailbox.down_hosts = {"oncall.svc"}
    ask(simulation, L1, L2)
    simulation.run(2 * MINUTE)
    assert [(after // MINUTE, sink) for after, sink, _ in taken(simulation, ASKED)] == [(0, "lead")]


def play(simulation: Simulation) -> range:
    """Asked at two levels, one of which repeats; then somebody looks at it, and approves. Returns the calls of it."""
    first = simulation.world.server.index
    ask(simulation, {**L1, "repeatEvery": "7m"}, L2, L3)
    simulation.run(16 * MINUTE)
    annotate(simulation, approval.ACKNOWLEDGE, approval.ACKNOWLEDGED_BY, "bob")
    simulation.run(8 * MINUTE)
    approve(simulation)
    simulation.run_until(lambda: is_over(simulation))
    simulation.run(5 * MINUTE)
    return range(first, simulation.world.server.index)


def outcome(simulation: Simulation) -> list[tuple[str, str, str]]:
    """What must be the same whatever died meanwhile: ids without what is made of the moment of the question."""
    remediation = simulation.remediation()
    assert remediation.status.approval is not None
    token = remediation.status.approval.token

    def plain(name: str) -> str:
        return name.removeprefix(remediation.uid).replace(token, "TOKEN")

    delivered = {(letter.correlation.id, letter.correlation.sink) for letter in simulation.mailbox.delivered}
    record = {(known.id, known.sink, known.state) for known in remediation.status.notifications}
    taken_ids = sorted((plain(name), sink, "taken") for name, sink in delivered)
    return taken_ids + sorted((plain(name), sink, state) for name, sink, state in record)


def test_a_crash_at_any_call_asks_each_level_at_least_once_under_its_own_id() -> None:
    with Simulation() as calm:
        indexes = play(calm)
        expected = outcome(calm)
        assert ("/approvalneeded/TOKEN/level-2", "lead", "taken") in expected
        assert ("/approvalneeded/TOKEN/repeat-2", "oncall", "taken") in expected
        assert ("/answered/TOKEN/approved", "lead", "taken") in expected
    for simulation, fault in with_faults(sample(indexes, 31), "kill before", "kill after", "answer lost"):
        play(simulation)
        assert outcome(simulation) == expected, fault
