"""Evidence before the fix: who has written which keys of a ConfigMap since its workload ran well, once, by names."""

import json
from collections.abc import Iterator

import pytest

from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import HEAL, LIMITS, is_over
from tests.scenarios.incidents import MINUTE
from tests.scenarios.manifests import policy, runbook, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

STORED = kube.Resource("", "v1", "configmaps", "ConfigMap")  # as people see it, data and all


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        yield simulation


def configure(simulation: Simulation, **managers: str) -> None:
    """The API server's record of who owns which key, all written now."""
    now = simulation.world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = [
        {"manager": manager, "time": now, "fieldsV1": {"f:data": {f"f:{key}": {}}}} for key, manager in managers.items()
    ]
    store = simulation.world.store
    metadata = {"name": "settings", "managedFields": entries}
    body = {"metadata": metadata, "data": dict.fromkeys(managers, "a-secret-value")}
    if any(config_map["metadata"]["name"] == "settings" for config_map in store.view(STORED)):
        store.patch(STORED, SHOP, "settings", body)
    else:
        store.create(STORED, SHOP, body)


def begin(simulation: Simulation, *, configured: bool) -> None:
    simulation.apply(runbook(step("rolloutRestart")), policy(limits=LIMITS))
    configure(simulation, MODE="helm")
    simulation.world.deploy("api", "app:good-1", labels=HEAL)
    if configured:
        simulation.world.set_up("api", envFrom=[{"configMapRef": {"name": "settings"}}])
    simulation.run(3 * MINUTE)


def strike(simulation: Simulation) -> list[str]:
    """Its pods fall ill and are restarted; the requests for ConfigMaps since."""
    since = simulation.world.server.index
    simulation.world.sicken_pods("api", "crash")
    simulation.run_until(lambda: bool(simulation.remediations()) and is_over(simulation))
    assert history.offences(simulation.world.server.audit) == []
    return [
        f"{call.verb} {call.resource}" for call in simulation.world.server.audit[since:] if "config" in call.resource
    ]


def test_what_was_written_since_it_ran_well_is_noted_once_and_without_values(simulation: Simulation) -> None:
    begin(simulation, configured=True)
    configure(simulation, LEVEL="kubectl-edit")
    written = simulation.world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert strike(simulation) == ["get configmaps"]
    change = simulation.remediation().status.recent_change
    assert change is not None
    assert change.config_writes == (f"configmap/settings written {written} by kubectl-edit, keys LEVEL",)
    ours = [call.body for call in simulation.world.server.audit if call.resource != STORED.plural]
    assert "a-secret-value" not in json.dumps(ours, default=str)


def test_where_nobody_has_written_there_is_nothing_to_say(simulation: Simulation) -> None:
    begin(simulation, configured=True)
    simulation.run(5 * MINUTE)
    strike(simulation)
    change = simulation.remediation().status.recent_change
    assert change is not None
    assert change.config_writes == ()


def test_a_workload_without_config_maps_costs_no_request(simulation: Simulation) -> None:
    begin(simulation, configured=False)
    assert strike(simulation) == []


def test_while_nothing_is_wrong_nothing_is_asked(simulation: Simulation) -> None:
    begin(simulation, configured=True)
    configure(simulation, LEVEL="kubectl-edit")
    since = simulation.world.server.index
    simulation.run(120 * MINUTE)
    assert [call for call in simulation.world.server.audit[since:] if call.resource == STORED.plural] == []
