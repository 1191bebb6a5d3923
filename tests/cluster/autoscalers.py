"""Autoscalers for the live tests: HPAs, and the part of KEDA's ScaledObject that matters."""

from typing import Any

import yaml

from tests.cluster.control_plane import ControlPlane
from tests.cluster.incidents import Scene
from tests.cluster.manifests import Json

HPA = "/apis/autoscaling/v2|horizontalpodautoscalers"
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1|scaledobjects"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {
            "kind": "ScaledObject",
            "listKind": "ScaledObjectList",
            "plural": "scaledobjects",
            "singular": "scaledobject",
        },
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING}}},
            }
        ],
    },
}


def install_keda(plane: ControlPlane) -> None:
    """The CRD; nothing runs behind it."""
    plane.kubectl("apply", "-f", "-", input=yaml.safe_dump(_CRD))
    plane.kubectl("wait", "crd", "scaledobjects.keda.sh", "--for=condition=Established", "--timeout=30s")


def hpa(name: str, least: int, most: int, owner: Json | None = None) -> str:
    """An HPA of the Deployment of its name; `owner` is the ScaledObject that KEDA made it of."""
    owners = {}
    if owner is not None:
        metadata = owner["metadata"]
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
        owners = {"ownerReferences": [{**reference, "name": metadata["name"], "uid": metadata["uid"]}]}
    return _document("autoscaling/v2", "HorizontalPodAutoscaler", name, owners, minReplicas=least, maxReplicas=most)


def scaled_object(name: str, **spec: int) -> str:
    """A ScaledObject of the Deployment of its name."""
    return _document("keda.sh/v1alpha1", "ScaledObject", name, {}, **spec)


def spec_of(scene: Scene, path: str, name: str) -> Json:
    """The spec of an autoscaler."""
    spec: Json = next(stored["spec"] for stored in scene.items(path) if stored["metadata"]["name"] == name)
    return spec


def bounds_of(scene: Scene, name: str) -> tuple[int, int]:
    """The least and the most replicas of an HPA."""
    spec = spec_of(scene, HPA, name)
    return spec["minReplicas"], spec["maxReplicas"]


def _document(version: str, kind: str, name: str, metadata: Json, **spec: Any) -> str:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    whole = {"scaleTargetRef": target, **spec}
    return yaml.safe_dump({"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": whole})
