"""Incidents that people get, told by an EscalationPolicy, and that one of them has heard."""

from typing import Any

from platelet.model import approval, reasons
from platelet.shell import kube
from tests.scenarios.incidents import begin, states
from tests.scenarios.manifests import escalation_policy, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

FOLLOWED = {"policyRef": {"name": "oncall"}}


def escalate(simulation: Simulation, *levels: dict[str, Any], **spec: Any) -> None:
    """A restart does not help, so people get it; `spec` is what else the EscalationPolicy says."""
    simulation.apply(escalation_policy(*levels, **spec))
    begin(simulation, step("rolloutRestart"), escalation=FOLLOWED)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)])


def acknowledge(simulation: Simulation) -> None:
    """Ann says that she has heard."""
    remediation = simulation.remediation()
    assert remediation.status.escalation is not None
    token = remediation.status.escalation.acknowledgement
    annotations = {approval.ACKNOWLEDGE: token, approval.ACKNOWLEDGED_BY: "ann"}
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, remediation.name, {"metadata": {"annotations": annotations}})
