"""What a start needs is gone, while pods that were made before run on: nothing may make all pods anew."""

from datetime import timedelta

import pytest

from platelet.model import reasons
from platelet.replay.kubelet import Behaviour
from platelet.shell.kube import Json
from tests.scenarios.heals import HEAL, effects
from tests.scenarios.incidents import MINUTE, states
from tests.scenarios.manifests import on_pods, policy, runbook, step
from tests.scenarios.simulation import Simulation

LONG = timedelta(hours=5)
SHORT: Json = {"workload": {"conditions": ["ReplicasUnavailable"], "for": "2m"}}
PULL: Json = on_pods("ImagePullBackOff")
STARTS: dict[str, tuple[Behaviour, Json]] = {
    "a config that was changed: they crash": ("crash", on_pods()),
    "the same, and no probe lets them be ready": ("crash-unready", on_pods()),
    "a pull secret that has expired": ("pullfail", PULL),
    "a key that is gone": ("configerror", on_pods("CreateContainerConfigError")),
    "a dependency that they wait for": ("unready", SHORT),
}


def begin(simulation: Simulation, *triggers: Json) -> None:
    """Four pods of an old release, an older one to go back to, and a runbook that undoes and restarts."""
    simulation.apply(runbook(step("rolloutUndo"), step("rolloutRestart")), policy(triggers=list(triggers)))
    simulation.world.deploy("api", "app:good-1", 4, labels=HEAL)
    simulation.run(LONG)
    simulation.world.release("api", "app:good-2")


def available(simulation: Simulation) -> int:
    return int(simulation.world.deployment("api")["status"]["availableReplicas"])


@pytest.mark.parametrize(("behaviour", "trigger"), STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("age", [25 * MINUTE, LONG], ids=["young release", "old release"])
def test_the_pods_that_run_are_left_alone_and_people_hear_why(
    simulation: Simulation, age: timedelta, behaviour: Behaviour, trigger: Json
) -> None:
    begin(simulation, trigger)
    simulation.run(age)
    simulation.world.spoil_starts(behaviour)
    simulation.world.lose_pod("api")
    simulation.run(40 * MINUTE)
    assert effects(simulation.world.server.audit) == {}
    assert available(simulation) == 3
    status = simulation.remediation().status
    assert (status.state, status.reason) == ("Escalated", reasons.NO_STEP_LEFT)
    assert reasons.NEW_PODS_FAIL in status.message


def test_a_pod_that_failed_after_a_good_run_is_restarted_with_the_others(simulation: Simulation) -> None:
    begin(simulation, on_pods())
    simulation.run(LONG)
    (pod, *_) = simulation.world.pods("api")
    simulation.world.controllers.pods.lives[pod["metadata"]["uid"]].sicken("crash", simulation.world.now)
    simulation.run(30 * MINUTE)
    assert len(effects(simulation.world.server.audit)) == 1, simulation.describe()
    assert states(simulation) == [("Closed", reasons.RECOVERED)]


def test_a_bad_release_of_which_no_pod_ever_ran_well_is_undone_as_ever(simulation: Simulation) -> None:
    begin(simulation, on_pods())
    simulation.run(LONG)
    simulation.world.release("api", "app:crash-unready-3")
    simulation.run(30 * MINUTE)
    assert simulation.world.image("api") == "app:good-2"
    assert states(simulation) == [("Closed", reasons.RECOVERED)]
