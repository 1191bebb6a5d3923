"""HPAs and ScaledObjects as they are read and written."""

from typing import Any

import pytest

from platelet.api.readers import autoscalers
from platelet.model.autoscaler import AutoscalerKind

HPA: AutoscalerKind = "HorizontalPodAutoscaler"
SCALED: AutoscalerKind = "ScaledObject"


def stored(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "api", "uid": "u", "resourceVersion": "5", **metadata}, "spec": spec or {}}


def owned_by(kind: str, version: str) -> dict[str, Any]:
    return {"ownerReferences": [{"apiVersion": version, "kind": kind, "name": "boss", "uid": "b", "controller": True}]}


@pytest.mark.parametrize(
    ("kind", "spec", "written", "holds"),
    [
        pytest.param(HPA, {"minReplicas": 2, "maxReplicas": 9}, (2, 9), (2, 9), id="an HPA"),
        pytest.param(HPA, {"maxReplicas": 9}, (None, 9), (1, 9), id="an HPA without a minimum"),
        pytest.param(SCALED, {}, (None, None), (0, 100), id="a ScaledObject that says nothing"),
        pytest.param(SCALED, {"minReplicaCount": 0, "maxReplicaCount": 4}, (0, 4), (0, 4), id="a ScaledObject to zero"),
        pytest.param(SCALED, {"minReplicaCount": "2"}, (0, None), (0, 100), id="what is no number"),
    ],
)
def test_what_it_says_and_what_holds(
    kind: AutoscalerKind, spec: dict[str, Any], written: tuple[int | None, int | None], holds: tuple[int, int]
) -> None:
    """What it says is put back as it was, also where it says nothing."""
    read = autoscalers.read_autoscaler(kind, stored(spec))
    assert (read.bounds.min, read.bounds.max) == written
    assert (read.least, read.most) == holds
    assert (read.bounds.kind, read.bounds.name, read.bounds.uid, read.resource_version) == (kind, "api", "u", "5")


@pytest.mark.parametrize(
    ("obj", "name"),
    [
        pytest.param(stored(**owned_by("ScaledObject", "keda.sh/v1alpha1")), "boss", id="by its owner"),
        pytest.param(stored(labels={"scaledobject.keda.sh/name": "so"}), "so", id="by its label"),
        pytest.param(stored(**owned_by("ScaledObject", "other.io/v1")), "", id="a namesake of another group"),
        pytest.param(stored(), "", id="an HPA of people"),
    ],
)
def test_behind_an_hpa_may_be_a_scaled_object(obj: dict[str, Any], name: str) -> None:
    assert autoscalers.scaled_object_of(obj) == name


@pytest.mark.parametrize(
    ("kind", "obj", "words"),
    [
        pytest.param(HPA, stored(), "", id="free"),
        pytest.param(HPA, stored(**owned_by("Rollout", "argoproj.io/v1alpha1")), "Rollout boss owns it", id="owned"),
        pytest.param(SCALED, stored(annotations={"autoscaling.keda.sh/paused": "true"}), "paused", id="paused"),
        pytest.param(SCALED, stored(annotations={"autoscaling.keda.sh/paused": "false"}), "", id="not paused"),
        pytest.param(
            SCALED, stored(annotations={"autoscaling.keda.sh/paused-replicas": "0"}), "paused", id="held at 0"
        ),
    ],
)
def test_what_keeps_its_bounds_from_being_raised(kind: AutoscalerKind, obj: dict[str, Any], words: str) -> None:
    unusable = autoscalers.read_autoscaler(kind, obj).unusable
    assert words in unusable
    assert bool(unusable) == bool(words)


def test_which_workload_it_scales() -> None:
    reference = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}}
    assert autoscalers.scales(stored(reference), "StatefulSet", "db")
    assert not autoscalers.scales(stored(reference), "Deployment", "db")
    assert not autoscalers.scales(stored(), "Deployment", "db")
