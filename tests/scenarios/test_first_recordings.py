"""Workloads that were never seen before: what is recorded of each costs two writes, and after that nothing."""

from collections import Counter
from datetime import timedelta

import pytest

from platelet.shell import kube
from tests.scenarios.manifests import policy, runbook, step
from tests.scenarios.model_api import Call, FaultKind
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import OPERATOR, SHOP

MINUTE = timedelta(minutes=1)
NEW = 25
RECORDS = kube.CONTROLLER_REVISIONS.plural
OF_ALL_ALIKE = {
    resource.plural
    for resource in (
        kube.RUNBOOKS,
        kube.POLICIES,
        kube.ESCALATION_POLICIES,
        kube.REMEDIATIONS,
        kube.BUDGETS,
        kube.LEASES,
    )
}
"""What is asked for once, however many workloads there are."""


def begin(simulation: Simulation) -> int:
    """All run well for long when a policy for them is made. The index of the first call after that."""
    for number in range(NEW):
        simulation.world.deploy(f"api-{number}", "app:good-1", labels={"heal": "yes"})
    simulation.run(3 * MINUTE)
    simulation.apply(runbook(step("rolloutUndo")), policy())
    return simulation.world.server.index


def asked(simulation: Simulation, since: int) -> list[Call]:
    return [call for call in simulation.world.server.audit if call.index >= since and call.resource not in OF_ALL_ALIKE]


def healthy(simulation: Simulation, namespace: str) -> list[str]:
    records = simulation.world.store.view(kube.CONTROLLER_REVISIONS, namespace)
    return [
        record["metadata"]["name"]
        for record in records
        if record["metadata"]["annotations"]["platelet.dev/health"] == "Healthy"
    ]


def test_a_workload_that_was_never_seen_costs_a_record_and_what_is_attested_of_it() -> None:
    with Simulation() as simulation:
        since = begin(simulation)
        simulation.run(5 * MINUTE)
        calls = Counter((call.verb, call.resource, call.namespace, call.code) for call in asked(simulation, since))
        assert calls == {("create", RECORDS, SHOP, 200): NEW, ("create", RECORDS, OPERATOR, 200): NEW}
        assert (len(healthy(simulation, SHOP)), len(healthy(simulation, OPERATOR))) == (NEW, NEW)


def test_a_new_leader_asks_nothing_of_what_is_on_record() -> None:
    with Simulation() as simulation:
        begin(simulation)
        simulation.run(MINUTE)
        server = simulation.world.server
        server.faults.at[server.index] = "kill before"
        since = server.index + 1
        simulation.run(5 * MINUTE)
        assert any(call.process != "replica-1" for call in server.audit), "another one leads"
        assert asked(simulation, since) == []


@pytest.mark.parametrize("kind", ["kill before", "kill after", "answer lost", "unanswered"])
@pytest.mark.parametrize("nth", [0, 1, 2, 3, 20, 49])
def test_whatever_goes_wrong_each_is_recorded_once_and_healthy_in_the_end(kind: FaultKind, nth: int) -> None:
    with Simulation() as simulation:
        begin(simulation)
        server, seen = simulation.world.server, 0

        def strike(index: int) -> None:
            nonlocal seen
            last = server.audit[-1]
            if last.resource == RECORDS or seen == 0:
                seen += 1
                if seen == nth + 1:
                    server.faults.at[index] = kind

        server.on_call = strike
        simulation.run(10 * MINUTE)
        server.on_call = None
        for namespace in (SHOP, OPERATOR):
            assert len(simulation.world.store.view(kube.CONTROLLER_REVISIONS, namespace)) == NEW
            assert len(healthy(simulation, namespace)) == NEW
