"""Incidents that people get, told by an EscalationPolicy, and that one of them has heard."""

from typing import Any

from platelet.api.kinds.status_lists import NOTIFICATIONS
from platelet.model import approval, reasons
from platelet.model.notification import Notification
from platelet.shell import kube
from platelet.shell.kube import Json
from tests.scenarios.incidents import begin, states
from tests.scenarios.manifests import escalation_policy, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

FOLLOWED = {"policyRef": {"name": "oncall"}}
L1: Json = {"after": "0s", "sinks": ["oncall"]}
L2: Json = {"after": "30m", "sinks": ["lead"]}
L3: Json = {"after": "1h", "sinks": ["manager"]}


def escalate(simulation: Simulation, *levels: dict[str, Any], **spec: Any) -> None:
    """A restart does not help, so people get it; `spec` is what else the EscalationPolicy says."""
    simulation.apply(escalation_policy(*levels, **spec))
    begin(simulation, step("rolloutRestart"), escalation=FOLLOWED)
    simulation.world.release("api", "app:crash")
    simulation.run_until(lambda: states(simulation) == [("Escalated", reasons.NO_STEP_LEFT)])


def notifications(simulation: Simulation) -> tuple[Notification, ...]:
    """What the policy has on record of telling people, apart from incidents."""
    return NOTIFICATIONS.read(simulation.world.store.get(kube.POLICIES, SHOP, "heal")["status"])


def acknowledge(simulation: Simulation) -> None:
    """Ann says that she has heard."""
    remediation = simulation.remediation()
    assert remediation.status.escalation is not None
    token = remediation.status.escalation.acknowledgement
    annotations = {approval.ACKNOWLEDGE: token, approval.ACKNOWLEDGED_BY: "ann"}
    simulation.world.store.patch(kube.REMEDIATIONS, SHOP, remediation.name, {"metadata": {"annotations": annotations}})
