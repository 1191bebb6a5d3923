"""People change the workload between our last look at it and our write: what they did is never overwritten."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from platelet.shell import kube
from tests.scenarios import history
from tests.scenarios.heals import HEAL, HEALS, effects, is_over, play
from tests.scenarios.model_api import Call, FaultKind
from tests.scenarios.simulation import Simulation

MINUTE = timedelta(minutes=1)
UNDO, RESTART, SCALE = list(HEALS)[:3]


def first_write(name: str) -> Call:
    """The first write of an attempt, in a play without a fault."""
    audit = play(HEALS[name]).simulation.world.server.audit
    return next(call for call in audit if effects([call]))


@dataclass
class Race:
    """One play in which people act at a call."""

    name: str
    deed: Callable[[Simulation], None]
    fault: FaultKind | None = None  # of the write itself; then people act before the call after it

    def run(self, simulation: Simulation) -> None:
        """Play it, and what comes of it."""
        at = first_write(self.name).index
        server = simulation.world.server
        if self.fault is not None:
            server.faults.at[at] = self.fault
        moment = at + (1 if self.fault is not None else 0)
        HEALS[self.name].prepare(simulation)
        server.on_call = lambda index: self.deed(simulation) if index == moment else None
        HEALS[self.name].strike(simulation)
        simulation.run(30 * MINUTE)


def check(simulation: Simulation) -> None:
    audit = simulation.world.server.audit
    assert history.offences(audit) == []
    assert set(effects(audit).values()) <= {1}, effects(audit)


def redeploy(simulation: Simulation) -> None:
    simulation.world.delete("api")
    simulation.world.deploy("api", "app:crash-2", replicas=3, labels=HEAL)


def test_an_undo_does_not_overwrite_a_release_made_meanwhile(simulation: Simulation) -> None:
    Race(UNDO, lambda it: it.world.release("api", "app:good-2")).run(simulation)
    check(simulation)
    assert simulation.world.image("api") == "app:good-2"
    assert effects(simulation.world.server.audit) == {}


def test_an_undo_is_sent_again_after_a_change_that_means_nothing(simulation: Simulation) -> None:
    Race(UNDO, lambda it: it.world.annotate("api", {"team": "a"})).run(simulation)
    check(simulation)
    assert simulation.world.image("api") == "app:good-1"
    assert len(effects(simulation.world.server.audit)) == 1


def test_a_restart_does_not_follow_somebody_elses_restart(simulation: Simulation) -> None:
    Race(RESTART, lambda it: it.world.rollout_restart("api")).run(simulation)
    check(simulation)
    assert effects(simulation.world.server.audit) == {}


def test_a_restart_does_not_hit_a_release_made_meanwhile(simulation: Simulation) -> None:
    Race(RESTART, lambda it: it.world.release("api", "app:good-2")).run(simulation)
    check(simulation)
    assert effects(simulation.world.server.audit) == {}


def test_a_scale_does_not_overwrite_a_number_that_people_have_set(simulation: Simulation) -> None:
    """Three are fewer than the step's five, so it may act anew, and then goes back to three."""
    Race(SCALE, lambda it: it.world.scale("api", 3)).run(simulation)
    check(simulation)
    assert simulation.world.replicas("api") == 3


@pytest.mark.parametrize("name", [UNDO, RESTART, SCALE])
def test_nothing_is_written_on_a_workload_that_was_created_anew(simulation: Simulation, name: str) -> None:
    """The attempt was planned on another uid; a further one may follow, under its own id."""
    Race(name, redeploy).run(simulation)
    check(simulation)
    planned = first_write(name).agent
    assert any(call.agent == planned for call in simulation.world.server.audit)
    assert planned not in effects(simulation.world.server.audit)


@pytest.mark.parametrize("fault", ["answer lost", "kill after"])
@pytest.mark.parametrize(
    ("name", "deed"),
    [
        (UNDO, lambda it: it.world.release("api", "app:crash")),
        (SCALE, lambda it: it.world.scale("api", 2)),
    ],
    ids=["undo", "scale"],
)
def test_a_write_that_people_took_back_before_we_knew_of_it_is_not_repeated(
    simulation: Simulation, name: str, deed: Callable[[Simulation], None], fault: FaultKind
) -> None:
    """It looks as if it had never been made; only the generation tells."""
    Race(name, deed, fault).run(simulation)
    check(simulation)
    assert is_over(simulation)


def test_people_who_delete_the_remediation_between_intent_and_write_stop_it(simulation: Simulation) -> None:
    """The write may still go out under its pinned id, and no second one under it."""

    def delete(it: Simulation) -> None:
        for remediation in it.remediations():
            it.world.store.delete(kube.REMEDIATIONS, remediation.namespace, remediation.name)

    Race(UNDO, delete).run(simulation)
    check(simulation)
    assert simulation.world.image("api") == "app:good-1"
