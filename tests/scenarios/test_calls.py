"""A step that makes a request: at most once, whatever crashes; without an answer people have it."""

from collections.abc import Iterator
from typing import Any

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import HEAL, LIMITS, MINUTE, is_over, sample
from tests.scenarios.incidents import BUSY, states
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.model_api import FaultKind
from tests.scenarios.simulation import Simulation

URL = "https://orders.example.com/reconcile/path-that-is-a-password"
CALL = step("http", {"url": URL, "body": '{"full": true}', "secretRef": {"name": "token", "key": "t"}})
RESTART = step("rolloutRestart")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def prepare(simulation: Simulation, *steps: kube.Json, **more: Any) -> None:
    simulation.apply(runbook(*steps), policy(limits=LIMITS, triggers=[on_alert("Busy")], **more))
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(MINUTE)


def play(simulation: Simulation, *steps: kube.Json, answers: int | Exception = 204, **more: Any) -> list[Any]:
    """From the alert to the end: what was done, and what came of it."""
    prepare(simulation, *steps, **more)
    simulation.mailbox.answers = answers
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run_until(lambda: is_over(simulation))
    attempts = simulation.remediation().status.attempts
    assert history.offences(simulation.world.server.audit) == []
    return [(attempt.action, attempt.phase, attempt.verdict) for attempt in attempts]


def test_what_is_taken_is_verified(simulation: Simulation) -> None:
    assert play(simulation, CALL) == [("http", "Done", "Recovered")]
    (request,) = simulation.mailbox.called
    attempt = simulation.remediation().status.attempts[0]
    assert (request.method, request.url, request.body) == ("POST", URL, {"full": True})
    assert request.headers["Idempotency-Key"] == attempt.id
    assert request.bearer is not None
    assert (request.bearer.namespace, request.bearer.name, request.bearer.key) == ("shop", "token", "t")
    assert states(simulation) == [("Closed", "Recovered")]


def test_people_read_the_host_and_no_path(simulation: Simulation) -> None:
    play(simulation, CALL)
    status = simulation.remediation().status
    assert "orders.example.com" in status.attempts[0].summary
    assert "password" not in repr(status)


@pytest.mark.parametrize("status", [404, 503, 302])
def test_another_answer_leads_to_the_next_step(simulation: Simulation, status: int) -> None:
    assert play(simulation, CALL, RESTART, answers=status)[0] == ("http", "Done", "Failed")
    assert f"answered {status}" in simulation.remediation().status.attempts[0].verdict_message
    assert len(simulation.mailbox.called) == 1


def test_what_was_surely_not_sent_leads_to_the_next_step(simulation: Simulation) -> None:
    not_sent = kube.Refused(0, "NotSent", "not sent: orders.example.com is not in allowedHosts")
    assert play(simulation, CALL, RESTART, answers=not_sent)[0] == ("http", "Refused", None)
    assert simulation.remediation().status.attempts[0].message.startswith("not sent: ")


def test_without_an_answer_it_is_not_sent_again(simulation: Simulation) -> None:
    """Neither is anything else done: people decide."""
    lost = kube.Unanswered(0, "NoAnswer", "no answer")
    assert play(simulation, CALL, RESTART, answers=lost) == [("http", "Unknown", "Inconclusive")]
    assert len(simulation.mailbox.called) == 1
    assert states(simulation) == [("Escalated", reasons.INCONCLUSIVE)]


def test_without_an_answer_the_next_step_follows_where_the_runbook_says_so(simulation: Simulation) -> None:
    lost = kube.Unanswered(0, "NoAnswer", "no answer")
    attempts = play(simulation, {**CALL, "onInconclusive": "Next"}, RESTART, answers=lost)
    assert [action for action, _, _ in attempts] == ["http", "rolloutRestart"]
    assert len(simulation.mailbox.called) == 1


def test_observe_sends_nothing(simulation: Simulation) -> None:
    prepare(simulation, CALL, mode="Observe")
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)
    simulation.run(3 * MINUTE)
    assert "would POST to orders.example.com, once" in simulation.remediation().status.message
    assert simulation.mailbox.called == []


def test_whatever_is_killed_or_lost_it_is_sent_at_most_once() -> None:
    """Where a crash leaves it unknown, people have it; never a second request."""
    with Simulation() as dry:
        play(dry, CALL)
        calls = [call for call in dry.world.server.audit if call.resource != kube.LEASES.plural]
        intended = dry.remediation().status.attempts[0].intended_at
    kinds: tuple[FaultKind, ...] = ("kill before", "kill after", "answer lost", "unanswered", "conflict")
    near = [call for call in calls if abs((call.at - intended).total_seconds()) <= 1]
    moments = [(call.index, kind) for call in near for kind in kinds]
    for index, kind in sample(moments, 5):
        with Simulation() as simulation:
            simulation.world.server.faults.at[index] = kind
            play(simulation, CALL)
            assert len(simulation.mailbox.called) <= 1, f"{kind} at {index}: {simulation.describe()}"
            ends = [("Closed", "Recovered"), ("Escalated", reasons.INCONCLUSIVE)]
            assert states(simulation)[0] in ends, f"{kind} at {index}: {simulation.describe()}"
