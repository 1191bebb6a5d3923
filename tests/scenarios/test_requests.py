"""What an incident costs the API server, and what is none, by the model's audit: times depend on machines, this not."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from platelet.core.decide import decide
from platelet.core.decision import Decision
from platelet.model.effects import Write
from platelet.model.resource import JOBS
from platelet.model.situation import Situation
from platelet.shell import kube
from platelet.shell.act import deciding
from tests.scenarios.heals import HEALS, play
from tests.scenarios.manifests import on_pods, policy, runbook, step
from tests.scenarios.model_api import Call
from tests.scenarios.restarts import restart_containers
from tests.scenarios.simulation import Simulation

WRITTEN = {*(resource.plural for resource in kube.WORKLOADS.values()), kube.AUTOSCALERS.plural, JOBS.plural}
MOST = {  # from the CREATE of its Remediation on: until the first write on the target, and until it is over
    "undo of a bad release": (12, 36),
    "undo that a person approves": (20, 42),
    "restart of stuck pods": (12, 30),
    "undo of a bad release of an ordered StatefulSet, with its stuck pod": (17, 48),
    "restart of an ordered StatefulSet of which every pod is stuck": (12, 57),
    "scale on an alert, and its revert": (14, 74),
    "bounds of an HPA raised on an alert, and their revert": (15, 83),
    "scale that did not help, reverted before the undo": (14, 79),
    "more memory for what was OOM-killed": (15, 39),
    "more memory on an alert, and its revert": (15, 81),
    "more memory that did not help, reverted before the undo": (15, 92),
    "a Job on an alert": (20, 75),  # one of them is for its log
    "escalation after a restart that did not help": (12, 35),
}
OF_A_LOOP = 26  # from its second restart until its template counts as healthy again, however often it restarts
MINUTE = timedelta(minutes=1)
WORKLOADS = [f"web-{number}" for number in range(10)]
DECISIONS = {"undo of a bad release": (3, 15), "restart of stuck pods": (3, 15)}  # as many, in the same spans


def requests(calls: list[Call]) -> list[Call]:
    """All but the renewals of the Lease, which go on whatever happens."""
    return [call for call in calls if call.resource != kube.LEASES.plural]


def is_opening(call: Call) -> bool:
    return (call.verb, call.resource) == ("create", kube.REMEDIATIONS.plural)


def is_write_on_target(call: Call) -> bool:
    return call.changed and call.verb in ("patch", "create") and call.resource in WRITTEN


def say(calls: list[Call]) -> str:
    """By verb and resource, for a failing test."""
    counted = Counter(f"{call.verb} {call.resource}" for call in calls)
    return ", ".join(f"{number} {what}" for what, number in counted.most_common())


@pytest.mark.parametrize("name", MOST)
def test_an_incident_costs_no_more_requests_than_this(name: str) -> None:
    played = play(HEALS[name])
    incident = [call for call in requests(played.simulation.world.server.audit) if call.index in played.incident]
    opened = next(place for place, call in enumerate(incident) if is_opening(call))
    written = next(place for place, call in enumerate(incident) if is_write_on_target(call))
    until_written, until_over = incident[opened : written + 1], incident[opened:]
    most_until_written, most_until_over = MOST[name]
    assert len(until_written) <= most_until_written, say(until_written)
    assert len(until_over) <= most_until_over, say(until_over)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Decision]:
    """All decisions, as they are made. Each is a look: what memory says is put together anew for it."""
    decisions: list[Decision] = []

    def note(situation: Situation, now: datetime) -> Decision:
        decision = decide(situation, now)
        decisions.append(decision)
        return decision

    monkeypatch.setattr(deciding, "decide", note)
    return decisions


@pytest.mark.parametrize("name", DECISIONS)
def test_an_incident_costs_no_more_decisions_than_this(name: str, made: list[Decision]) -> None:
    play(HEALS[name])
    sent = next(
        place
        for place, decision in enumerate(made)
        if decision.status.state == "Acting" and any(isinstance(effect, Write) for effect in decision.effects)
    )
    most_until_written, most_until_over = DECISIONS[name]
    assert sent + 1 <= most_until_written
    assert len(made) <= most_until_over


def restart(simulation: Simulation, times: int, every: timedelta) -> None:
    """All containers, so many times."""
    for _ in range(times):
        restart_containers(simulation, WORKLOADS)
        simulation.run(every)


def cost_of_restarts(act: Callable[[Simulation], None], well_for: timedelta) -> Counter[str]:
    """By verb and resource, in the two hours after all ran well for so long. A loop is acted on at once."""
    loops = on_pods("CrashLoopBackOff", minRestarts=2, **{"for": "0s"})
    with Simulation(healthy_for=10 * MINUTE) as simulation:
        simulation.apply(runbook(step("rolloutUndo")), policy(triggers=[loops], limits={"maxConcurrent": 1000}))
        for name in WORKLOADS:
            simulation.world.deploy(name, "app:good-1", labels={"heal": "yes"})
        simulation.run(well_for)
        since, end = simulation.world.server.index, simulation.world.now + 120 * MINUTE
        act(simulation)
        simulation.run(end - simulation.world.now)
        calls = requests(simulation.world.server.audit[since:])
        return Counter(f"{call.verb} {call.resource}" for call in calls)


@pytest.mark.parametrize("well_for", [5 * MINUTE, 30 * MINUTE], ids=["templates not proven yet", "proven templates"])
@pytest.mark.parametrize("times", [1, 6])
def test_restarts_that_are_no_loop_cost_nothing(times: int, well_for: timedelta) -> None:
    """Each run is long enough to forgive what was before it. Compared with what is asked when nothing happens."""
    quiet = cost_of_restarts(lambda _simulation: None, well_for)
    assert cost_of_restarts(lambda simulation: restart(simulation, times, 15 * MINUTE), well_for) == quiet


@pytest.mark.parametrize("times", [2, 6, 30])
def test_a_loop_costs_as_much_however_often_it_restarts(times: int) -> None:
    """Its pods are ready in between."""
    quiet = cost_of_restarts(lambda _simulation: None, 30 * MINUTE)
    asked = cost_of_restarts(lambda simulation: restart(simulation, times, timedelta(seconds=1)), 30 * MINUTE)
    assert (asked - quiet).total() <= OF_A_LOOP * len(WORKLOADS), asked - quiet


def test_a_loop_that_people_have_is_decided_on_once_a_second_at_most(made: list[Decision]) -> None:
    """Each of 80 restarts changes its pods three times, in 48 seconds."""
    cost_of_restarts(lambda simulation: restart(simulation, 2, timedelta()), 30 * MINUTE)
    of_two = len(made)
    cost_of_restarts(lambda simulation: restart(simulation, 80, timedelta()), 30 * MINUTE)
    assert len(made) - 2 * of_two <= 48 * len(WORKLOADS)
