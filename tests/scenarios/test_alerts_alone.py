"""Alerts that only their severity has let in, on a whole operator: people hear of them where the workload is well."""

from datetime import timedelta

import pytest

from platelet.model import reasons
from tests.scenarios.heals import HEAL, effects
from tests.scenarios.incidents import MINUTE, begin, states
from tests.scenarios.manifests import on_alert, on_pods, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

GENERIC = {"alert": {"matchers": ['severity=~"critical|page"']}}
ORPHANED = {"alertname": "VolumeOrphaned", "severity": "critical", "namespace": SHOP, "deployment": "api"}

# Each row: matchers beside the severity, the age of the release, and how often it is acted on.
ALONE = {
    "by severity, days after the release": ([], timedelta(days=2), 0),
    "by severity, a moment after the release": ([], timedelta(minutes=20), 1),
    "by name, days after the release": (['alertname="VolumeOrphaned"'], timedelta(days=2), 1),
    "by any name, days after the release": (['alertname=~".+"'], timedelta(days=2), 0),
}


@pytest.mark.parametrize(("more", "age", "acts"), ALONE.values(), ids=ALONE)
def test_an_alert_alone_acts_by_its_name_or_on_a_young_release(more: list[str], age: timedelta, acts: int) -> None:
    with Simulation() as simulation:
        trigger = {"alert": {"matchers": [*GENERIC["alert"]["matchers"], *more]}}
        begin(simulation, step("rolloutRestart"), triggers=[trigger])
        simulation.run(age)
        simulation.alerts.fire("f00d", ORPHANED)
        simulation.run(5 * MINUTE)
        assert len(effects(simulation.world.server.audit)) == acts
        if not acts:
            assert states(simulation) == [("Escalated", reasons.NOTHING_WRONG_WITH_TARGET)]
        simulation.alerts.resolve("f00d")
        simulation.run(5 * 60 * MINUTE)
        assert [state for state, _ in states(simulation)] == ["Closed"]
        assert len(effects(simulation.world.server.audit)) == acts


def test_an_alert_by_severity_acts_where_pods_are_sick() -> None:
    """The workload itself speaks, though no trigger on pods asks it."""
    with Simulation() as simulation:
        begin(simulation, step("rolloutUndo"), triggers=[GENERIC])
        simulation.world.deploy("web", "app:good-1", labels=HEAL)
        simulation.run(12 * 60 * MINUTE)
        simulation.world.release("api", "app:crash-2")
        simulation.run(2 * MINUTE)
        simulation.alerts.fire("f00d", ORPHANED)
        simulation.run(5 * MINUTE)
        assert len(effects(simulation.world.server.audit)) == 1


def test_what_people_heard_of_by_severity_is_healed_when_its_pods_get_sick() -> None:
    """Nothing was done because nothing was wrong: that is no reason to leave a crash loop alone hours later."""
    with Simulation() as simulation:
        begin(simulation, step("rolloutRestart"), triggers=[GENERIC, on_pods()])
        simulation.run(12 * 60 * MINUTE)
        simulation.alerts.fire("f00d", ORPHANED)
        simulation.run(20 * MINUTE)
        assert states(simulation) == [("Escalated", reasons.NOTHING_WRONG_WITH_TARGET)]
        simulation.world.sicken_pods("api", "crash-unready")
        simulation.run(10 * MINUTE)
        assert len(effects(simulation.world.server.audit)) == 1
        (only,) = simulation.remediations()
        assert reasons.SICK_AFTER_ALL in {decision.reason for decision in only.status.decisions}


def test_what_people_heard_of_by_severity_is_acted_on_when_an_alert_is_named() -> None:
    with Simulation() as simulation:
        begin(simulation, step("rolloutRestart"), triggers=[GENERIC, on_alert("Deadlocked")])
        simulation.run(12 * 60 * MINUTE)
        simulation.alerts.fire("f00d", ORPHANED)
        simulation.run(20 * MINUTE)
        simulation.alerts.fire("dead", {**ORPHANED, "alertname": "Deadlocked"})
        simulation.run(5 * MINUTE)
        assert len(effects(simulation.world.server.audit)) == 1
