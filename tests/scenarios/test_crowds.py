"""Many fall ill at once, and nothing limits it: all are acted on before anything is told or remembered of one."""

from collections import Counter
from datetime import timedelta

from platelet.shell import kube
from tests.scenarios.manifests import policy, runbook, step
from tests.scenarios.model_api import Call
from tests.scenarios.simulation import Simulation

MINUTE = timedelta(minutes=1)
ILL = 24
WIDE_OPEN = {"cooldown": "0s", "maxConcurrent": 1000, "rate": {"maxActions": 1000, "per": "1h"}}
OF_EACH = 18  # requests until the last one is acted on
OF_THE_REST = 4  # of these, of eight: what is told and remembered of each, to which one of four turns belongs


def _crash(simulation: Simulation) -> list[Call]:
    """All releases crash at one moment; what is asked for from the first Remediation to the last undo."""
    simulation.budget_spec({"limits": [{"maxActions": 1000, "per": "1h"}]})
    simulation.apply(runbook(step("rolloutUndo")), policy(limits=WIDE_OPEN))
    for number in range(ILL):
        simulation.world.deploy(f"api-{number}", "app:good-1", labels={"heal": "yes"})
    simulation.run(3 * MINUTE)
    for number in range(ILL):
        simulation.world.release(f"api-{number}", "app:crash")
    simulation.run(10 * MINUTE)
    calls = [call for call in simulation.world.server.audit if call.resource != kube.LEASES.plural]
    first = next(place for place, call in enumerate(calls) if _is(call, "create", kube.REMEDIATIONS))
    undos = [place for place, call in enumerate(calls) if _is(call, "patch", kube.WORKLOADS["Deployment"])]
    assert len(undos) == ILL
    return calls[first : undos[-1] + 1]


def _is(call: Call, verb: str, resource: kube.Resource) -> bool:
    return (call.verb, call.resource) == (verb, resource.plural)


def test_all_are_acted_on_before_anything_is_told_or_remembered_of_one() -> None:
    with Simulation() as simulation:
        calls = _crash(simulation)
        later = [call for call in calls if call.resource in (kube.EVENTS.plural, kube.CONTROLLER_REVISIONS.plural)]
        asked = Counter((call.verb, call.resource) for call in calls)
        assert len(calls) <= OF_EACH * ILL, asked
        assert len(later) <= OF_THE_REST * ILL, asked
