"""What waits for a common cause: people hear of it within minutes, once, with what is sick; and it goes on waiting."""

from datetime import timedelta

import pytest

from platelet.model.effects import Deliver
from platelet.shell import kube
from tests.scenarios.heals import HEAL, effects
from tests.scenarios.manifests import on_alert, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR, SHOP

MINUTE = timedelta(minutes=1)
HOOK = {"webhook": {"url": "http://oncall.svc/notify"}}
LIMITS = {"maxUnhealthy": "30%", "maxConcurrent": 100}


def begin(simulation: Simulation, *, workloads: int = 5, **more: object) -> None:
    rule = policy(limits={**LIMITS, **more}, triggers=[on_alert("Slow")], escalation=HOOK)
    simulation.apply(runbook(step("rolloutRestart")), rule)
    for n in range(workloads):
        simulation.world.deploy(f"web-{n}", "app:good-1", labels=HEAL)
    simulation.run(2 * MINUTE)


def sicken(simulation: Simulation, *numbers: int) -> None:
    for n in numbers:
        simulation.alerts.fire(f"f{n}", {"alertname": "Slow", "namespace": SHOP, "deployment": f"web-{n}"})


def told(simulation: Simulation, kind: str = "held") -> list[Deliver]:
    return [delivery for delivery in simulation.mailbox.delivered if delivery.request.body["type"].endswith(f".{kind}")]


def test_two_of_five_are_told_of_within_minutes_once_with_their_names() -> None:
    with Simulation() as simulation:
        begin(simulation)
        sicken(simulation, 1, 3)
        simulation.run(MINUTE)
        assert told(simulation) == []
        simulation.run(2 * MINUTE)
        (notice,) = told(simulation)
        assert notice.request.body["data"]["reason"] == "TooManyUnhealthy"
        assert "shop/deployment/web-1, shop/deployment/web-3" in notice.request.body["data"]["message"]
        events = [event for event in simulation.world.store.view(kube.EVENTS) if event["reason"] == "Held"]
        assert {event["regarding"]["kind"] for event in events} == {"Deployment", "RemediationPolicy"}
        simulation.run(60 * MINUTE)
        assert len(told(simulation)) == 1
        assert {remediation.status.state for remediation in simulation.remediations()} == {"Waiting"}
        assert effects(simulation.world.server.audit) == {}


def test_more_that_fall_sick_in_the_same_outage_are_no_new_word() -> None:
    with Simulation() as simulation:
        begin(simulation)
        sicken(simulation, 1, 3)
        simulation.run(4 * MINUTE)
        sicken(simulation, 0, 2)
        simulation.run(30 * MINUTE)
        assert len(told(simulation)) == 1
        simulation.alerts.resolve("f1")
        simulation.alerts.resolve("f3")
        simulation.run(20 * MINUTE)
        assert len(told(simulation)) == 1


def test_whoever_was_told_hears_of_the_end() -> None:
    with Simulation() as simulation:
        begin(simulation)
        sicken(simulation, 1, 3)
        simulation.run(4 * MINUTE)
        for fingerprint in ("f1", "f3"):
            simulation.alerts.resolve(fingerprint)
        simulation.run(15 * MINUTE)
        assert len(told(simulation, "resolved")) == 1


def test_what_passes_within_a_minute_is_told_to_nobody() -> None:
    with Simulation() as simulation:
        begin(simulation)
        sicken(simulation, 1, 3)
        simulation.run(MINUTE)
        for fingerprint in ("f1", "f3"):
            simulation.alerts.resolve(fingerprint)
        simulation.run(15 * MINUTE)
        assert told(simulation) == []


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_full_budget_is_told_of_once_for_all(replicas: int) -> None:
    """The operator's own limit holds all policies."""
    with Simulation(replicas) as simulation:
        begin(simulation, maxUnhealthy="100%")
        simulation.budget_spec({"limits": [{"maxActions": 1, "per": "1h"}]})
        simulation.run(MINUTE)
        sicken(simulation, 0, 1, 2, 3)
        simulation.run(10 * MINUTE)
        assert [delivery.request.body["data"]["reason"] for delivery in told(simulation)] == ["OperatorRateLimited"]


def test_who_only_observes_tells_nobody() -> None:
    with Simulation() as simulation:
        rule = policy(limits=LIMITS, triggers=[on_alert("Slow")], escalation=HOOK, mode="Observe")
        simulation.apply(runbook(step("rolloutRestart")), rule)
        for n in range(5):
            simulation.world.deploy(f"web-{n}", "app:good-1", labels=HEAL)
        simulation.run(2 * MINUTE)
        sicken(simulation, 1, 3)
        simulation.run(10 * MINUTE)
        assert simulation.mailbox.delivered == []


def test_incidents_in_several_namespaces_of_one_policy_are_one_word() -> None:
    with Simulation() as simulation:
        book = runbook(step("rolloutRestart"))
        rule = policy(limits=LIMITS, triggers=[on_alert("Slow")], escalation=HOOK)
        rule["spec"]["namespaceSelector"] = {"matchLabels": HEAL}
        rule["metadata"]["namespace"] = book["metadata"]["namespace"] = OPERATOR
        for n in range(4):
            metadata = {"name": f"team-{n}", "labels": HEAL}
            simulation.world.store.create(kube.NAMESPACES, "", {"metadata": metadata})
        simulation.apply(book, rule)
        for n in range(4):
            simulation.world.deploy("web", "app:good-1", labels=HEAL, namespace=f"team-{n}")
        simulation.run(2 * MINUTE)
        for n in range(3):
            simulation.alerts.fire(f"f{n}", {"alertname": "Slow", "namespace": f"team-{n}", "deployment": "web"})
        simulation.run(10 * MINUTE)
        assert len(told(simulation)) == 1
