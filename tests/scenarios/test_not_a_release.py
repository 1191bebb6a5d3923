"""What is no bad release is not undone: a restart by whatever tool, a workload that is switched off."""

from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import effects
from tests.scenarios.incidents import BUSY, MINUTE, begin
from tests.scenarios.manifests import on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

RELOADER = {"name": "STAKATER_FLAGS_CONFIGMAP", "value": "77ab"}
RESTARTS: dict[str, kube.Json] = {
    "OpenShift's console": {
        "metadata": {"annotations": {"openshift.openshift.io/restartedAt": "2026-11-21T10:03:00Z"}}
    },
    "Keel": {"metadata": {"annotations": {"keel.sh/update-time": "2026-11-21 10:03:00.1 +0000 UTC"}}},
    "Helm's rollme": {"metadata": {"annotations": {"rollme": "aB3dE"}}},
    "Reloader's variable": {"spec": {"containers": [{"name": "app", "image": "app:good-1", "env": [RELOADER]}]}},
}


@pytest.mark.parametrize("change", RESTARTS.values(), ids=RESTARTS)
def test_a_restart_by_another_tool_is_neither_undone_nor_condemned(change: kube.Json) -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"), step("rolloutRestart"))
        simulation.world.edit("api", {"spec": {"template": change}})
        simulation.run(timedelta(seconds=8))
        simulation.world.sicken_pods("api", "crash")
        simulation.run(30 * MINUTE)
        assert [attempt.action for attempt in simulation.remediation().status.attempts] == ["rolloutRestart"]
        records = simulation.world.store.view(kube.CONTROLLER_REVISIONS, SHOP)
        assert [record["metadata"]["annotations"]["platelet.dev/health"] for record in records] == ["Healthy"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("action", ["rolloutUndo", "rolloutRestart", "scale"])
def test_what_people_switched_off_is_left_alone_and_they_are_told_why(action: str, kind: str) -> None:
    settings = {"by": 1} if action == "scale" else {}
    with Simulation() as simulation:
        targets = {"kinds": [kind], "selector": {"matchLabels": {"heal": "yes"}}}
        begin(
            simulation,
            step(action, settings),
            triggers=[on_alert("Busy")],
            targets=targets,
            approval={"kinds": []},
        )
        if kind == "StatefulSet":
            simulation.world.delete("api")
            simulation.world.deploy_stateful_set("api", "app:good-1", 2, labels={"heal": "yes"})
            simulation.run(3 * MINUTE)
        simulation.world.release("api", "app:good-2")
        simulation.run(5 * MINUTE)
        simulation.world.scale("api", 0)
        simulation.run(MINUTE)
        named = {key: value for key, value in BUSY.items() if key != "deployment"}
        simulation.alerts.fire("f1", {**named, kind.lower(): "api"})
        simulation.run(30 * MINUTE)
        assert effects(simulation.world.server.audit) == {}
        status = simulation.remediation().status
        assert (status.state, status.reason) == ("Escalated", reasons.NO_STEP_LEFT)
        assert reasons.SCALED_TO_ZERO in status.message
