"""People silence an alert while its incident is open, or another alert inhibits it: nothing more is done (TRAPS 20)."""

from collections.abc import Iterator

import pytest

from platelet.model import reasons
from tests.scenarios.heals import effects
from tests.scenarios.incidents import BUSY, MINUTE, begin, states
from tests.scenarios.manifests import on_alert, step
from tests.scenarios.operator_in_model import RESYNC
from tests.scenarios.simulation import Simulation

FREEZE = {"suspended": {"reason": "release freeze"}}


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation() as simulation:
        steps = (step("rolloutRestart"), step("scale", {"by": 1, "max": 9}))
        begin(simulation, *steps, triggers=[on_alert("Busy")], limits={"giveUpAfter": "12h"})
        yield simulation


def poll(simulation: Simulation, **held: set[str]) -> None:
    """Alertmanager is asked, at a moment when the leader knows what it holds."""
    simulation.run(RESYNC)
    (leader,) = simulation.processes
    answer = leader.poll(**held)
    simulation.run(MINUTE)
    answer.result()


def test_an_alert_that_is_silenced_while_it_waits_is_acted_on_only_after_the_silence(simulation: Simulation) -> None:
    simulation.budget_spec(FREEZE)
    simulation.alerts.fire("f00d", BUSY)
    poll(simulation, suppressed={"f00d"})
    simulation.budget_spec({"suspended": None})
    simulation.run(60 * MINUTE)
    assert states(simulation) == [("Waiting", reasons.ALERT_SILENCED)]
    assert effects(simulation.world.server.audit) == {}
    poll(simulation, active={"f00d"})
    assert len(effects(simulation.world.server.audit)) == 1


def test_an_alert_that_is_silenced_while_it_is_verified_has_not_recovered_and_leads_to_no_further_step(
    simulation: Simulation,
) -> None:
    simulation.alerts.fire("f00d", BUSY)
    simulation.run_until(lambda: bool(effects(simulation.world.server.audit)))
    poll(simulation, suppressed={"f00d"})
    simulation.run(60 * MINUTE)
    assert states(simulation) == [("Waiting", reasons.ALERT_SILENCED)]
    assert len(effects(simulation.world.server.audit)) == 1
    simulation.alerts.resolve("f00d")
    simulation.run(5 * MINUTE)
    assert states(simulation)[0][0] in ("Monitoring", "Closed")
    assert len(effects(simulation.world.server.audit)) == 1
