"""An incident that people have: what lets it go, and what comes back continues it."""

from datetime import timedelta
from typing import Any

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import HEAL, effects
from tests.scenarios.incidents import MINUTE, states
from tests.scenarios.manifests import on_alert, on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

AGAIN = {**step("rolloutRestart"), "name": "again"}
HOUR = timedelta(hours=1)


def actions(simulation: Simulation) -> int:
    """How many writes of ours have changed the workload."""
    return len(effects(simulation.world.server.audit))


def escalations(simulation: Simulation) -> set[str]:
    """The names of the Remediations that were ever handed to people."""
    status = [call for call in simulation.world.server.audit if call.changed and call.subresource == "status"]
    stored = [call for call in status if call.resource == kube.REMEDIATIONS.plural]
    return {call.name for call in stored if call.body["status"].get("state") == "Escalated"}


def escalate(simulation: Simulation, *steps: kube.Json, image: str = "app:flaky-3m", **more: Any) -> None:
    """A crash that no step mends, until people have it."""
    simulation.apply(runbook(*(steps or (step("rolloutRestart"),))), policy(**more))
    simulation.world.deploy("api", image, labels=HEAL)
    simulation.run_until(lambda: bool(escalations(simulation)), within=timedelta(hours=6))


@pytest.mark.parametrize("every", ["90s", "4m", "7m"])
def test_what_comes_back_again_and_again_is_left_to_people(simulation: Simulation, every: str) -> None:
    """TRAPS 25: one ladder, one escalation, whatever the turn; nothing of it was changed by people."""
    escalate(simulation, step("rolloutRestart"), AGAIN, image=f"app:flaky-{every}")
    simulation.run(timedelta(hours=20))
    assert actions(simulation) == 2
    assert len(escalations(simulation)) == 1


ESCALATED = {
    "it gave up": {"limits": {"giveUpAfter": "5m", "cooldown": "1m", "rate": {"maxActions": 1, "per": "24h"}}},
    "nobody approved": {"mode": "Approve", "approval": {"expiresAfter": "5m"}},
}


@pytest.mark.parametrize("more", ESCALATED.values(), ids=ESCALATED)
def test_it_does_not_matter_why_people_have_it(simulation: Simulation, more: dict[str, Any]) -> None:
    escalate(simulation, step("rolloutRestart"), AGAIN, **more)
    simulation.run(timedelta(hours=12))
    assert actions(simulation) <= 1
    assert len(escalations(simulation)) == 1


def test_what_goes_by_itself_is_kept_for_hours_and_nobody_is_thanked(simulation: Simulation) -> None:
    escalate(simulation)
    simulation.world.sicken_pods("api", "good")
    simulation.run(3 * HOUR)
    assert [state for state, _ in states(simulation)] == ["Escalated"]
    simulation.run(2 * HOUR)
    assert states(simulation) == [("Closed", reasons.RESOLVED_BY_ITSELF)]
    assert "platelet.dev/escalated" not in simulation.world.deployment("api")["metadata"]["annotations"]


def test_what_comes_back_after_that_is_for_people_at_once(simulation: Simulation) -> None:
    """Within a day the steps that were tried are not tried again."""
    escalate(simulation, step("rolloutRestart"), AGAIN)
    simulation.world.sicken_pods("api", "good")
    simulation.run(6 * HOUR)
    before = actions(simulation)
    simulation.world.sicken_pods("api", "crash")
    simulation.run(HOUR)
    assert states(simulation)[1:] == [("Escalated", reasons.RECURRED)]
    assert actions(simulation) == before


def _release(simulation: Simulation) -> None:
    simulation.world.release("api", "app:good-2")


def _scale(simulation: Simulation) -> None:
    simulation.world.scale("api", 3)
    simulation.run(timedelta(seconds=5))
    simulation.world.sicken_pods("api", "good")


def _restart(simulation: Simulation) -> None:
    simulation.world.release("api", "app:good-1")
    simulation.world.rollout_restart("api")


def _switch_off(simulation: Simulation) -> None:
    simulation.world.scale("api", 0)


PEOPLE = {"a release": _release, "more replicas": _scale, "a restart": _restart, "switched off": _switch_off}


@pytest.mark.parametrize("mend", PEOPLE.values(), ids=PEOPLE)
def test_what_people_mend_is_let_go_soon(simulation: Simulation, mend: Any) -> None:
    escalate(simulation)
    mend(simulation)
    simulation.run(10 * MINUTE)
    assert states(simulation) == [("Closed", reasons.RESOLVED_BY_PEOPLE)]


def test_replicas_that_an_autoscaler_sets_are_nobodys_doing(simulation: Simulation) -> None:
    simulation.world.deploy("other", "app:good-1")
    escalate(simulation)
    simulation.world.autoscale("api", 2, 9)
    simulation.world.sicken_pods("api", "good")
    simulation.world.scale("api", 4)
    simulation.run(HOUR)
    assert [state for state, _ in states(simulation)] == ["Escalated"]


def test_a_new_release_that_fails_begins_a_ladder_of_its_own(simulation: Simulation) -> None:
    escalate(simulation, step("rolloutUndo"), image="app:crash-1")
    simulation.world.release("api", "app:good-2")
    simulation.run(30 * MINUTE)
    simulation.world.release("api", "app:crash-3")
    simulation.run_until(lambda: simulation.world.image("api") == "app:good-2")


def test_a_bad_release_upon_a_bad_release_begins_a_ladder_of_its_own(simulation: Simulation) -> None:
    """People answer to the escalation with another release, which fails, too: it was never well in between."""
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    escalate_by_alert = policy(triggers=[on_pods()], limits={"rate": {"maxActions": 10, "per": "1h"}})
    simulation.apply(runbook(step("rolloutRestart")), escalate_by_alert)
    simulation.run(3 * MINUTE)
    simulation.world.release("api", "app:crash-2")
    simulation.run_until(lambda: bool(escalations(simulation)), within=HOUR)
    simulation.world.release("api", "app:crash-3")
    simulation.run(HOUR)
    assert states(simulation) == [("Closed", reasons.CANCELLED), ("Escalated", reasons.NO_STEP_LEFT)]
    assert actions(simulation) == 2


@pytest.mark.parametrize("image", ["app:flaky-3m", "app:crash-9"])
def test_a_target_that_is_deleted_and_made_anew(simulation: Simulation, image: str) -> None:
    """The same template again is the same incident; another one is another."""
    escalate(simulation, step("rolloutRestart"), AGAIN)
    before = actions(simulation)
    simulation.world.delete("api")
    simulation.run(30 * MINUTE)
    simulation.world.deploy("api", image, labels=HEAL)
    simulation.run(3 * HOUR)
    assert (actions(simulation) > before) == (image != "app:flaky-3m")


def test_a_runbook_by_hand_does_not_wait_for_what_people_have(simulation: Simulation) -> None:
    escalate(simulation)
    before = actions(simulation)
    body = {
        "metadata": {"name": "by-hand"},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "api"},
            "policyRef": {"name": "heal"},
            "runbookRef": {"name": "heal"},
            "mode": "Enforce",
            "requestedBy": "alice",
        },
    }
    simulation.world.store.create(kube.REMEDIATIONS, SHOP, body)
    simulation.run_until(lambda: actions(simulation) == before + 1, within=HOUR)


def test_what_a_restart_mends_for_a_while_only_is_restarted_three_times_a_day(simulation: Simulation) -> None:
    """A leak that is back every 40 minutes: recovered each time, which is no remedy; then people have it, once."""
    spec = {**policy()["spec"], "triggers": [on_alert("Leaking")]}
    simulation.apply(runbook(step("rolloutRestart")), {**policy(), "spec": spec})
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    simulation.run(20 * MINUTE)
    labels = {"alertname": "Leaking", "namespace": SHOP, "deployment": "api"}
    for turn in range(12):
        simulation.alerts.fire(f"turn-{turn}", labels, lasts=5 * MINUTE)
        simulation.run(40 * MINUTE)
    assert actions(simulation) == 3
    assert len(escalations(simulation)) == 1
