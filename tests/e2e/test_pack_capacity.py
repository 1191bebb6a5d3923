"""More replicas that help, with real containers: each can answer so many customers, and sheds the others.

Nine ask every second; all situations at once, to save time.
"""

import pytest

from tests.e2e import apps
from tests.e2e.theatre import PutOn, Theatre, variables

ARCHITECT, WAOOAW = "architect-api", "waooaw-backend"
CAPACITY = {"p1": 15, "p2": 33, "waooaw": 27}  # of one pod in ten seconds; customers ask for 90
SHORT, LONG = "6s", "40s"  # until it is known that a step does not help, and until all pods that one adds are there

Healed = tuple[Theatre, list[str]]  # and the actions that it took


@pytest.fixture(scope="module")
def healed(put_side_by_side: PutOn) -> dict[str, Healed]:
    """Services of two pods that were well until customers came, right after a release that is as good.

    Those leave once they are answered.
    """
    stages = {
        "p2": put_side_by_side(ARCHITECT, ARCHITECT, faster=60),
        "waooaw": put_side_by_side("waooaw", WAOOAW, faster=60),
        "p1": put_side_by_side(ARCHITECT, ARCHITECT, faster=20),  # P2 would else be known before an alert
    }
    stages["p2"].set_patience("p2-errors", {"scale-up": LONG})
    stages["waooaw"].set_patience("service-down", {"scale-immediately": LONG})
    stages["p1"].set_patience("p1-api-down", {"restart": SHORT, "roll-back": SHORT, "scale-up": LONG})
    for name, stage in stages.items():
        stage.put(stage.target, 2, apps.GOOD, env=variables(CAPACITY=str(CAPACITY[name])))
    stages["p2"].stand("redis")  # the dependency that it looks at
    for name in ("p1", "waooaw"):
        stages[name].scene.until_proven(stages[name].target)
        stages[name].release(apps.GOOD_2)
    for stage in stages.values():
        stage.scene.kubectl("rollout", "status", f"deployment/{stage.target}", "--timeout=60s")
        stage.invite(PACE="0.1")
    return {name: (stage, until_answered(stage)) for name, stage in stages.items()}


def until_answered(stage: Theatre) -> list[str]:
    acts = stage.until_healed()
    stage.scene.kubectl("scale", "deployment/customers", "--replicas=0")
    return acts


def test_p2_gets_20_pods_which_go_again_once_the_customers_do(healed: dict[str, Healed]) -> None:
    stage, acts = healed["p2"]
    stage.scene.until("the pods from before", ARCHITECT, lambda: len(stage.scaled()) > 1, 120)
    assert (acts, stage.scaled()) == (["scale"], [20, 2])


def test_waooaw_the_rollback_does_not_help_and_six_pods_do(healed: dict[str, Healed]) -> None:
    stage, acts = healed["waooaw"]
    assert acts == ["rolloutUndo", "scale"]
    assert (stage.scene.image(WAOOAW), stage.scene.replicas(WAOOAW)) == (apps.GOOD, 6)


def test_p1_neither_restart_nor_rollback_help_and_15_pods_do(healed: dict[str, Healed]) -> None:
    stage, acts = healed["p1"]
    assert acts == ["rolloutRestart", "rolloutUndo", "scale"]
    assert (stage.scene.image(ARCHITECT), stage.scene.replicas(ARCHITECT)) == (apps.GOOD, 15)
