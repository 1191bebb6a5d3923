"""What the tests of single incidents share."""

from datetime import timedelta
from typing import Any

from platelet.shell import kube
from tests.scenarios.heals import HEAL
from tests.scenarios.manifests import policy, runbook
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

MINUTE = timedelta(minutes=1)
BUSY = {"alertname": "Busy", "namespace": SHOP, "deployment": "api"}


def begin(simulation: Simulation, *steps: kube.Json, image: str = "app:good-1", **more: Any) -> None:
    """A healthy workload, a runbook of these steps, a policy."""
    simulation.apply(runbook(*steps), policy(**more))
    simulation.world.deploy("api", image, labels=HEAL)
    simulation.run(3 * MINUTE)


def is_well(simulation: Simulation) -> bool:
    """All replicas are available."""
    return bool(
        simulation.world.deployment("api")["status"].get("availableReplicas", 0) == simulation.world.replicas("api")
    )


def states(simulation: Simulation) -> list[tuple[str, str]]:
    """State and reason of each Remediation."""
    return [(remediation.status.state, remediation.status.reason) for remediation in simulation.remediations()]


def images_written(simulation: Simulation) -> list[str]:
    """What our undos have restored."""
    patches = [
        call.body
        for call in simulation.world.server.writes(kube.DEPLOYMENTS)
        if isinstance(call.body, list) and call.body[-1]["path"] == "/spec/template"
    ]
    return [patch[-1]["value"]["spec"]["containers"][0]["image"] for patch in patches]
