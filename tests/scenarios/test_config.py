"""A key of a ConfigMap and the restart after it: both or none, exactly back, never what others own, and never shown."""

import json
from datetime import timedelta
from typing import Any

import pytest

from platelet.changes import config_value
from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import CONFIG, HEALS, calm_configured, config, is_over, play
from tests.scenarios.incidents import BUSY, MINUTE, states
from tests.scenarios.manifests import on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

HEAL = HEALS["a key of a ConfigMap and a restart on an alert, and their revert"]
NEW = {**CONFIG, "PROVIDER": "new-and-secret"}


def writes(simulation: Simulation) -> list[tuple[str, str]]:
    """Each write of an attempt on the ConfigMap and the workload: what its id ends in, and on which kind."""
    calls = [call for call in simulation.world.server.audit if call.changed and call.agent]
    ids = [(call.agent.partition("/")[2], call.resource) for call in calls]
    return [write for write in ids if write[1] in ("configmaps", "deployments") and write[0] != "escalated"]


def strike(simulation: Simulation) -> None:
    """An alert for five minutes."""
    simulation.alerts.fire("f1", BUSY, lasts=5 * MINUTE)


def test_pods_are_restarted_after_it_was_set_and_after_it_was_put_back() -> None:
    played = play(HEAL)
    assert writes(played.simulation) == [
        ("0/1/change-1", "configmaps"),
        ("0/1/change-2", "deployments"),
        ("0/1/back/change-1", "configmaps"),
        ("0/1/back/change-2", "deployments"),
    ]
    assert played.outcome.config == CONFIG
    assert played.outcome.remediations == [("deployment-api-1", "Closed", "Recovered")]


def test_its_values_are_nowhere_but_in_the_config_map_and_its_record() -> None:
    """A Runbook and what is pinned of its steps hold what people wrote; what we say of it is in the status."""
    played = play(HEAL)
    hold = ("configmaps", "controllerrevisions")
    written = [call.body for call in played.simulation.world.server.audit if call.resource not in hold]
    shown = [body["status"] if isinstance(body, dict) and "status" in body else body for body in written]
    shown = [body for body in shown if not (isinstance(body, dict) and body.get("kind") == "Remediation")]
    text = json.dumps(shown, default=str)
    assert "set PROVIDER of ConfigMap api (10m), then restart all 2 pods" in text
    assert "key PROVIDER of ConfigMap api as before" in text
    assert "old-and-secret" not in text
    assert "new-and-secret" not in text


def test_where_the_restart_is_refused_the_key_is_put_back(simulation: Simulation) -> None:
    """Nothing stays half-way."""

    def refuse(review: Any) -> None:
        if review.resource.plural == "deployments" and review.new["spec"] != review.old["spec"]:
            raise kube.Refused(403, "Forbidden", "not this one")

    calm_configured(simulation)
    simulation.world.store.admissions.append(refuse)
    strike(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert config(simulation) == CONFIG
    assert writes(simulation) == [("0/1/change-1", "configmaps"), ("0/1/back", "configmaps")]
    assert states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)]


def test_what_people_have_set_since_stays_and_nothing_is_restarted_for_it(simulation: Simulation) -> None:
    calm_configured(simulation)
    strike(simulation)
    simulation.run_until(lambda: len(writes(simulation)) == 2)
    assert config(simulation) == NEW
    changed = {"data": {"PROVIDER": "by people"}}
    simulation.world.store.patch(config_value.CONFIG_MAPS, SHOP, "api", changed)
    simulation.run(timedelta(minutes=40))
    assert config(simulation) == {**CONFIG, **changed["data"]}
    assert len(writes(simulation)) == 2


LEFT_ALONE: dict[str, tuple[dict[str, Any], str]] = {
    "immutable": ({"immutable": True}, reasons.IMMUTABLE),
    "Flux's": ({"metadata": {"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}}, reasons.GITOPS_MANAGED),
}


@pytest.mark.parametrize(("change", "reason"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_may_not_be_written_goes_to_people(simulation: Simulation, change: dict[str, Any], reason: str) -> None:
    calm_configured(simulation)
    simulation.world.store.patch(config_value.CONFIG_MAPS, SHOP, "api", change)
    strike(simulation)
    simulation.run_until(lambda: is_over(simulation))
    assert any(decision.reason == reason for decision in simulation.remediation().status.decisions)
    assert writes(simulation) == []


def test_a_config_map_that_may_not_be_read_any_more_holds_up_nothing_but_its_own_revert(simulation: Simulation) -> None:
    """A bad release is undone all the same. When the revert is overdue, people hear of it."""
    undo = runbook(step("rolloutUndo"), name="undo")
    simulation.apply(undo, policy("undo", triggers=[on_pods()], runbookRef={"name": "undo"}))
    calm_configured(simulation)
    strike(simulation)
    simulation.run_until(lambda: len(writes(simulation)) == 2)
    simulation.run(6 * MINUTE)
    store = simulation.world.store
    get = store.get

    def may_not_get_config_maps(resource: kube.Resource, namespace: str, name: str) -> Any:
        if resource == config_value.CONFIG_MAPS:
            raise kube.Refused(403, "Forbidden", "configmaps may not be read")
        return get(resource, namespace, name)

    store.get = may_not_get_config_maps  # type: ignore[method-assign]
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: simulation.world.image("api") == "app:good-1")
    simulation.run_until(lambda: ("Escalated", reasons.NOT_REVERTED) in states(simulation))
    (last, *_) = [remediation for remediation in simulation.remediations() if remediation.status.state == "Escalated"]
    assert "ConfigMap api may not be read any more" in last.status.message
    notes = [note.message for note in last.status.decisions if note.by == "revert"]
    assert notes == ["due, and not reverted yet: ConfigMap api may not be read any more"]
