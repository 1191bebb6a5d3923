"""A policy is deleted that has people called: they hear so, since nobody would tell them how it ends."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from platelet.shell import kube
from tests.scenarios.escalations import FOLLOWED, L1, L2, L3
from tests.scenarios.incidents import MINUTE, begin
from tests.scenarios.manifests import escalation_policy, on_alert, policy, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.test_failed_jobs import TRIGGER, fail
from tests.scenarios.world import SHOP

HOUR = 60 * MINUTE
GONE = f"policy {SHOP}/heal, which watched it, was deleted"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        simulation.apply(escalation_policy(L1, L2, L3))
        begin(simulation, step("rolloutRestart"), triggers=[on_alert("Lost"), TRIGGER], escalation=FOLLOWED)
        yield simulation


def fire(simulation: Simulation) -> None:
    simulation.alerts.fire("000000000000f001", {"alertname": "Lost", "namespace": SHOP})


def delete(simulation: Simulation) -> None:
    simulation.world.store.delete(kube.POLICIES, SHOP, "heal")


def ends(simulation: Simulation) -> list[tuple[str, str]]:
    """Which sinks have taken which ends, with what they say."""
    bodies = [(known.correlation.sink, known.request.body) for known in simulation.mailbox.delivered]
    return sorted((sink, message(body)) for sink, body in bodies if body["type"].endswith(("resolved", "over")))


def message(body: Any) -> str:
    return str(body["data"]["message"])


def test_who_was_called_hears_that_the_policy_is_gone_and_nobody_else(simulation: Simulation) -> None:
    fire(simulation)
    fail(simulation, "migrate")
    simulation.run(40 * MINUTE)
    delete(simulation)
    simulation.run(2 * HOUR)
    heard = ends(simulation)
    assert [sink for sink, _ in heard] == ["lead", "lead", "oncall", "oncall"]
    assert {text for _, text in heard} == {f"alert Lost: {GONE}", f"Job {SHOP}/migrate: {GONE}"}


def test_a_sink_that_is_down_hears_it_later_and_once(simulation: Simulation) -> None:
    fire(simulation)
    simulation.run(10 * MINUTE)
    simulation.mailbox.down = True
    delete(simulation)
    simulation.run(HOUR)
    assert ends(simulation) == []
    simulation.mailbox.down = False
    simulation.run(2 * HOUR)
    assert ends(simulation) == [("oncall", f"alert Lost: {GONE}")]


def test_what_no_sink_takes_is_given_up_after_a_day(simulation: Simulation) -> None:
    fire(simulation)
    simulation.run(10 * MINUTE)
    simulation.mailbox.down = True
    delete(simulation)
    simulation.run(25 * HOUR)
    simulation.mailbox.down = False
    simulation.run(2 * HOUR)
    assert ends(simulation) == []


def test_a_policy_that_is_made_anew_at_once_calls_for_what_fires_and_the_old_call_is_over(
    simulation: Simulation,
) -> None:
    """`kubectl replace --force`. The two know nothing of each other."""
    fire(simulation)
    simulation.run(10 * MINUTE)
    delete(simulation)
    simulation.run(timedelta(seconds=1))
    simulation.apply(policy(triggers=[on_alert("Lost")], escalation=FOLLOWED))
    simulation.run(MINUTE)
    simulation.alerts.repeat("000000000000f001")
    simulation.run(10 * MINUTE)
    assert ends(simulation) == [("oncall", f"alert Lost: {GONE}")]
    assert [known.correlation.sink for known in simulation.mailbox.delivered] == ["oncall"] * 3


def test_what_is_over_already_or_was_only_observed_is_not_told(simulation: Simulation) -> None:
    fire(simulation)
    simulation.run(10 * MINUTE)
    simulation.alerts.resolve("000000000000f001")
    simulation.run(10 * MINUTE)
    before = len(simulation.mailbox.delivered)
    simulation.world.store.patch(kube.POLICIES, SHOP, "heal", {"spec": {"mode": "Observe"}})
    fail(simulation, "migrate")
    simulation.run(10 * MINUTE)
    delete(simulation)
    simulation.run(HOUR)
    assert len(simulation.mailbox.delivered) == before
