"""A step that says something: told at least once under one id, in order, and nothing waits for it."""

from collections.abc import Iterator
from typing import Any

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.escalations import FOLLOWED
from tests.scenarios.heals import MINUTE, is_over, moments, sample
from tests.scenarios.incidents import begin, states
from tests.scenarios.manifests import escalation_policy, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

INVESTIGATING, IDENTIFIED = "INVESTIGATING: errors on the API", "IDENTIFIED: the release, it is rolled back"
UNDO = step("rolloutUndo")
LEVELS = ({"after": "0s", "sinks": ["status"]}, {"after": "5m", "sinks": ["lead"]})


def notify(message: str, name: str) -> kube.Json:
    return {"name": name, "notify": {"message": message}}


STEPS = (notify(INVESTIGATING, "investigating"), notify(IDENTIFIED, "identified"), UNDO)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def strike(simulation: Simulation, *steps: kube.Json, **more: Any) -> int:
    """A bad release of a workload with this ladder. Returns the first call of its incident."""
    simulation.apply(escalation_policy(*LEVELS))
    spec = {"escalation": FOLLOWED, **more}
    begin(simulation, *(steps or STEPS), **{key: value for key, value in spec.items() if value is not None})
    first = simulation.world.server.index
    simulation.world.release("api", "app:crash")
    return first


def told(simulation: Simulation, sink: str = "status") -> list[str]:
    """What a sink has taken, in order, a repetition once: the words of a step, else the kind."""
    taken: dict[str, str] = {}
    for delivery in simulation.mailbox.delivered:
        if delivery.correlation.sink == sink:
            event = delivery.request.body
            kind = event["type"].rpartition(".")[2]
            taken.setdefault(event["id"], event["data"]["message"] if kind == "announced" else kind)
    return list(taken.values())


def play(simulation: Simulation, faults: dict[int, FaultKind] | None = None) -> range:
    """From the release to the end of it all. Returns the calls of the incident."""
    simulation.world.server.faults.at.update(faults or {})
    first = strike(simulation)
    simulation.run_until(lambda: is_over(simulation) and not simulation.is_waiting_for_a_process())
    calls = range(first, simulation.world.server.index)
    simulation.run(15 * MINUTE)
    return calls


WHOLE = [INVESTIGATING, IDENTIFIED, "acted", "recovered", "resolved"]


def test_it_is_said_before_the_next_step_and_who_heard_it_hears_the_end(simulation: Simulation) -> None:
    play(simulation)
    assert told(simulation) == WHOLE
    assert told(simulation, "lead") == []
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


def test_it_takes_no_place_of_a_limit(simulation: Simulation) -> None:
    play(simulation)
    assert [entry.id.rpartition("/")[2] for entry in simulation.budget().status.entries] == ["1"]
    (attempt,) = simulation.remediation().status.attempts
    assert attempt.action == "rolloutUndo"


def test_nothing_waits_for_a_sink_that_takes_nothing(simulation: Simulation) -> None:
    """It is told in order once it can be."""
    simulation.mailbox.down_hosts = {"status.svc"}
    strike(simulation)
    simulation.run_until(lambda: bool(simulation.remediations()) and states(simulation)[0][0] == "Monitoring")
    assert told(simulation) == []
    simulation.mailbox.down_hosts = set()
    simulation.run_until(lambda: is_over(simulation))
    simulation.run(15 * MINUTE)
    assert told(simulation) == WHOLE


def events(simulation: Simulation) -> list[str]:
    announced = [event for event in simulation.world.store.find(kube.EVENTS, SHOP) if event["reason"] == "Announced"]
    return [
        event["note"].partition(": Announced: ")[2] for event in announced if event["regarding"]["kind"] == "Deployment"
    ]


def test_where_nobody_else_is_told_it_is_an_event(simulation: Simulation) -> None:
    strike(simulation, escalation=None)
    simulation.run_until(lambda: is_over(simulation))
    assert sorted(events(simulation)) == sorted([INVESTIGATING, IDENTIFIED])
    assert simulation.mailbox.delivered == []


def test_without_levels_all_sinks_of_the_policy_are_told(simulation: Simulation) -> None:
    strike(simulation, escalation={"webhook": {"url": "http://status.svc/hook"}})
    simulation.run_until(lambda: is_over(simulation))
    simulation.run(15 * MINUTE)
    assert told(simulation, "webhook") == WHOLE


def test_observe_tells_nobody_and_says_what_it_would_say(simulation: Simulation) -> None:
    strike(simulation, mode="Observe")
    simulation.run(3 * MINUTE)
    noted = [(decision.reason, decision.message) for decision in simulation.remediation().status.decisions]
    assert (reasons.WOULD_ANNOUNCE, f"it would only say: {INVESTIGATING}") in noted
    assert simulation.remediation().status.message.startswith("would undo")
    assert simulation.mailbox.delivered == []
    assert events(simulation) == []


def test_after_the_last_step_people_have_it(simulation: Simulation) -> None:
    strike(simulation, *STEPS[:2])
    simulation.run_until(lambda: states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)])
    simulation.run(MINUTE)
    assert told(simulation) == [INVESTIGATING, IDENTIFIED, "escalated"]


def test_a_step_whose_condition_does_not_hold_says_nothing(simulation: Simulation) -> None:
    silent = {**STEPS[1], "when": "target.replicas > 100"}
    strike(simulation, STEPS[0], silent, UNDO)
    simulation.run_until(lambda: is_over(simulation))
    assert INVESTIGATING in told(simulation)
    assert IDENTIFIED not in told(simulation)


def test_nothing_is_said_of_trouble_that_does_not_last(simulation: Simulation) -> None:
    """Its trigger's `for` comes first."""
    strike(simulation, triggers=[{"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 1, "for": "5m"}}])
    simulation.run(2 * MINUTE)
    simulation.world.release("api", "app:good-2")
    simulation.run_until(lambda: is_over(simulation))
    assert told(simulation) == []


@pytest.mark.parametrize("kind", ["answer lost", "unanswered", "conflict"])
def test_whatever_answer_is_lost_it_is_said_once_in_order(kind: FaultKind) -> None:
    with Simulation() as dry:
        calls = play(dry)
        audit = [call for call in dry.world.server.audit if call.index in calls and call.verb not in ("get", "list")]
    for call in sample(audit, 3):
        with Simulation() as simulation:
            play(simulation, {call.index: kind})
            assert told(simulation) == WHOLE, (call.index, kind)


def test_a_kill_at_any_call_neither_loses_nor_doubles_it() -> None:
    """A sink may be told again under the same id; never under another one, and nothing is left out."""
    with Simulation() as dry:
        calls = play(dry)
        chosen = moments(calls, dry.world.server.audit)
    assert len(chosen) > 30
    for index, kind in chosen:
        with Simulation() as simulation:
            play(simulation, {index: kind})
            assert told(simulation) == WHOLE, (index, kind, simulation.describe())
