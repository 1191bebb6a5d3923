"""VerticalPodAutoscalers for the live tests: the part of them that matters; nothing runs behind it."""

import yaml

from tests.cluster.control_plane import ControlPlane

NAME = "verticalpodautoscalers.autoscaling.k8s.io"
_KIND = "VerticalPodAutoscaler"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def install(plane: ControlPlane) -> None:
    """The CRD. Its group is one of Kubernetes' own, whose CRDs must say where they were agreed on."""
    plural, _, group = NAME.partition(".")
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING}}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": NAME,
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/63797"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": _KIND, "listKind": f"{_KIND}List", "plural": plural, "singular": _KIND.lower()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    plane.kubectl("apply", "-f", "-", input=yaml.safe_dump(crd))
    plane.kubectl("wait", "crd", NAME, "--for=condition=Established", "--timeout=30s")


def of_deployment(name: str, mode: str) -> str:
    """The VerticalPodAutoscaler of the Deployment of its name."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return yaml.safe_dump(
        {
            "apiVersion": "autoscaling.k8s.io/v1",
            "kind": _KIND,
            "metadata": {"name": name},
            "spec": {"targetRef": target, "updatePolicy": {"updateMode": mode}},
        }
    )
