"""Who came to own a number after we set it keeps it: no revert and no undo of a failed step overrides them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from platelet.model import reasons
from platelet.shell import kube
from tests.scenarios.heals import RAISE, effects, look
from tests.scenarios.incidents import BUSY, MINUTE, begin
from tests.scenarios.manifests import on_alert, step
from tests.scenarios.simulation import Simulation
from tests.scenarios.world import SHOP

Come = Callable[[Simulation], None]


def an_hpa(simulation: Simulation) -> None:
    simulation.world.autoscale("api", 4, 10)


def keda(simulation: Simulation) -> None:
    """A ScaledObject and the HPA that KEDA makes of it."""
    reference = {"scaleTargetRef": {"name": "api"}}
    body = {"metadata": {"name": "queue"}, "spec": {**reference, "minReplicaCount": 4}}
    simulation.world.store.create(kube.SCALED_OBJECTS, SHOP, body)
    simulation.world.autoscale("api", 4, 10)
    label = {"metadata": {"labels": {"scaledobject.keda.sh/name": "queue"}}}
    simulation.world.store.patch(kube.AUTOSCALERS, SHOP, "api", label)


def argo(simulation: Simulation) -> None:
    simulation.world.annotate("api", {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/api"})


def flux(simulation: Simulation) -> None:
    simulation.world.edit("api", {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}})


def an_operator(simulation: Simulation) -> None:
    owner = {"apiVersion": "example.com/v1", "kind": "Shop", "name": "shop", "uid": "u-1", "controller": True}
    simulation.world.edit("api", {"metadata": {"ownerReferences": [owner]}})


NEWCOMERS: dict[str, Come] = {come.__name__: come for come in (an_hpa, keda, argo, flux, an_operator)}


def lend(simulation: Simulation, settings: kube.Json, replicas: int, **more: Any) -> None:
    """Scale for a while; the alert is over soon."""
    begin(simulation, step("scale", settings), triggers=[on_alert("Busy")], **more)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.replicas("api") == replicas)
    simulation.alerts.resolve("f1")
    simulation.run(5 * MINUTE)


def notes(simulation: Simulation) -> set[str]:
    return {decision.reason for rem in simulation.remediations() for decision in rem.status.decisions}


@pytest.mark.parametrize("come", NEWCOMERS.values(), ids=NEWCOMERS)
def test_a_number_that_somebody_owns_by_now_is_left_to_them(simulation: Simulation, come: Come) -> None:
    lend(simulation, {"to": 4, "revertAfter": "30m"}, 4)
    come(simulation)
    before = effects(simulation.world.server.audit)
    simulation.run(timedelta(hours=2))
    assert effects(simulation.world.server.audit) == before
    assert simulation.world.replicas("api") == 4
    assert reasons.NOT_OURS_ANYMORE in notes(simulation)
    assert look(simulation).unsettled == []


@pytest.mark.parametrize("come", [argo, flux, an_operator])
def test_who_was_overridden_knowingly_gets_the_number_back(simulation: Simulation, come: Come) -> None:
    """With `force` the step scaled although they own it; what it lent is reverted all the same."""
    lend(simulation, {"to": 4, "revertAfter": "30m"}, 4, force=True)
    come(simulation)
    simulation.run(timedelta(hours=2))
    assert simulation.world.replicas("api") == 2


def test_an_autoscaler_that_went_again_owns_nothing(simulation: Simulation) -> None:
    lend(simulation, {"to": 4, "revertAfter": "30m"}, 4)
    an_hpa(simulation)
    simulation.run(5 * MINUTE)
    simulation.world.store.delete(kube.AUTOSCALERS, SHOP, "api")
    simulation.run(timedelta(hours=1))
    assert simulation.world.replicas("api") == 2


def test_an_autoscaler_of_another_workload_owns_nothing_here(simulation: Simulation) -> None:
    lend(simulation, {"to": 4, "revertAfter": "30m"}, 4)
    simulation.world.deploy("web", "app:good-1")
    simulation.world.autoscale("web", 4, 10)
    simulation.run(timedelta(hours=1))
    assert simulation.world.replicas("api") == 2


@pytest.mark.parametrize("come", NEWCOMERS.values(), ids=NEWCOMERS)
def test_a_failed_scale_is_not_undone_under_who_owns_the_number_by_now(simulation: Simulation, come: Come) -> None:
    more = step("scale", {"by": 2}, onFailure="Revert", verify={"timeout": "2m", "stableFor": "10s"})
    begin(simulation, more, image="app:good-1")
    simulation.world.sicken_pods("api", "crash")
    simulation.run_until(lambda: simulation.world.replicas("api") == 4)
    come(simulation)
    before = effects(simulation.world.server.audit)
    simulation.run(30 * MINUTE)
    assert effects(simulation.world.server.audit) == before
    assert simulation.world.replicas("api") == 4


REPLACED: dict[str, dict[str, Any]] = {
    "Argo CD": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:autoscaling/HorizontalPodAutoscaler:shop/api"}},
    "Flux": {"labels": {"helm.toolkit.fluxcd.io/name": "shop"}},
}


@pytest.mark.parametrize("metadata", REPLACED.values(), ids=REPLACED)
def test_raised_bounds_that_came_under_gitops_are_left_alone(simulation: Simulation, metadata: kube.Json) -> None:
    simulation.world.deploy("idle", "app:good-1")
    begin(simulation, step("scale", RAISE), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.bounds("api") == (5, 5))
    simulation.alerts.resolve("f1")
    simulation.run(MINUTE)
    simulation.world.store.patch(kube.AUTOSCALERS, SHOP, "api", {"metadata": metadata})
    simulation.run(timedelta(hours=1))
    assert simulation.world.bounds("api") == (5, 5)
    assert look(simulation).unsettled == []


def test_the_bounds_of_an_autoscaler_that_was_made_anew_are_its_own(simulation: Simulation) -> None:
    """By chance the same numbers: another object, made by people."""
    begin(simulation, step("scale", RAISE), triggers=[on_alert("Busy")])
    simulation.world.autoscale("api", 2, 4)
    simulation.alerts.fire("f1", BUSY)
    simulation.run_until(lambda: simulation.world.bounds("api") == (5, 5))
    simulation.alerts.resolve("f1")
    simulation.run(MINUTE)
    simulation.world.store.delete(kube.AUTOSCALERS, SHOP, "api")
    simulation.world.autoscale("api", 5, 5)
    simulation.run(timedelta(hours=1))
    assert simulation.world.bounds("api") == (5, 5)
    assert look(simulation).unsettled == []
