"""That a template ran well is on record when it is so: whatever incident is open, and without another event."""

from datetime import datetime, timedelta

from platelet.model.durations import parse_time
from platelet.shell import kube
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

TEN_MINUTES = 10 * MINUTE
SOON = timedelta(seconds=5)


def healthy_at(simulation: Simulation, image: str) -> datetime | None:
    """When its record became Healthy; None while it is not."""
    for record in simulation.world.store.view(kube.CONTROLLER_REVISIONS, SHOP):
        noted = record["metadata"]["annotations"]
        if record["data"]["template"]["spec"]["containers"][0]["image"] == image:
            return parse_time(noted["platelet.dev/health-since"]) if noted["platelet.dev/health"] == "Healthy" else None
    return None


def test_what_an_undo_brought_back_is_healthy_when_it_has_run_for_long_enough() -> None:
    """Nothing happens to it in between: neither a pod nor the workload says anything."""
    with Simulation(healthy_for=TEN_MINUTES) as simulation:
        begin(simulation, step("rolloutUndo", {"ifUnknown": "Previous"}))
        simulation.world.release("api", "app:crash-2")
        simulation.run_until(lambda: simulation.world.image("api") == "app:good-1")
        back = simulation.world.now
        simulation.run(3 * MINUTE)
        assert states(simulation)[0][0] == "Monitoring"
        simulation.run(TEN_MINUTES)
        proven = healthy_at(simulation, "app:good-1")
        assert proven is not None
        assert back + TEN_MINUTES <= proven <= back + TEN_MINUTES + MINUTE


def test_an_alert_that_stays_open_keeps_no_template_from_being_healthy() -> None:
    with Simulation(healthy_for=TEN_MINUTES) as simulation:
        begin(simulation, step("scale", {"to": 2}), triggers=[on_alert("Busy")])
        simulation.alerts.fire("f1", BUSY, lasts=timedelta(hours=3))
        simulation.run(2 * MINUTE)
        simulation.world.release("api", "app:good-2")
        released = simulation.world.now
        simulation.run(timedelta(minutes=11))
        assert states(simulation)[0][0] == "Escalated"
        proven = healthy_at(simulation, "app:good-2")
        assert proven is not None
        assert released + TEN_MINUTES <= proven <= released + TEN_MINUTES + 3 * SOON


def test_what_people_mended_is_healthy_though_its_incident_is_not_let_go() -> None:
    with Simulation(healthy_for=timedelta(seconds=90)) as simulation:
        begin(simulation, step("rolloutRestart"))
        simulation.run(10 * MINUTE)
        simulation.world.release("api", "app:crash-2")
        simulation.run_until(lambda: "Escalated" in {state for state, _ in states(simulation)})
        simulation.world.release("api", "app:good-3")
        simulation.run(2 * MINUTE)
        assert healthy_at(simulation, "app:good-3") is not None
